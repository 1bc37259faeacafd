"""What systemd is told, by a socket that stands in for its own."""

import contextlib
import os
import signal
import socket
import subprocess

import pytest
from fcgi import Client
from hanging import hang, hang_library  # noqa: F401
from servers import ANYFPM, ROOT, SLOW, USER, Anyfpm, alive, wait_for
from upgrading import replace, replaceable


def _has_systemd():
    got = subprocess.run([ANYFPM, "-v"], capture_output=True, text=True, check=True)
    return "with systemd" in got.stdout


pytestmark = pytest.mark.skipif(not _has_systemd(), reason="built without libsystemd")
FIGURES = "Processes active: 0, idle: 2, Requests: 3, slow: 0, Traffic: "


class Manager:
    """The socket at which a service manager hears of its services."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.setblocking(False)
        self.heard = []

    def listen(self):
        """All that was said until now, (key, value) in order."""
        with contextlib.suppress(BlockingIOError):
            while True:
                text = self.socket.recv(65536).decode()
                self.heard += [tuple(line.split("=", 1)) for line in text.splitlines()]
        return self.heard

    def wait(self, key, part="", timeout=10):
        """Wait until a value of the key contains the part; returns the last one that does."""
        found = wait_for(lambda: [v for k, v in self.listen() if k == key and part in v],
                         timeout * SLOW, f"{key}={part}, not {self.heard}")
        return found[-1]

    def keys(self):
        return [k for k, _ in self.listen()]


@pytest.fixture
def manager(env, monkeypatch):
    made = Manager(env.dir + "/notify")
    monkeypatch.setenv("NOTIFY_SOCKET", env.dir + "/notify")
    yield made
    made.socket.close()


@pytest.mark.parametrize("sig", [signal.SIGQUIT, signal.SIGTERM], ids=lambda s: s.name)
def test_ready_figures_and_stopping(odd, manager, sig):
    """READY with the pid, once; then what pools serve and do; STOPPING before the end. Workers hear
    nothing of it."""
    server = odd(options={"clear_env": "no"}, global_options={"systemd_interval": "1s"})
    server.wait_workers(2)
    manager.wait("READY", "1")
    assert manager.wait("MAINPID") == str(server.pid)
    manager.wait("STATUS", "Ready to handle connections")
    manager.wait("STATUS", "1 of 1 pools serve. Processes active: 0, idle: 2, Requests: 0")
    with Client(server.address) as c:
        for _ in range(3):
            assert c.request().status == 200
    assert manager.wait("STATUS", FIGURES).endswith("req/sec")
    for worker in server.workers():
        with open(f"/proc/{worker}/environ", "rb") as f:
            assert b"NOTIFY_SOCKET" not in f.read()
    assert "STOPPING" not in manager.keys() and "WATCHDOG" not in manager.keys()
    server.signal(sig)
    assert server.wait_exit() == 0
    manager.wait("STOPPING", "1")
    assert manager.keys().count("READY") == 1


def test_a_pool_that_cannot_serve_is_named(env, anyfpm, manager):
    """No READY while one has no worker, as the log says none; and why not."""
    pools = {"good": {"command": env.worker("echo"), "listen": env.dir + "/good.sock"},
             "bad": {"command": "/bin/false", "listen": env.dir + "/bad.sock"}}
    server = anyfpm(None, pools=pools, global_options={"systemd_interval": "1s"}, wait=False)
    manager.wait("STATUS", "1 of 2 pools serve (bad: no worker runs, and starting one fails; ")
    with Client(env.dir + "/good.sock") as c:
        assert c.request().status == 200
    assert "READY" not in manager.keys() and "ready to handle" not in server.log()


def test_a_pool_that_hangs_is_named(hang, odd, manager):  # noqa: F811
    server = odd(global_options={"process_hang_timeout": "4s", "systemd_interval": "0"})
    manager.wait("STATUS", "1 of 1 pools serve")
    hang(server.pool())
    manager.wait("STATUS", "0 of 1 pools serve (www: its process does not answer", 20)
    wait_for(lambda: manager.listen()[-1] == ("STATUS", "1 of 1 pools serve"), 20 * SLOW,
             "the next one to serve")


def test_watchdog_is_fed_by_the_loop(odd, manager, monkeypatch):
    """While the master's loop turns, and not while it does not."""
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    server = odd()
    wait_for(lambda: manager.keys().count("WATCHDOG") >= 5, 10 * SLOW, "the watchdog to be fed")
    server.signal(signal.SIGSTOP)
    wait_for(lambda: not alive(server.pid) or "T" in open_state(server.pid), 5)
    count = manager.keys().count("WATCHDOG")
    with contextlib.suppress(AssertionError):
        wait_for(lambda: manager.keys().count("WATCHDOG") > count, 1)
    assert manager.keys().count("WATCHDOG") == count
    server.signal(signal.SIGCONT)
    wait_for(lambda: manager.keys().count("WATCHDOG") > count, 10 * SLOW, "it to be fed again")


