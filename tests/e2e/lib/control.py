"""anyfpm -s, and the control socket itself."""

import json
import socket
import subprocess

import servers


def send(server, *args, pid=None, timeout=30):
    """Run anyfpm -s with these arguments for a server of the fixture `controlled`."""
    argv = [servers.ANYFPM, "-s", *args, "-g", pid or server.pid_path]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=server.env.environment(), timeout=timeout * servers.SLOW,
                          check=False)


def start(server, *args):
    """The same, without waiting for its end."""
    argv = [servers.ANYFPM, "-s", *args, "-g", server.pid_path]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=server.env.environment())


def status(server, pool=None):
    """(the service, {name: pool}) as anyfpm -s status --json has it."""
    result = send(server, "status", "--json", *(["-w", pool] if pool else []))
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return lines[0], {line["pool"]: line for line in lines[1:]}


def connect(server):
    s = socket.socket(socket.AF_UNIX)
    s.connect(server.control_path)  # blocking: a full backlog is waited for
    s.settimeout(20 * servers.SLOW)
    return s


def ask(server, line):
    """What the socket answers to a line: objects."""
    with connect(server) as s:
        s.sendall(line)
        s.shutdown(socket.SHUT_WR)
        return read(s)


def read(s):
    data = b""
    while True:
        piece = s.recv(65536)
        if not piece:
            return [json.loads(line) for line in data.splitlines()]
        data += piece


def words():
    """The commands that there are."""
    said = subprocess.run([servers.ANYFPM, "-s", "nosuch"], capture_output=True, text=True,
                          check=False).stderr
    return said.partition("one of ")[2].partition(", not")[0].split(", ")


def help_text():
    return subprocess.run([servers.ANYFPM, "-h"], capture_output=True, text=True,
                          check=True).stdout
