"""Makes the node hash: forty programs with hashes of their own ask, while an honest one asks for its SVID."""

import os
import shutil
import subprocess
import sys

from attacker import HERE, INTERPRETER

PLAIN = os.path.realpath("/usr/bin/python3")
ASK = os.path.join(HERE, "ask.py")
MANY = 40


def own_copy(name):
    shutil.copyfile(PLAIN, name)
    with open(name, "ab") as file:
        file.write(os.urandom(16))
    os.chmod(name, 0o755)
    return os.path.abspath(name)


asking = []
for number in range(MANY):
    program = own_copy(f"many-{number}")
    asking.append(subprocess.Popen([program, ASK], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
honest = subprocess.run([INTERPRETER, ASK], capture_output=True)
sys.stdout.buffer.write(honest.stdout)
sys.stdout.flush()
for process in asking:
    process.wait()
for number in range(MANY):
    os.unlink(f"many-{number}")
