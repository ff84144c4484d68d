"""An allowed program opens a connection, and another program speaks over it.

unspoken, spoken    passed over a unix socket (SCM_RIGHTS), before or after the allowed program wrote its greeting
inherited           left open for a program that the allowed one starts
forked              used by a fork of the allowed program, which then runs on without asking itself
"""

import array
import os
import socket
import sys

from attacker import INTERPRETER, TRIALS, Reader, answer, argument, become, call, connect, family, opening

PLAIN = os.environ.get("ATTACK_PYTHON", "/usr/bin/python3")
ME = os.path.abspath(__file__)


def allowed(how, channel):
    connection = connect()
    if how != "unspoken":
        connection.sendall(opening())
        Reader(connection).until_pong()
    if how == "inherited":
        os.set_inheritable(connection.fileno(), True)
        if os.fork() == 0:
            os.execv(PLAIN, [PLAIN, ME, "heir", how, str(connection.fileno()), str(channel)])
    elif how == "forked":
        if os.fork() == 0:
            speak(connection, how)
            os.write(channel, b"d")
            os._exit(0)
    else:
        socket.socket(fileno=channel).sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [connection.fileno()]))])
    connection.detach()
    sys.stdin.read()  # lives on until it is ended


def speak(connection, how):
    connection.sendall((opening() if how == "unspoken" else b"") + call())
    answer(connection)


def receive(channel, how):
    _, control, _, _ = channel.recvmsg(1, socket.CMSG_SPACE(4))
    (descriptor,) = array.array("i", control[0][2])
    speak(socket.socket(fileno=descriptor), how)


def trial(how, uid):
    mine, theirs = socket.socketpair()
    os.set_inheritable(theirs.fileno(), True)
    keep_reading, keep_writing = os.pipe()
    victim = os.fork()
    if victim == 0:
        os.dup2(keep_reading, 0)
        os.close(keep_writing)
        if uid:
            become(int(os.environ["ATTACK_UID"]))
        os.execv(INTERPRETER, [INTERPRETER, ME, "allowed", how, str(theirs.fileno())])
    theirs.close()
    if how in ("unspoken", "spoken"):
        if uid:
            become(int(uid))
        receive(mine, how)
    else:
        mine.recv(1)  # whoever spoke has said what came
    os.close(keep_writing)


how = argument()
if how == "allowed":
    allowed(argument(2), int(argument(3)))
elif how == "heir":
    speak(socket.socket(fileno=int(argument(3))), argument(2))
    os.write(int(argument(4)), b"d")
else:
    for _ in range(TRIALS):
        family(lambda: trial(how, argument(2)))
