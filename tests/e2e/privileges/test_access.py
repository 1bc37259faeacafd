"""Who may connect, read which file, signal whom: the rows of SECURITY.md that no other test shows."""

import glob
import os
import pwd
import shutil
import subprocess

import pytest
from fcgi import PARAMS, STDIN, Client, begin, pairs, params, stream
from scraping import metrics_pid
from servers import PYTHON, ROOT, USER, children, descriptors, free_port, wait_for

needs_root = pytest.mark.skipif(not ROOT or not shutil.which("setpriv"),
                                reason="only root can become others")
OTHER = "daemon"  # of another pool
ASK = """import os, signal, sys
try:
    {}
except PermissionError:
    sys.exit(7)
"""


def may(user, code, *args):
    """Whether a process of this user may do it; args are its sys.argv[1:]."""
    gid = pwd.getpwnam(user).pw_gid
    got = subprocess.run(["setpriv", f"--reuid={user}", f"--regid={gid}", "--init-groups", PYTHON,
                          "-S", "-c", ASK.format(code), *map(str, args)], capture_output=True,
                         text=True, check=False, cwd="/")
    assert got.returncode in (0, 7), got.stderr
    return got.returncode == 0


def may_signal(user, pid):
    return may(user, "os.kill(int(sys.argv[1]), 0)", pid)


def may_read(user, path):
    return may(user, "open(sys.argv[1], 'rb').read(1)", path)


@pytest.fixture
def two(env, anyfpm):
    """Two pools of different users, with metrics."""
    pools = {"www": {"command": env.worker("echo"), "listen": env.dir + "/www.sock"},
             "other": {"command": env.worker("echo"), "listen": env.dir + "/other.sock",
                       "user": OTHER, "group": OTHER, "listen.owner": OTHER,
                       "listen.group": OTHER}}
    server = anyfpm(None, pools=pools, global_options={
        "metrics_listen": f"127.0.0.1:{free_port()}", "pid": env.dir + "/anyfpm.pid"})
    server.wait_workers(4)
    return server


@needs_root
def test_signals(two):
    """A worker's user reaches his own pool's processes, and nobody else's."""
    www, other = two.pool("www"), two.pool("other")
    own = [www, *children(www)]
    strangers = [two.pid, metrics_pid(two), other, *children(other)]
    assert len(own) == 3 and len(strangers) == 5
    assert all(may_signal(USER, pid) for pid in own)
    assert not any(may_signal(USER, pid) for pid in strangers)
    assert not any(may_signal("nobody", pid) for pid in (two.pid, *own, other))


@needs_root
@pytest.mark.parametrize("name", ["environ", "maps", "mem", "fd", "auxv", "cwd"])
def test_a_pool_process_cannot_be_looked_into(two, name):
    """Not by its own user either: it holds other clients' requests."""
    path = f"/proc/{two.pool('www')}/{name}"
    look = {"fd": "os.listdir(sys.argv[1])", "cwd": "os.readlink(sys.argv[1])"}.get(
        name, "os.close(os.open(sys.argv[1], os.O_RDONLY))")
    for user in (USER, OTHER):
        assert not may(user, look, path)


@needs_root
def test_workers_of_another_pool(two):
    """Their environment, which may hold passwords, and their socket are not for others."""
    worker = children(two.pool("other"))[0]
    assert not may_read(USER, f"/proc/{worker}/environ")
    assert may_read(OTHER, f"/proc/{worker}/environ")
    code = "import socket; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    assert not may(USER, code, two.sockets[1])
    assert may(OTHER, code, two.sockets[1])


@needs_root
def test_files_of_the_master(two, env):
    """The pid file is for all to read and for root to write, its lock and the logs are root's."""
    os.chmod(env.dir, 0o755)
    pid_file = env.dir + "/anyfpm.pid"
    for path in (pid_file, two.log_path):
        assert os.stat(path).st_uid == 0
        assert not may(USER, "open(sys.argv[1], 'ab')", path)
    assert may_read(USER, pid_file) and not may_read(USER, two.log_path)
    for path in glob.glob(env.dir + "/*.lock"):
        assert os.stat(path).st_mode & 0o777 == 0o600 and os.stat(path).st_uid == 0


def bound(pid):
    """Unix sockets that the process listens on: their names, None where there is none."""
    inodes = {what[8:-1] for what in descriptors(pid).values() if what.startswith("socket:")}
    found = []
    with open("/proc/net/unix", encoding="latin-1") as f:
        for line in list(f)[1:]:
            words = line.split()
            if words[6] in inodes and words[3] == "00010000":  # SO_ACCEPTCON
                found.append(words[7] if len(words) > 7 else None)
    return found


def test_a_workers_socket_has_no_name(odd):
    """What it was bound to is gone before the worker runs: nobody else can connect."""
    server = odd()
    for worker in server.wait_workers(2):
        names = bound(worker)
        assert len(names) == 1
        assert names[0] is None or not os.path.exists(names[0])
    if ROOT:
        own = [path for path in descriptors(server.pool()).values()
               if "anyfpm" in path and os.path.isdir(path)]
        assert own and all(os.stat(p).st_mode & 0o777 == 0o700 for p in own)


@needs_root
def test_statistics(two):
    """Memory without a name: the pool process writes it, the metrics process can only read it, a
    worker does not have it."""
    def modes(pid):
        out = []
        for fd, what in descriptors(pid).items():
            if "memfd:anyfpm statistics" in what:
                with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as f:
                    out.append(int(f.read().split("flags:")[1].split()[0], 8) & os.O_ACCMODE)
        return out

    def mappings(pid):
        with open(f"/proc/{pid}/maps", encoding="ascii") as f:
            return {line.split()[1] for line in f if "anyfpm statistics" in line}
    assert os.O_RDWR in modes(two.pid)
    assert mappings(two.pool("www")) == {"rw-s"}
    metrics = metrics_pid(two)
    wait_for(lambda: modes(metrics) or mappings(metrics), 10, "the metrics process to have it")
    assert set(modes(metrics)) <= {os.O_RDONLY} and mappings(metrics) <= {"r--s"}
    for worker in two.workers():
        assert not modes(worker) and not mappings(worker)


@pytest.mark.skipif(not ROOT, reason="only root may look at the pool process")
def test_spooled_bodies(odd):
    """A file without a name, which nobody but the pool process has."""
    server = odd("echo", {"pm.max_children": 1, "request_buffer_size": "64K"})
    body = os.urandom(3_000_000)

    def head(number):
        return begin(number) + stream(PARAMS, number,
                                      pairs(params("POST", body_length=len(body))))

    def spooled():
        paths = [f"/proc/{server.pool()}/fd/{fd}"
                 for fd, what in descriptors(server.pool()).items()
                 if what.endswith(" (deleted)") and "memfd" not in what]
        return [p for p in paths if os.stat(p).st_size > 65536]
    with Client(server.address) as busy, Client(server.address) as c:
        busy.start(query="do=slow&ms=100000")  # as long as we look
        # Two at a time: a lone one would be read no further than its buffer.
        c.send(head(1), head(2), stream(STDIN, 1, body), stream(STDIN, 2, body)[:-8])
        wait_for(spooled, 10, "a spool file")
        for path in spooled():
            assert os.stat(path).st_mode & 0o777 == 0o600
            assert os.stat(path).st_uid == pwd.getpwnam(USER).pw_uid
            assert os.stat(path).st_nlink == 0
        assert "(deleted)" not in "".join(descriptors(server.workers()[0]).values())
