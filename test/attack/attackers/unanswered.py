"""A process whose program lies on a file system that has stopped answering asks, and an honest one after it.

serve UID   makes the file system, for everybody, as fusermount does where an administrator allows that; the rest runs under UID
asks        what runs from it: connects, and asks once nothing is answered any more
"""

import os
import subprocess
import sys

from attacker import HERE, INTERPRETER, argument, call, connect, opening, say

FUSE = os.path.join(HERE, "../../system/fuse.py")
PLAIN = os.path.realpath("/usr/bin/python3")
PATIENCE_S = 20


def asks():
    # Its own pages have to be there before nobody brings them any more.
    with open("/proc/self/exe", "rb") as file:
        file.read()
    connection = connect()
    message = opening() + call()
    os.write(1, b"connected\n")
    os.read(0, 1)
    os.write(connection.fileno(), message)
    os.write(1, b"asked\n")
    os.read(0, 1)


def serve(uid):
    folder = os.path.abspath("unanswered")
    os.makedirs(folder, exist_ok=True)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    files = subprocess.Popen([sys.executable, FUSE, folder, PLAIN, str(uid)], **pipes)
    files.stdout.readline()
    program = os.path.join(folder, "program")
    attacker = subprocess.Popen([program, os.path.abspath(__file__), "asks"], user=uid, group=uid, extra_groups=[], **pipes)
    attacker.stdout.readline()
    files.stdin.write(b"stop\n")
    files.stdin.flush()
    files.stdout.readline()
    attacker.stdin.write(b"x")
    attacker.stdin.flush()
    attacker.stdout.readline()
    try:
        honest = subprocess.run(
            [INTERPRETER, os.path.join(HERE, "ask.py")], capture_output=True, user=uid, group=uid, extra_groups=[], timeout=PATIENCE_S
        )
        sys.stdout.buffer.write(honest.stdout)
        sys.stdout.flush()
    except subprocess.TimeoutExpired:
        say(nothing="no answer")
    attacker.kill()
    files.kill()
    subprocess.run(["umount", "-l", folder], check=False)


if argument() == "serve":
    serve(int(argument(2)))
else:
    asks()
sys.exit(0)
