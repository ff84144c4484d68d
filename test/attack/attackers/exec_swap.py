"""A program without an identity connects, leaves the connection with a child, and executes a program that has one.

early   the other program is executed once the node knows the connection; then the child asks
late    the program itself asks, and executes the other one within five milliseconds
kept    nothing is written before the other program runs; then the child speaks
"""

import os
import time

from attacker import SLEEPER, TRIALS, Reader, answer, argument, call, connect, family, opening, rng, runs

moment = argument()


def trial(delay):
    connection = connect()
    first = os.getpid()
    if moment == "early":
        connection.sendall(opening())
        Reader(connection).until_pong()
    if moment == "late":
        connection.sendall(opening() + call())
    if os.fork() == 0:
        if moment != "late":
            runs(first, SLEEPER)
            connection.sendall(call() if moment == "early" else opening() + call())
        answer(connection)
        os._exit(0)
    time.sleep(delay)
    os.execv(SLEEPER, ["sleeper", "60"])


for _ in range(TRIALS):
    delay = rng.random() * 0.005 if moment == "late" else 0
    family(lambda: trial(delay))
