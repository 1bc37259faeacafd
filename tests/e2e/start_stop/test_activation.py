"""Listening sockets that were opened before anyfpm was started, as by a socket unit of systemd."""

import functools
import os
import shutil
import signal
import socket
import subprocess

import control
import pytest
from fcgi import Client
from servers import (ANYFPM, PYTHON, ROOT, SLOW, USER, Anyfpm, Server, accepts, descriptors,
                     free_port, wait_for)
from upgrading import replace, replaceable

HELPER = """
import fcntl, os, sys
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1].split(",")]
for fd in sys.argv[1].split(","):
    os.close(int(fd))
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)),
                  LISTEN_FDNAMES=":".join(f"name{n}" for n in range(len(high))))
os.execv(sys.argv[2], sys.argv[2:])
"""


def _has_systemd():
    got = subprocess.run([ANYFPM, "-v"], capture_output=True, text=True, check=True)
    return "with systemd" in got.stdout


pytestmark = pytest.mark.skipif(not _has_systemd(), reason="built without libsystemd")


class Activated(Anyfpm):
    """anyfpm with these sockets, which stay somebody else's."""

    def __init__(self, env, opened, *args, **more):
        self.opened = opened
        super().__init__(env, *args, **more)
        self.sockets = []

    def launch(self, argv, **more):
        fds = [s.fileno() for s in self.opened]
        super().launch([PYTHON, "-S", "-E", "-c", HELPER, ",".join(map(str, fds)), *argv],
                       pass_fds=fds, **more)


