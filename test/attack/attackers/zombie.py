"""An allowed program asks and dies before the node looks at it; its connection lives on in a child, which reads the answer.

dead   it is a zombie by then: nobody reaps it
alive  it does not die
"""

import os
import signal
import socket
import time

from attacker import INTERPRETER, TRIALS, answer, argument, become, call, connect, opening

ME = os.path.abspath(__file__)
NODE = int(os.environ["ATTACK_NODE_PID"])
UID = int(os.environ["ATTACK_UID"])


def asker(how, told):
    connection = connect()
    connection.sendall(opening() + call())
    mine = os.getpid()
    if os.fork() == 0:
        while how == "dead" and state_of(mine) != "Z":
            time.sleep(0.001)
        told.send(b"z")
        answer(connection)
        told.send(b"d")
        os._exit(0)
    if how == "dead":
        os._exit(0)
    time.sleep(60)


def state_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def mother(how, told):
    """The allowed program. Each trial is a fork of it, which runs the same program, and is reaped only when the trial is over."""
    while told.recv(1):
        child = os.fork()
        if child == 0:
            asker(how, told)
        told.recv(1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        told.send(b"r")


def trial(told):
    """The node stands still from before the asker connects until it is dead."""
    os.kill(NODE, signal.SIGSTOP)
    try:
        told.send(b"g")
        told.recv(1)
    finally:
        os.kill(NODE, signal.SIGCONT)
    told.recv(1)
    told.send(b"o")
    told.recv(1)


def main(how):
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.set_inheritable(True)
    if os.fork() == 0:
        mine.close()
        if os.getuid() != UID:
            become(UID)
        os.execv(INTERPRETER, [INTERPRETER, ME, "mother", how, str(theirs.fileno())])
    theirs.close()
    for _ in range(TRIALS):
        trial(mine)
    mine.close()
    os.wait()


if argument() == "mother":
    mother(argument(2), socket.socket(fileno=int(argument(3))))
else:
    main(argument())
