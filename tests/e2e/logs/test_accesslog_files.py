"""The files of the access log: rotated, full, shared, refused; no line is lost."""

import collections
import os
import re
import resource
import signal
import threading

from accesslog import ENDS, ends, lines, log_of, read
from fcgi import Client
import pytest
import servers
from servers import ROOT, USER, wait_for
import statuspage
from web import fetch


# Files ------------------------------------------------------------------------------

def test_rotation_under_load(logging, env):
    """USR1: every line is in the old file or in the new one."""
    server = logging({"pm.max_children": 2}, "hello")
    sent, stop = [0] * 4, threading.Event()

    def client(i):
        with Client(server.address) as c:
            while not stop.is_set():
                assert c.request(uri=f"/{i}/{sent[i]}").status == 200
                sent[i] += 1

    threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for n in range(1, 11):
        wait_for(lambda: read(log_of(env)).count(b"\n") > 20, 20, "lines in the new file")
        os.rename(log_of(env), f"{log_of(env)}.{n}")
        server.signal(signal.SIGUSR1)
        server.wait_log(r"NOTICE: \[pool www\] access log file re-opened", n, timeout=10)
    stop.set()
    for t in threads:
        t.join()
    total = sum(sent)
    files = [log_of(env)] + [f"{log_of(env)}.{n}" for n in range(1, 11)]
    wait_for(lambda: sum(read(f).count(b"\n") for f in files) >= total, 10, f"{total} lines")
    uris = [line.split("|")[3] for f in files for line in read(f).decode().splitlines()]
    assert sorted(uris) == sorted(f"/{i}/{k}" for i in range(4) for k in range(sent[i]))


def test_full_disk(logging, env):
    """Requests go on; the error log says once that lines are lost, and how many."""
    server = logging({"access.log": "/dev/full"}, "hello")
    with Client(server.address) as c:
        for _ in range(300):
            assert c.request().status == 200
    server.wait_log(r"ERROR: .*access\.log /dev/full: No space left on device")
    server.stop()
    assert server.log().count("ERROR") == 1, server.log()
    assert "access.log /dev/full: 300 lines were lost" in server.log(), server.log()


@pytest.mark.skipif(not ROOT, reason="takes the limits of root's processes")
@pytest.mark.parametrize("how", ["restarted", "reopened"])
def test_line_after_a_torn_one_stands_alone(env, anyfpm, how):
    """What a full disk has cut in the middle is not continued by who writes after it."""
    server = anyfpm(env.worker("hello"), {"access.log": log_of(env), "access.format": f'"{ENDS}"',
                                          "user": "root", "group": "root"}, args=["-R"])
    pool = server.pool()
    with Client(server.address) as c:
        for _ in range(200):  # more bytes than the error log has
            assert c.request(uri="/before").status == 200
        size = os.path.getsize(log_of(env)) if lines(log_of(env), 200) else 0
        limit = resource.prlimit(pool, resource.RLIMIT_FSIZE)
        resource.prlimit(pool, resource.RLIMIT_FSIZE, (size + 20, limit[1]))
        assert c.request(uri="/torn").status == 200
        server.wait_log("cannot write to access.log")
    assert len(read(log_of(env))) == size + 20
    if how == "restarted":
        server.stop()
        server.start()
    else:
        resource.prlimit(pool, resource.RLIMIT_FSIZE, limit)
        server.signal(signal.SIGUSR1)
        server.wait_log("access log file re-opened")
    with Client(server.address) as c:
        assert c.request(uri="/after").status == 200
    got = lines(log_of(env), 202)
    assert len(got[200]) == 20 and got[201].split("|")[3] == "/after", got[200:]


