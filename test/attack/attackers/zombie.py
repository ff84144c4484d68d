"""An allowed program asks and dies before the node looks at it; its connection lives on in a child, which reads the answer.

dead   it is a zombie by then: nobody reaps it
alive  it does not die
"""

import os
import signal
import time

from attacker import INTERPRETER, TRIALS, answer, argument, become, call, connect, opening

ME = os.path.abspath(__file__)


def asker(how, told):
    connection = connect()
    connection.sendall(opening() + call())
    mine = os.getpid()
    if os.fork() == 0:
        while how == "dead" and state_of(mine) != "Z":
            time.sleep(0.001)
        os.write(told, b"z")
        answer(connection)
        os._exit(0)
    os.close(told)
    if how == "dead":
        os._exit(0)
    time.sleep(60)


def state_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def trial(how):
    node, uid = int(os.environ["ATTACK_NODE_PID"]), int(os.environ["ATTACK_UID"])
    hearing, telling = os.pipe()
    os.set_inheritable(telling, True)
    os.kill(node, signal.SIGSTOP)
    try:
        first = os.fork()
        if first == 0:
            if os.getuid() != uid:
                become(uid)
            os.execv(INTERPRETER, [INTERPRETER, ME, "asker", how, str(telling)])
        os.close(telling)
        os.read(hearing, 1)
    finally:
        os.kill(node, signal.SIGCONT)
    os.read(hearing, 1)
    os.close(hearing)
    os.kill(first, 9)
    os.waitpid(first, 0)


if argument() == "asker":
    asker(argument(2), int(argument(3)))
else:
    for _ in range(TRIALS):
        trial(argument())
