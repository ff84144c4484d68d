"""Does for one service what systemd does with a socket unit: SOCKET COMMAND...

Makes the socket and keeps it. Starts the command with it as descriptor 3, and again whenever it ends, until it is ended itself. SIGUSR1 kills
the command; while SIGUSR2 was sent an odd number of times it is not started again.
"""

import os
import signal
import socket
import sys

path, command = sys.argv[1], sys.argv[2:]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
listener.bind(path)
os.chmod(path, 0o666)
listener.listen(4096)
state = {"child": 0, "held": False, "ending": False}


def start():
    state["child"] = os.fork()
    if state["child"] == 0:
        if listener.fileno() == 3:
            os.set_inheritable(3, True)
        else:
            os.dup2(listener.fileno(), 3)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
        os.execv(command[0], command)
    print(state["child"], flush=True)


def tell(number):
    try:
        os.kill(state["child"], number)
    except ProcessLookupError:
        pass


def hold(*_):
    state["held"] = not state["held"]


def end(*_):
    state["ending"] = True
    tell(signal.SIGTERM)


signal.signal(signal.SIGUSR1, lambda *_: tell(signal.SIGKILL))
signal.signal(signal.SIGUSR2, hold)
signal.signal(signal.SIGTERM, end)
while not state["ending"]:
    if not state["held"]:
        start()
        os.waitpid(state["child"], 0)
        print("ended", flush=True)
    else:
        signal.sigtimedwait([], 0.05)
os.unlink(path)
