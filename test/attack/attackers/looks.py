"""A program without an identity makes itself look like one that has one, and asks.

memfd     runs from memory, under the other's name
memfd-same  the same with the very bytes of the allowed program
replaced  its own file is replaced by the allowed program while it runs
deleted   its own file is removed, and the allowed program put where the kernel says it was
mounted   in namespaces of its own, its file is mounted over the allowed program
shown     has the kernel name the allowed program as the one that it runs
argv      its arguments, environment, name and title are the other's
comm      its name is written to break the parser of /proc/PID/stat
"""

import ctypes
import os
import shutil
import subprocess
import sys

from attacker import HERE, INTERPRETER, SLEEPER, TRIALS, argument, ask, call, connect, libc, opening, say

PLAIN = "/usr/bin/python3"
ME = os.path.abspath(__file__)
ASK = os.path.join(os.path.dirname(ME), "ask.py")
PR_SET_NAME = 15
NEWUSER, NEWNS, MS_BIND, MS_REC_PRIVATE = 0x10000000, 0x20000, 0x1000, 0x44000
NAMES = [b"x) S 1 1 1 0", b") R 1 (", b"))))", b"a\nb", b"\x1b[31m", b"\xff\xfe\x80", b"", b"(sd-pam)", b"a) Z 0 0 0 0", b" "]


def own_copy(name):
    shutil.copyfile(os.path.realpath(PLAIN), name)
    os.chmod(name, 0o755)
    return os.path.abspath(name)


def from_memory(program):
    memory = os.memfd_create("sleeper")
    with open(program, "rb") as file:
        os.write(memory, file.read())
    os.set_inheritable(memory, True)
    os.execv(f"/proc/self/fd/{memory}", [SLEEPER, ASK])


def replaced():
    name = own_copy("running")
    os.execv(name, [name, ME, "replaced-now", name])


def replaced_now(name):
    shutil.copyfile(INTERPRETER, name + ".new")
    os.chmod(name + ".new", 0o755)
    os.rename(name + ".new", name)
    ask(connect())


def deleted_now(name):
    os.unlink(name)
    shutil.copyfile(INTERPRETER, name)
    shutil.copyfile(INTERPRETER, name + " (deleted)")
    ask(connect())


def mounted():
    if libc.unshare(NEWUSER | NEWNS) != 0:
        return say(nothing="no namespaces for ordinary users here")
    libc.mount(None, b"/", None, ctypes.c_ulong(MS_REC_PRIVATE), None)
    if libc.mount(os.path.realpath(PLAIN).encode(), SLEEPER.encode(), None, ctypes.c_ulong(MS_BIND), None) != 0:
        return say(nothing="no bind mount here")
    os.execv(SLEEPER, [SLEEPER, ASK])


def shown():
    program = os.path.abspath("shown")
    subprocess.run(["cc", "-O1", "-o", program, os.path.join(HERE, "shown.c")], check=True)
    with open("request", "wb") as file:
        file.write(opening() + call())
    os.execv(program, [program, SLEEPER])


def argv():
    """Overwrites what /proc/PID/cmdline and environ show."""
    os.execve(PLAIN, [PLAIN, ME, "argv-now", "x" * 200], {**os.environ, "ATTACK_ROOM": "x" * 200})


def argv_now():
    with open("/proc/self/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    start, end = int(fields[45]), int(fields[46])
    forged = (SLEEPER.encode() + b"\0" + b"60\0").ljust(end - start, b"\0")
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(start)
        memory.write(forged)
    libc.prctl(PR_SET_NAME, b"sleeper", 0, 0, 0)
    ask(connect())


def comm(number):
    libc.prctl(PR_SET_NAME, NAMES[number % len(NAMES)], 0, 0, 0)
    ask(connect())


how = argument()
if how in ("memfd", "memfd-same"):
    from_memory(os.path.realpath(PLAIN) if how == "memfd" else INTERPRETER)
elif how == "replaced":
    replaced()
elif how == "replaced-now":
    replaced_now(argument(2))
elif how == "deleted":
    name = own_copy("leaving")
    os.execv(name, [name, ME, "deleted-now", name])
elif how == "deleted-now":
    deleted_now(argument(2))
elif how == "mounted":
    mounted()
elif how == "shown":
    shown()
elif how == "argv":
    argv()
elif how == "argv-now":
    argv_now()
elif how == "comm":
    for number in range(TRIALS):
        if os.fork() == 0:
            comm(number)
            os._exit(0)
        os.wait()
sys.exit(0)
