"""An agent of a launch holds an SVID; a process of another place takes it from there, or ends the agent.

apart.py HOW VICTIM THIEF: how is memory, vm, traced or descriptor as in theft.py, or signal; victim and thief are how they are started: `outside` every launch,
or the options of `mandate run` with commas between them (`--as-user`, `--no-confine`), `plain` for none.
"""

import ctypes
import os
import signal
import subprocess
import sys

from attacker import INTERPRETER, Reader, argument, call, connect, opening, say
from theft import PTRACE_SEIZE, VM_READV, by_mem, failed_call, libc, steal_descriptor, steal_key

ME = os.path.abspath(__file__)
PATIENCE_S = 20
# What stands before the bytes of a Python bytes object.
BYTES_HEADER = 64


def victim():
    connection = connect()
    connection.sendall(opening() + call())
    reader = Reader(connection)
    reader.until_answer()
    # Its own memory: a thief need not find the place first.
    print(os.getpid(), connection.fileno(), id(reader.all), len(reader.all) + BYTES_HEADER, flush=True)
    sys.stdin.read()


def thief(how, pid, number, at, length):
    try:
        if how == "signal":
            os.kill(pid, signal.SIGTERM)
            say(deed="ended the agent by a signal")
        elif how == "descriptor":
            steal_descriptor(pid, number)
        elif how == "traced" and libc.ptrace(PTRACE_SEIZE, pid, None, None) != 0:
            say(nothing=failed_call("ptrace"))
        else:
            steal_key(at_place(pid, at, length) if how == "vm" else by_mem(pid))
    except OSError as error:
        say(nothing=str(error))


def at_place(pid, at, length):
    buffer = ctypes.create_string_buffer(length)
    mine = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), length)
    theirs = (ctypes.c_uint64 * 2)(at, length)
    got = libc.syscall(VM_READV, pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
    if got < 0:
        raise PermissionError(failed_call("process_vm_readv"))
    yield buffer.raw[:got]


def started(where, command, **streams):
    if where != "outside":
        options = [] if where == "plain" else where.split(",")
        if "--as-user" in options:
            options += [word for name in os.environ if name.startswith("ATTACK_") for word in ("--env", name)]
        command = [os.environ["ATTACK_MANDATE"], "run", "-q", *options, "--", *command]
    return subprocess.Popen(command, **streams)


def main(how, victim_at, thief_at):
    holder = started(victim_at, [INTERPRETER, ME, "victim"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    told = holder.stdout.readline().split()
    if len(told) != 4:
        return say(nothing=holder.stderr.read().decode().splitlines()[0][:200])
    try:
        taker = started(thief_at, [sys.executable, ME, "thief", how, *map(bytes.decode, told)], stdout=subprocess.PIPE)
        said = taker.communicate(timeout=PATIENCE_S)[0]
        os.write(1, said or b'{"nothing": "the thief did not run"}\n')
    finally:
        holder.stdin.close()
        holder.wait(PATIENCE_S)


if __name__ == "__main__":
    if argument() == "victim":
        victim()
    elif argument() == "thief":
        thief(argument(2), *(int(argument(at)) for at in range(3, 7)))
    else:
        main(argument(), argument(2), argument(3))
