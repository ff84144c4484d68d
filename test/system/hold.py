"""Brings about one way to hold a socket, says who does, and goes on until its input ends.

The client's end of a connection is held
alone      by this process
forked     by a child of it too
sent       by nobody else, and a copy of it is on the way to another socket
queued     the same, to a socket that nobody accepted yet
thread     by a thread of a child that has a table of descriptors of its own, and by no other table of it
hopping    by a child that forks and ends, over and over
reading    by this process, and a thread of a child waits in a read of a descriptor that is closed: says what it reads
"""

import array
import ctypes
import os
import socket
import sys
import threading

CLONE_FILES = 0x400
libc = ctypes.CDLL(None, use_errno=True)
how, path = sys.argv[1], sys.argv[2]
connection = socket.socket(socket.AF_UNIX)
connection.connect(path)
fd = connection.fileno()
keep = []


def say(pid):
    os.write(1, f"{pid}\n".encode())


def child(run):
    """Runs in a child that ends with us."""
    pid = os.fork()
    if pid == 0:
        libc.prctl(1, 9, 0, 0, 0)
        run()
        os._exit(0)
    return pid


def passes(to):
    to.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])


def pause():
    while True:
        libc.pause()


def in_thread():
    ready = threading.Event()

    def holds():
        libc.unshare(CLONE_FILES)
        ready.set()
        pause()

    threading.Thread(target=holds, daemon=True).start()
    ready.wait()
    os.close(fd)
    say(os.getpid())
    pause()


def reads_on():
    number = {"x86_64": "45", "aarch64": "207"}[os.uname().machine]
    read = []
    thread = threading.Thread(target=lambda: read.append(connection.recv(64)))
    thread.start()
    while not open(f"/proc/self/task/{thread.native_id}/syscall").read().startswith(number + " "):
        pass
    os.close(fd)
    say(os.getpid())
    thread.join()
    os.write(1, read[0])
    connection.detach()


def hop():
    while True:
        if os.fork() != 0:
            os._exit(0)


if how == "forked":
    say(child(pause))
elif how == "sent":
    ours, theirs = socket.socketpair()
    keep += [ours, theirs]
    passes(ours)
    say(os.getpid())
elif how == "queued":
    listener, ours = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    listener.bind(f"\0hold-{os.getpid()}")
    listener.listen()
    ours.connect(f"\0hold-{os.getpid()}")
    keep += [listener, ours]
    passes(ours)
    say(os.getpid())
elif how == "thread":
    child(in_thread)
elif how == "reading":
    child(reads_on)
elif how == "hopping":
    group = child(lambda: (os.setpgid(0, 0), hop()))
    # Here as well: whoever ends it may come before the child has done so.
    try:
        os.setpgid(group, group)
    except OSError:
        pass
    say(group)
    sys.stdin.read()
    os.killpg(group, 9)
    sys.exit()
else:
    say(os.getpid())
sys.stdin.read()