def fill(path):
    """Until nothing more can be sent there."""
    with contextlib.suppress(BlockingIOError):
        while True:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as s:
                s.sendto(b"FILLED=1", path)


def test_manager_that_does_not_read(env, odd, manager):
    """Nobody waits for it; what has become of the service is said, in order, when it does."""
    fill(env.dir + "/notify")
    server = odd()
    server.reload(signal.SIGUSR2)
    server.reload(signal.SIGUSR2)
    with Client(server.address) as c:
        assert c.request().status == 200
    assert server.log().count("by NOTIFY_SOCKET: nobody reads") == 1
    wait_for(lambda: manager.keys().count("READY") == 3, 10 * SLOW, "what was not said")
    assert [k for k in manager.keys() if k in ("READY", "RELOADING")] == [
        "READY", "RELOADING", "READY", "RELOADING", "READY"]
    manager.wait("STATUS", "1 of 1 pools serve")


def open_state(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
        return f.read().rpartition(")")[2].split()[0]


def test_watchdog_of_another_process(odd, manager, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    odd()
    manager.wait("STATUS", "1 of 1 pools serve")
    assert "WATCHDOG" not in manager.keys()


def test_no_figures(odd, manager):
    """systemd_interval = 0: only what changes is told."""
    odd(global_options={"systemd_interval": "0"})
    assert manager.wait("STATUS", "1 of 1") == "1 of 1 pools serve"


def test_a_socket_that_is_gone_stops_nothing(odd, manager):
    """It is said once."""
    server = odd(global_options={"systemd_interval": "1s"})
    manager.wait("READY")
    os.unlink(server.env.dir + "/notify")
    manager.socket.close()
    with Client(server.address) as c:
        assert c.request().status == 200
    server.wait_log("WARNING: cannot tell systemd how the service is, by NOTIFY_SOCKET: ")


def test_daemon_says_which_process_it_is(env, manager):
    """As php-fpm: systemd hears of the daemon what its parent was not."""
    path = env.dir + "/test.conf"
    user = f"user = {USER}\n" if ROOT else ""
    with open(path, "w", encoding="ascii") as f:
        f.write(f"[global]\nerror_log = {env.dir}/error\npid = {env.dir}/pid\n[www]\n{user}"
                f"command = {env.worker('echo')}\nlisten = {env.dir}/www.sock\npm = static\n"
                f"pm.max_children = 1\nenv[ANYFPM_TEST] = {env.mark}\n")
    subprocess.run([ANYFPM, "-D", "-y", path], env=env.environment(), timeout=60, check=True)
    with open(env.dir + "/pid", encoding="ascii") as f:
        pid = int(f.read())
    try:
        env.note(pid)
        manager.wait("READY", "1")
        assert manager.wait("MAINPID") == str(pid)
    finally:
        os.kill(pid, signal.SIGTERM)
    manager.wait("STOPPING", "1")
    wait_for(lambda: not alive(pid), 5 * SLOW, "the daemon to end")


class Watched(Anyfpm):
    """anyfpm as systemd starts it: WATCHDOG_PID says whose watchdog it is."""

    def launch(self, argv, **more):
        super().launch(["sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh", *argv], **more)


@pytest.mark.parametrize("usec", [600000000, 200000])
def test_upgrade(env, manager, monkeypatch, usec):
    """Told as a reload, by the same process; figures and watchdog go on. The new program feeds that
    at once: half of the interval is there for the exec."""
    monkeypatch.setenv("WATCHDOG_USEC", str(usec))
    server = replaceable(env, Watched, env, env.worker("echo"),
                         global_options={"systemd_interval": "1s"})
    manager.wait("READY")

    def count(key):
        return [k for k, _ in manager.listen()].count(key)

    def wait_count(key, least):
        wait_for(lambda: count(key) >= least, 10 * SLOW, f"{least} x {key}")
    for times in (1, 2):
        replace(server)
        wait_count("READY", times + 1)
        assert count("RELOADING") == times
        keys = manager.keys()
        assert keys.index("RELOADING") < keys.index("MONOTONIC_USEC") < len(keys)
        if usec > 1000000:
            assert count("WATCHDOG") == times + 1
        else:
            wait_count("WATCHDOG", count("WATCHDOG") + 4)
        with Client(server.address) as c:
            assert c.request().status == 200
        manager.wait("STATUS", f"Requests: {times},")
    assert {v for k, v in manager.listen() if k == "MAINPID"} == {str(server.pid)}
    assert "STOPPING" not in manager.keys()
    with open(f"/proc/{server.workers()[0]}/environ", "rb") as f:
        assert b"NOTIFY_SOCKET" not in f.read()
    server.signal(signal.SIGTERM)
    manager.wait("STOPPING", "1")  # it takes what is fed: a full socket would hold up the master
    assert server.wait_exit() == 0