def test_lines_lost_at_the_end_are_counted(env, odd):
    """The counter that outlives a pool process has the lines that its last moment has lost."""
    server = odd("hello", {"access.log": "/dev/full", "pm.status_path": "/status"})
    with Client(server.address) as c:
        for _ in range(10):
            assert c.request().status == 200
    os.kill(server.pool(), signal.SIGTERM)
    server.wait_log(r"first worker \d+ is ready", 2, timeout=15)
    with Client(server.address) as c:
        numbers = statuspage.numbers(c)
    assert (numbers["accepted conn"], numbers["log lines lost"]) == (10, 10)


def test_standard_output(logging, env):
    """What containers do: access.log = /dev/stdout, error_log = /dev/stderr."""
    server = logging({"access.log": "/dev/stdout"}, "hello")
    with Client(server.address) as c:
        assert c.request(uri="/to/stdout").status == 200
    wait_for(lambda: "|/to/stdout|200|" in server.said(), 5, "a line on standard output")
    server.signal(signal.SIGUSR1)
    server.wait_log("error log file re-opened")
    with Client(server.address) as c:
        assert c.request(uri="/to/stdout/again").status == 200
    wait_for(lambda: "|/to/stdout/again|200|" in server.said(), 5)
    assert "access log file re-opened" not in server.log()


def test_pools_share_a_file(env, anyfpm):
    pools = {name: {"command": env.worker("hello"), "listen": f"{env.dir}/{name}.sock",
                    "access.log": log_of(env), "access.format": f'"{ENDS}"'}
             for name in ("one", "two")}
    anyfpm(None, pools=pools)
    for i in range(20):
        for name in pools:
            with Client(f"{env.dir}/{name}.sock") as c:
                c.request(uri=f"/{name}/{i}")
    got = ends(env, 40)
    assert collections.Counter(line.pool for line in got) == {"one": 20, "two": 20}
    assert all(line.uri.startswith(f"/{line.pool}/") for line in got)


def test_new_pool_process_goes_on(logging, env):
    """A pool process that is killed takes no more of the log than its last lines."""
    server = logging({}, "hello")
    with Client(server.address) as c:
        assert c.request(uri="/before").status == 200
    lines(log_of(env), 1)
    os.kill(server.pool(), signal.SIGKILL)
    server.wait_log(r"first worker \d+ is ready", 2, timeout=15)
    with Client(server.address) as c:
        assert c.request(uri="/after").status == 200
    assert [line.uri for line in ends(env, 2)] == ["/before", "/after"]


@pytest.mark.parametrize("path", [
    "/nowhere/at/all/access.log", "{dir}/link",
    pytest.param("{dir}/pub/access.log", marks=pytest.mark.skipif(
        not ROOT, reason="the pool's user and ours are the same")),
])
def test_refused_files(env, path):
    """Where it cannot be opened, or could be replaced by somebody: exit code 78, and why."""
    os.symlink("/etc/passwd", env.dir + "/link")
    path = path.format(dir=env.dir)
    server = servers.Anyfpm(env, env.worker("hello"), {"access.log": path}, wait=False)
    server.exit_code = 78
    assert server.wait_exit() == 78
    assert f"access.log {path}" in server.said() + server.log()
    server.sockets = []


def test_owner_and_mode(logging, env):
    server = logging({}, "hello")
    with Client(server.address) as c:
        c.request()
    st = os.stat(log_of(env))
    assert st.st_mode & 0o777 == 0o600 and st.st_uid == os.geteuid()
    assert not ROOT or USER != "root"


def test_through_nginx(env, anyfpm, nginx):
    """Names as nginx sends them; a header field, and the bytes that a visitor got."""
    server = anyfpm(env.demo, {"access.log": log_of(env),
                               "access.format": "'%{REMOTE_ADDR}e %m %r%Q%q %s %{Content-Type}o'"})
    front = nginx(server)
    assert fetch(front, "/a%20b?x=1").status == 200
    line, = lines(log_of(env), 1)
    assert re.fullmatch(r"127\.0\.0\.1 GET /a%20b\?x=1 200 text/\w+.*", line)
