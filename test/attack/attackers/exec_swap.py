"""A program without an identity connects, leaves the connection with a child, and executes a program that has one.

early   the other program is executed once the node knows the connection; then the child asks
late    the program itself asks, and executes the other one within five milliseconds
kept    nothing is written before the other program runs; then the child speaks
sent    as late; the child was sent the connection before, and receives it after the other program was looked at
reading as late; the child waits in a read since before, and closed the descriptor
"""

import array
import base64
import os
import socket
import struct
import threading
import time

from attacker import SLEEPER, TRIALS, Reader, answer, argument, call, connect, family, opening, rng, runs, say

moment = argument()
# Longer than the node looks again and again, and waits between its looks.
LOOKED_AT_S = 0.7


def trial(delay):
    connection = connect()
    first = os.getpid()
    if moment == "early":
        connection.sendall(opening())
        Reader(connection).until_pong()
    if moment == "late":
        connection.sendall(opening() + call())
    if moment == "sent":
        return sent(connection)
    if moment == "reading":
        return reading(connection)
    if os.fork() == 0:
        if moment != "late":
            runs(first, SLEEPER)
            connection.sendall(call() if moment == "early" else opening() + call())
        answer(connection)
        os._exit(0)
    time.sleep(delay)
    os.execv(SLEEPER, ["sleeper", "60"])


def sent(connection):
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        connection.close()
        ours.close()
        time.sleep(LOOKED_AT_S)
        _, control, _, _ = theirs.recvmsg(1, socket.CMSG_SPACE(4))
        (descriptor,) = array.array("i", control[0][2])
        answer(socket.socket(fileno=descriptor))
        os._exit(0)
    theirs.close()
    ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [connection.fileno()]))])
    swapped(connection)


def reading(connection):
    waits, begun = os.pipe()
    if os.fork() == 0:
        descriptor = connection.detach()
        received = []
        thread = threading.Thread(target=lambda: received.append(read_on(descriptor)))
        thread.start()
        # It is in the read by then: nothing tells us so.
        time.sleep(0.001)
        os.close(descriptor)
        os.write(begun, b"b")
        thread.join()
        say(received=base64.b64encode(received[0]).decode(), stream=1)
        os._exit(0)
    os.read(waits, 1)
    swapped(connection)


def read_on(descriptor):
    """All that comes until our patience ends, by one call: a second one would need the descriptor."""
    connection = socket.socket(fileno=descriptor)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, int(LOOKED_AT_S * 1_000_000)))
    try:
        return connection.recv(65536, socket.MSG_WAITALL)
    finally:
        connection.detach()


def swapped(connection):
    connection.set_inheritable(True)
    connection.sendall(opening() + call())
    os.execv(SLEEPER, ["sleeper", "60"])


for _ in range(TRIALS):
    delay = rng.random() * 0.005 if moment == "late" else 0
    family(lambda: trial(delay))
