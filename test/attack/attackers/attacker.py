"""What every attacker uses: a Workload API client by hand, over any descriptor that it got hold of, and a few kernel calls.

An attacker says on standard output what it obtained, one JSON document a line. It never judges: `received` is what a connection brought,
as it came, and whoever started the attacker reads it.
"""

import base64
import ctypes
import json
import os
import random
import select
import socket
import struct
import sys
import time

SOCKET = os.environ["ATTACK_SOCKET"]
SLEEPER = os.environ["ATTACK_SLEEPER"]
INTERPRETER = os.environ["ATTACK_INTERPRETER"]
TRIALS = int(os.environ.get("ATTACK_TRIALS", "1"))
HERE = os.path.dirname(os.path.abspath(__file__))
SVID = b"/SpiffeWorkloadAPI/FetchX509SVID"

rng = random.Random(os.environ.get("ATTACK_SEED", ""))
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long

DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PATIENCE_S = 20


def say(**what):
    # One write, so that lines of several processes do not mix.
    os.write(1, (json.dumps(what) + "\n").encode())


def failed_call(name):
    number = ctypes.get_errno()
    return f"{name}: {os.strerror(number)}"


def connect(path=SOCKET):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    return connection


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def opening():
    """The preface, and settings without a header table: each answer can then be read by itself."""
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, struct.pack(">HI", 1, 0))


def call(stream=1, method=SVID, message=b"", more=False):
    fields = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", method),
        (b":authority", b"localhost"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        (b"workload.spiffe.io", b"true"),
    ]
    block = b"".join(b"\0" + bytes([len(text)]) + text + bytes([len(value)]) + value for text, value in fields)
    body = b"\0" + struct.pack(">I", len(message)) + message
    return frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, 0 if more else END_STREAM, stream, body)


class Reader:
    """Reads frames from a connection and keeps everything that came."""

    def __init__(self, connection):
        self.connection = connection
        self.all = b""
        self.read = 0

    def next(self, until):
        """The next frame; None at the end of the connection or of our patience."""
        while True:
            rest = self.all[self.read :]
            if len(rest) >= 9:
                length = int.from_bytes(rest[:3], "big")
                if len(rest) >= 9 + length:
                    self.read += 9 + length
                    return rest[3], rest[4], int.from_bytes(rest[5:9], "big"), rest[9 : 9 + length]
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.connection], [], [], left)[0]:
                return None
            try:
                chunk = self.connection.recv(65536)
            except OSError:
                return None
            if not chunk:
                return None
            self.all += chunk

    def until_pong(self):
        """Asks for an echo and waits for it: the node has then handled the connection and read what came before."""
        self.connection.sendall(frame(PING, 0, 0, b"attacker"))
        end = time.monotonic() + PATIENCE_S
        while True:
            got = self.next(end)
            if got is None or (got[0] == PING and got[1] & ACK):
                return

    def until_answer(self, stream=1):
        """Reads until the call was answered, refused or cut off."""
        end = time.monotonic() + PATIENCE_S
        while True:
            got = self.next(end)
            if got is None:
                return
            kind, flags, of, payload = got
            if kind == SETTINGS and not flags & ACK:
                try:
                    self.connection.sendall(frame(SETTINGS, ACK, 0))
                except OSError:
                    pass
            if of == stream and (kind == RESET or (kind == DATA and len(payload) > 5) or (kind == HEADERS and flags & END_STREAM)):
                return


    def say(self, stream=1):
        say(received=base64.b64encode(self.all).decode(), stream=stream)


def answer(connection, stream=1):
    """Reads the answer to a call and says it."""
    reader = Reader(connection)
    reader.until_answer(stream)
    reader.say(stream)


def ask(connection, stream=1, method=SVID, message=b""):
    """Opens a connection, asks, and says what came back."""
    try:
        connection.sendall(opening() + call(stream, method, message))
    except OSError as error:
        return say(nothing=str(error))
    answer(connection, stream)


def runs(pid, program):
    """Waits until the process runs the program; false where it has ended."""
    while True:
        try:
            if os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)") == os.path.realpath(program):
                return True
        except FileNotFoundError:
            return False
        except PermissionError:
            pass
        time.sleep(0.0005)


def argument(number=1):
    return sys.argv[number] if len(sys.argv) > number else ""


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def family(trial, through_exec=False):
    """Runs one trial in processes of its own and waits until all of them have let go; the first is killed then.

    A program that is executed in a trial is not waited for, unless `through_exec`."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, through_exec)
    first = os.fork()
    if first == 0:
        os.close(reading)
        try:
            trial()
        except BaseException as error:  # whatever happened, the trial says so and ends here
            say(nothing=f"{type(error).__name__}: {error}")
        os._exit(0)
    os.close(writing)
    while os.read(reading, 1):
        pass
    os.close(reading)
    try:
        os.kill(first, 9)
    except ProcessLookupError:
        pass
    os.waitpid(first, 0)