@pytest.fixture
def opened():
    """Open a listening socket: opened(address)."""
    made = []

    def listen(address, kind=socket.SOCK_STREAM):
        family = socket.AF_UNIX if isinstance(address, str) else (
            socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        s = socket.socket(family, kind)
        made.append(s)
        s.bind(address)
        if kind == socket.SOCK_STREAM:
            s.listen(16)
        if isinstance(address, str):
            os.chmod(address, 0o666)
        return s
    yield listen
    for s in made:
        s.close()


def serves(address):
    with Client(address) as c:
        return c.request().status == 200


def test_used_by_address_and_left_alone(env, opened):
    """Each goes to what listens on its address, in whatever order; who connects while there is no
    anyfpm waits for the next one; the file stays, as it was."""
    port, port6 = free_port(), free_port("::1")
    path = env.dir + "/www.sock"
    sockets = [opened(("::1", port6)), opened(("127.0.0.1", port)), opened(path)]
    before = os.stat(path)
    pools = {"www": {"command": env.worker("echo"), "listen": path,
                     "pm.status_listen": f"127.0.0.1:{port}", "pm.status_path": "/status"},
             "six": {"command": env.worker("echo"), "listen": f"[::1]:{port6}"}}
    server = Activated(env, sockets, None, pools=pools)
    assert serves(path) and serves(("::1", port6))
    with Client(("127.0.0.1", port)) as c:
        assert b"accepted conn" in c.request(uri="/status", SCRIPT_NAME="/status").stdout
    assert server.said().count("systemd has opened its socket") == 3
    warns = ("'listen.owner', 'listen.group', 'listen.mode' and 'listen.acl_*' have no effect"
             in server.said())
    assert warns == ROOT  # who sets them in a pool

    os.kill(server.pool("www"), signal.SIGKILL)
    server.wait_log(r"\[pool www\] pool process \d+ exited on signal 9")
    assert serves(path)

    server.signal(signal.SIGQUIT)
    assert server.wait_exit(10 * SLOW) == 0
    after = os.stat(path)
    assert (after.st_ino, after.st_uid, after.st_mode) == (before.st_ino, before.st_uid,
                                                           before.st_mode)
    assert not os.path.exists(path + ".lock")
    with Client(path) as early:
        server.start()
        assert early.request().status == 200


def test_pool_that_is_stopped(env, opened):
    """Who connects waits until the pool is started again, since systemd goes on to listen."""
    port, pid_path = free_port(), env.dir + "/anyfpm.pid"
    server = Activated(env, [opened(("127.0.0.1", port))], env.worker("echo"),
                       listen=f"127.0.0.1:{port}", global_options={"pid": pid_path})
    assert serves(server.address)
    assert control.send(server, "quit", "-w", "www", pid=pid_path).returncode == 0
    assert not server.pools()
    with Client(server.address) as early:
        assert control.send(server, "reload", "-w", "www", pid=pid_path).returncode == 0
        assert early.request().status == 200


def test_what_nothing_matches_is_closed(env, opened):
    """With a warning that names it; it is not held, and the pool opens its own."""
    port = free_port()
    sockets = [opened(("127.0.0.1", port)), opened(env.dir + "/other.sock"),
               opened(env.dir + "/datagram.sock", socket.SOCK_DGRAM)]
    server = Activated(env, sockets, env.worker("echo"))
    assert serves(server.address)
    why = "is closed: it is no listen, pm.status_listen or metrics_listen"
    said = server.said()
    assert f'the socket "name0" that systemd has opened, 127.0.0.1:{port}, {why}' in said
    assert f'the socket "name1" that systemd has opened, {env.dir}/other.sock, {why}' in said
    assert (f'"name2" that systemd has opened, {env.dir}/datagram.sock, is closed: it is no stream '
            "socket") in said
    for s in sockets:
        s.close()
    assert not accepts(("127.0.0.1", port)) and not accepts(env.dir + "/other.sock")
    server.stop()
    assert not os.path.exists(server.address)


def test_upgrade(env, opened):
    """It goes on with the sockets that were opened, and leaves them to who comes after it."""
    port = free_port()
    path, other = env.dir + "/www.sock", env.dir + "/other.sock"
    sockets = [opened(("127.0.0.1", port)), opened(path), opened(other)]
    before = os.stat(path)
    more = {"command": env.worker("echo")}
    pools = {"www": dict(more, listen=path), "tcp": dict(more, listen=f"127.0.0.1:{port}"),
             "other": dict(more, listen=other)}
    server = replaceable(env, functools.partial(Activated, env, sockets), None, pools=pools)

    def held():
        """Whether the master has each of them: by inodes of sockets."""
        own = descriptors(server.pid).values()
        return [f"socket:[{os.fstat(s.fileno()).st_ino}]" in own for s in sockets]
    for _ in range(2):
        replace(server)
        assert held() == [True] * 3
        assert serves(path) and serves(("127.0.0.1", port)) and serves(other)
        with open(f"/proc/{server.pid}/environ", "rb") as f:
            assert b"LISTEN_" not in f.read()
    server.rewrite({name: pools[name] for name in ("www", "tcp")})
    server.sockets = []
    server.reload()
    wait_for(lambda: held() == [True, True, False], 10 * SLOW, "the pool's socket to be closed")
    replace(server)
    assert held() == [True, True, False]
    assert serves(path) and serves(("127.0.0.1", port))
    assert server.said().count("systemd has opened its socket") == 3
    server.signal(signal.SIGQUIT)
    assert server.wait_exit(10 * SLOW) == 0
    after = os.stat(path)
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    with Client(path) as early:
        server.rewrite(pools)
        server.sockets = []
        server.start()
        assert early.request().status == 200 and serves(other)


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="it is not installed")
def test_systemd_socket_activate(env):
    """Started by the first connection, which is served."""
    port = free_port()
    keep = [f"--setenv={k}={v}" for k, v in env.environment().items()
            if k in ("ANYFPM_TEST", "ASAN_OPTIONS", "UBSAN_OPTIONS")]
    activate = Server(env)
    activate.launch(["systemd-socket-activate", *keep, "-l", f"127.0.0.1:{port}", ANYFPM, "-R",
                     "-O", "-l", f"127.0.0.1:{port}", "-n", "1", "--", env.demo], cwd=env.dir)
    wait_for(lambda: "Listening on" in activate.said(), 10 * SLOW, "it to listen")
    assert serves(("127.0.0.1", port))
    wait_for(lambda: "systemd has opened its socket" in activate.said(), 5, "the line of it")


@pytest.mark.skipif(not ROOT, reason="only root can make a first process")
def test_test_of_what_systemd_listens_on(env):
    """-t does not take the first process for a stranger: it gives its sockets to the service."""
    path, config = env.dir + "/www.sock", env.dir + "/test.conf"
    with open(config, "w", encoding="ascii") as f:
        f.write(f"[global]\nerror_log = stderr\npid = {env.dir}/pid\n[www]\nlisten = {path}\n"
                f"user = {USER}\ncommand = /bin/cat\npm = static\npm.max_children = 1\n")
    listener = ("import socket, subprocess, sys\ns = socket.socket(socket.AF_UNIX)\n"
                "s.bind(sys.argv[1])\ns.listen(1)\nsys.exit(subprocess.call(sys.argv[2:]))")
    for first in (["unshare", "-pf", "--mount-proc"], []):
        got = subprocess.run([*first, PYTHON, "-c", listener, path, ANYFPM, "-t", "-y", config],
                             env=env.environment(), capture_output=True, text=True, timeout=60,
                             check=False)
        os.unlink(path)
        if first and "unshare" in got.stderr:
            pytest.skip("no namespaces can be made")
        assert got.returncode == (0 if first else 78), got.stderr
        assert ("another program listens there" in got.stderr) == (not first)
