"""anyfpm -s status of a pool's workers, and what stays on a terminal with -f."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import pytest

import control
import fcgi
import servers
from servers import SLOW, wait_for


class Terminal:
    """anyfpm -s ... in a terminal of 80 columns and 24 lines."""

    def __init__(self, server, *args, **environment):
        argv = [servers.ANYFPM, "-s", *args, "-g", server.pid_path]
        env = {**server.env.environment(), "TERM": "xterm", **environment}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execve(argv[0], argv, env)
        server.env.note(self.pid)
        self.output = b""
        self.code = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def resize(self, width, height):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read(self):
        while select.select([self.fd], [], [], 0.02)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            if not data:
                return
            self.output += data

    def lines(self):
        """What is on the screen: every picture begins at its upper left corner."""
        self.read()
        picture = self.output.rpartition(b"\033[H")[2].decode()
        return re.sub(r"\033\[[0-9;?]*[a-zA-Z]", "", picture).replace("\r", "").split("\n")

    def wait(self, pattern):
        try:
            wait_for(lambda: re.search(pattern, "\n".join(self.lines()), re.M), 15 * SLOW)
        except AssertionError:
            raise AssertionError(f"no {pattern!r} in\n" + "\n".join(self.lines())) from None

    def press(self, keys):
        os.write(self.fd, keys)

    def wait_exit(self):
        deadline = time.monotonic() + 15 * SLOW
        while self.code is None and time.monotonic() < deadline:
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.read()
                self.code = os.waitstatus_to_exitcode(status)
        assert self.code is not None, "it did not end"
        return self.code

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)


def busy(server, uri="/"):
    """A client whose request keeps a worker busy."""
    client = fcgi.Client(server.address)
    client.start(uri=uri, query="do=sleep&ms=60000")
    wait_for(lambda: control.status(server)[1]["www"]["active processes"] == 1, 10 * SLOW)
    return client


def test_workers(controlled):
    """What each has, as text and for programs; what a client has sent steers no terminal."""
    server = controlled()
    server.wait_workers(2)
    with busy(server, uri="/\033[2Jpath"):
        result = control.send(server, "status", "-w", "www")
        assert result.returncode == 0 and "\033" not in result.stdout
        assert re.search(r"^\d+ +Running .* GET +/.x1b\[2Jpath", result.stdout, re.M), result.stdout
        assert len(re.findall(r"^\d+ +Idle ", result.stdout, re.M)) == 1
        result = control.send(server, "status", "-w", "www", "--json")
        assert result.returncode == 0 and '"processes":[{' in result.stdout


def test_workers_of_a_process_that_hangs(controlled):
    """Nobody waits for it for long."""
    server = controlled()
    server.wait_workers(2)
    lines = control.ask(server, b"status -w www\n")
    assert lines[2] == {"page": server.pool()} and len(lines[3]["processes"]) == 2
    os.kill(server.pool(), signal.SIGSTOP)
    result = control.send(server, "status", "-w", "www")
    assert result.returncode in (0, 1)
    assert control.send(server, "status").returncode == 0


def test_live(controlled):
    """Pools, one pool's workers, and back; the terminal is left as it was."""
    server = controlled()
    with Terminal(server, "status", "-f") as t:
        t.wait(r"^www +serving +0 +2 ")
        assert not t.echoes() and b"\033[?1049h" in t.output
        with busy(server, uri="/busy"):
            t.wait(r"^www +serving +1 +1 ")
            t.press(b"\r")
            t.wait(r"^\d+ +Running .*/busy")
            t.press(b"\033")
            t.wait(r"enter: a pool's workers")
        t.press(b"q")
        assert t.wait_exit() == 0
        assert t.output.endswith(b"\033[?25h\033[?1049l") and t.echoes()


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_live_ended_by_a_signal(controlled, sig):
    server = controlled()
    with Terminal(server, "status", "-f") as t:
        t.wait(r"^www ")
        os.kill(t.pid, sig)
        assert t.wait_exit() == 0
        assert t.output.endswith(b"\033[?1049l") and t.echoes()


def test_live_fits(controlled, env):
    """No line is longer and no picture higher than the terminal, whatever its size becomes."""
    pools = {f"p{n:02}-with-a-long-name": {"command": env.worker("echo"), "pm": "ondemand",
                                               "pm.max_children": 2,
                                               "listen": f"{env.dir}/{n}.sock"}
             for n in range(30)}
    server = controlled(pools=pools)
    with Terminal(server, "status", "-f") as t:
        t.wait(r"^p00-")
        assert all(len(x) <= 80 for x in t.lines()) and len(t.lines()) <= 24
        assert "p29-" not in "\n".join(t.lines())
        t.press(b"\033[B" * 29)
        t.wait(r"^p29-")
        t.resize(40, 10)
        wait_for(lambda: len(t.lines()) <= 10 and all(len(x) <= 40 for x in t.lines()), 10 * SLOW)
        t.wait(r"^p29-")
        t.press(b"q")
        assert t.wait_exit() == 0


def test_live_without_the_master(controlled):
    """It tells, and goes on when there is one again."""
    server = controlled()
    with Terminal(server, "status", "-f") as t:
        t.wait(r"^www ")
        server.stop()
        t.wait("not running")
        controlled(pid_path=server.pid_path)
        t.wait(r"^www ")
        t.press(b"q")
        assert t.wait_exit() == 0


def test_colors(controlled):
    """On a terminal, unless nobody wants them."""
    server = controlled()
    for environment, colors in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        with Terminal(server, "status", **environment) as t:
            assert t.wait_exit() == 0
            assert (b"\033[32mserving" in t.output) == colors
            assert b"www" in t.output
