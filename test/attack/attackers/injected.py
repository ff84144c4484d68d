"""Code of the attacker runs inside an allowed program.

preload   a library is loaded into it (LD_PRELOAD)
unmapped  the same, and the library puts itself where no file is mapped before it asks
options   Node.js loads a module of the attacker (NODE_OPTIONS)
script    the allowed interpreter is given another script
traced    the attacker traces it while it asks
"""

import ctypes
import os
import subprocess
import sys

from attacker import HERE, INTERPRETER, argument, call, libc, opening

PTRACE_TRACEME, PTRACE_CONT = 0, 7

how = argument()
if how in ("preload", "unmapped"):
    library = os.path.abspath("injected.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, os.path.join(HERE, "injected.c")], check=True)
    with open("request", "wb") as file:
        file.write(opening() + call())
    os.execve(os.environ["ATTACK_SLEEPER"], ["sleeper", "0"], {**os.environ, "LD_PRELOAD": library, **({"ATTACK_LEAVE": "1"} if how == "unmapped" else {})})
elif how == "options":
    with open("request", "wb") as file:
        file.write(opening() + call())
    os.execve(
        os.environ["ATTACK_NODE"],
        ["node", "-e", "0"],
        {**os.environ, "NODE_OPTIONS": "--require " + os.path.join(HERE, "injected.js")},
    )
elif how == "script":
    os.execv(INTERPRETER, [INTERPRETER, os.path.join(HERE, "ask.py")])
elif how == "traced":
    child = os.fork()
    if child == 0:
        libc.ptrace(PTRACE_TRACEME, 0, None, None)
        os.execv(INTERPRETER, [INTERPRETER, os.path.join(HERE, "ask.py")])
    while True:
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            break
        number = os.WSTOPSIG(status)
        libc.ptrace(PTRACE_CONT, child, None, ctypes.c_void_p(0 if number == 5 else number))
sys.exit(0)
