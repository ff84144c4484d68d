"""Takes a copy of every socket of a process, as whoever was given its connections would have, and holds them until its input ends."""

import ctypes
import os
import sys

SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 434, 438
libc = ctypes.CDLL(None, use_errno=True)
pid = int(sys.argv[1])
pidfd = libc.syscall(SYS_PIDFD_OPEN, pid, 0)
held = 0
for name in os.listdir(f"/proc/{pid}/fd"):
    if os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
        held += libc.syscall(SYS_PIDFD_GETFD, pidfd, int(name), 0) >= 0
print(held, flush=True)
sys.stdin.read()
