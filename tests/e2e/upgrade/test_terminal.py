"""Started by hand at a terminal: reload, upgrade, and what the terminal's keys and its end do."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import threading

import pytest
from fcgi import Client
from servers import SLOW, Anyfpm, wait_for
from upgrading import replace, replaceable


class AtTerminal(Anyfpm):
    """anyfpm as the first process of a terminal, which shows what it says."""

    before = ()
    text = b""

    def launch(self, argv, **more):
        self.terminal, slave = pty.openpty()
        self.output = self.env.dir + "/terminal.out"
        with open(self.output, "ab"):
            pass

        def become():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen([*self.before, *argv], env=self.env.environment(),
                                        stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, preexec_fn=become, **more)
        os.close(slave)
        self.closed = threading.Event()
        self.reader = threading.Thread(target=self.show, daemon=True)
        self.reader.start()

    def show(self):
        try:
            while not self.closed.is_set():
                if select.select([self.terminal], [], [], 0.05)[0]:
                    self.text += os.read(self.terminal, 65536)
        except OSError:  # nobody has it any more
            pass

    def log(self):
        return self.text.decode("latin-1").replace("\r\n", "\n") + super().log()

    def hang_up(self):
        """The window is closed."""
        self.closed.set()
        self.reader.join()
        os.close(self.terminal)


class WithNohup(AtTerminal):
    before = ("nohup",)

    def log(self):
        try:
            with open(self.env.dir + "/nohup.out", encoding="latin-1") as f:
                return super().log() + f.read()
        except OSError:
            return super().log()


def served(server):
    with Client(server.address) as c:
        return c.request().status == 200


@pytest.mark.parametrize("end", ["key", "hang-up", "SIGHUP"])
def test_at_a_terminal(env, end):
    """It stays in the foreground, says all there, and obeys the terminal, as before."""
    server = replaceable(env, AtTerminal, env, env.worker("echo"))
    server.reload(signal.SIGUSR2)
    for times in (1, 2):
        replace(server)
        assert served(server)
        wait_for(lambda: server.log().count("goes on as master") >= times, 5)  # noqa: B023
        assert server.log().count("goes on as master") == times
    with open(server.log_path, "a", encoding="ascii"):
        assert os.path.getsize(server.log_path) == 0
    assert os.tcgetpgrp(server.terminal) == server.pid
    if end == "key":
        os.write(server.terminal, b"\x03")
    elif end == "hang-up":
        server.hang_up()
    else:
        server.signal(signal.SIGHUP)
    assert server.wait_exit(20 * SLOW) == 0
    if end != "hang-up":
        wait_for(lambda: "exiting, bye-bye!" in server.log(), 10 * SLOW)
        server.hang_up()


def test_with_nohup(env):
    """The end of the terminal is nothing to it, after an upgrade as well: SIGHUP is a reload."""
    server = replaceable(env, WithNohup, env, env.worker("echo"))
    replace(server)
    server.hang_up()
    replace(server)
    server.reload(signal.SIGHUP)
    assert served(server)


@pytest.mark.parametrize("closed", [(0,), (1, 2), (0, 1, 2)])
def test_without_standard_streams(env, odd, closed):
    """Closed at the start, as by a careless script: nothing of ours takes their places."""
    class Closed(Anyfpm):
        """Started with some of 0, 1 and 2 closed."""

        def launch(self, argv, **more):
            redirections = " ".join(f"{fd}>&-" for fd in closed)
            super().launch(["sh", "-c", f'exec "$@" {redirections}', "sh", *argv], **more)
    server = replaceable(env, Closed, env, env.worker("echo"))
    for _ in range(2):
        replace(server)
        assert served(server)
        for fd in closed:
            assert os.readlink(f"/proc/{server.pid}/fd/{fd}") == "/dev/null"
