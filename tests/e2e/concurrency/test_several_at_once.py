"""pm.max_concurrency: how many requests a worker has at once, and which worker gets one."""

import collections
import concurrent.futures
import contextlib
import json
import os
import subprocess
import zlib

import pytest
import wrk
from concurrency import AtOnce, ask, learn, learn_alone, told_by
from fcgi import Client
from load import Load, all_right
from servers import ANYFPM, ROOT, USER, wait_for
from web import fetch, fetch_all

KINDS = ["each", "python", "wsgi", "go"]


@pytest.mark.parametrize("value,good", [
    ("1", True), ("16", True), ("0", False), ("-1", False), ("many", False), ("1.5", False),
    ("99999999999", False)])
def test_the_directive(env, value, good):
    """-t names the directive of a value that is none."""
    path = env.dir + "/test.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"[www]\npm.max_concurrency = {value}\nlisten = {env.dir}/www.sock\npm = static\n"
                "pm.max_children = 2\ncommand = /bin/cat\n" + (f"user = {USER}\n" if ROOT else ""))
    got = subprocess.run([ANYFPM, "-O", "-t", "-y", path], capture_output=True, text=True,
                         timeout=20, env=env.environment(), check=False)
    assert (got.returncode == 0) == good, got.stderr
    if not good:
        assert f"{path}:2" in got.stderr and "pm.max_concurrency" in got.stderr, got.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_one_worker_has_n_at_once(several, kind):
    """And the next one waits until one of them has ended."""
    server = several(kind=kind, threads=8)
    learn(server, 8)
    with AtOnce(server, [f"id={i}&ms=1500" for i in range(9)]) as batch:
        told = batch.told()
    assert len({t["pid"] for t in told}) == 1
    assert max(t["beside"] for t in told) == 8
    assert sorted(t["id"] for t in told) == list(range(9)), "each got its own answer"


def test_the_next_one_starts_another(several):
    server = several({"pm": "ondemand", "pm.max_children": 4, "pm.process_idle_timeout": "1s"},
                     threads=4)
    learn_alone(server, 4)
    with AtOnce(server, ["ms=1500"] * 4) as batch:
        assert len({t["pid"] for t in batch.told()}) == 1
    with AtOnce(server, ["ms=3000"] * 5) as batch:
        by_worker = collections.Counter(t["pid"] for t in batch.told())
    assert sorted(by_worker.values()) == [1, 4], by_worker


def test_n_is_1_unless_it_is_said(several):
    server = several({"pm.max_concurrency": None}, threads=4)
    with AtOnce(server, ["ms=200"] * 4) as batch:
        assert {t["beside"] for t in batch.told()} == {1}


def test_the_least_loaded_one_gets_it(several):
    """Eight requests in two workers are four in each, and so are six more beside them."""
    server = several({"pm.max_children": 2}, threads=8)
    server.wait_workers(2)
    learn(server, 8, 2)
    before = len(server.program.runs())
    with AtOnce(server, ["ms=5000"] * 8) as first:
        server.program.wait_runs(before + 8)
        with AtOnce(server, ["ms=2000"] * 6) as then:
            later = collections.Counter(t["pid"] for t in then.told())
        by_worker = collections.Counter(t["pid"] for t in first.told())
    assert sorted(by_worker.values()) == [4, 4], by_worker
    assert sorted(later.values()) == [3, 3], later


def test_among_equals_the_last_used_one(several):
    """So requests one after the other keep one worker warm."""
    server = several({"pm.max_children": 4}, threads=4)
    server.wait_workers(4)
    with Client(server.address) as c:
        pids = collections.Counter(told_by(c.request())["pid"] for _ in range(50))
    assert max(pids.values()) >= 40, pids


@pytest.mark.parametrize("kind", ["each", "late", "mutex", "python", "deaf", "wsgi", "go"])
def test_under_load(several, kind):
    """Each of 32 clients gets the answer to what it asked, and no POST runs twice."""
    server = several({"pm.max_children": 2}, kind=kind)
    with Load(server.address, server.program, clients=32, ms=5) as load:
        server.program.wait_runs(1500)
    all_right(load, server.program)
    assert len(server.workers()) == 2
    assert "WARNING" not in server.log(), server.log()[-3000:]


@pytest.mark.parametrize("keepalive", [True, False], ids=["kept", "not kept"])
def test_behind_nginx(several, nginx, keepalive):
    server = several(kind="go")
    front = nginx(server, keepalive=keepalive)
    replies = fetch_all(front, [f"/?id={i}&ms=200" for i in range(200)], threads=32)
    assert {r.status for r in replies} == {200}
    assert [told_by(r)["id"] for r in replies] == list(range(200))
    assert max(told_by(r)["beside"] for r in replies) > 4


def test_haproxy_shares_connections(several, haproxy):
    """Requests that share a client's connection have connections of their own to the worker."""
    server = several()
    front = haproxy(server)
    fetch(front, "/?ms=1")  # it has asked whether it may, by now
    replies = fetch_all(front, [f"/?id={i}&ms=300" for i in range(64)], threads=16)
    assert [told_by(r)["id"] for r in replies] == list(range(64))
    assert max(told_by(r)["beside"] for r in replies) > 4


@pytest.mark.parametrize("kind", KINDS)
def test_large_bodies_both_ways(several, kind):
    """Eight uploads and eight downloads at once in one worker, through our buffers side by side."""
    server = several({"request_body_timeout": "60s"}, kind=kind)
    size = 3 << 20
    bodies = [os.urandom(1 << 16) * (size >> 16) for _ in range(8)]

    def send(i):
        with Client(server.address, timeout=60) as c:
            if i >= 8:
                return c.request(query=f"id={i}&ms=200&bytes={size + i}")
            return c.request(query=f"id={i}&ms=200", body=bodies[i])
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(16)))
    assert [a.status for a in answers] == [200] * 16
    for i, answer in enumerate(answers):
        told = told_by(answer) if i < 8 else None
        if told:
            assert (told["length"], told["crc32"]) == (size, zlib.crc32(bodies[i]))
        else:
            head, _, rest = answer.body.partition(b"\n")
            assert json.loads(head)["id"] == i and rest == b"z" * (size + i)


@pytest.mark.parametrize("abort", ["finish", "terminate"])
def test_a_client_that_leaves(several, abort):
    """The others of its worker are not disturbed, whatever becomes of its own request."""
    server = several({"request_client_abort": abort})
    learn(server, 4)
    before = len(server.program.runs())
    with AtOnce(server, ["ms=1500"] * 3) as others:
        leaving = AtOnce(server, ["ms=60000&do=hang"] if abort == "terminate" else ["ms=500"])
        server.program.wait_runs(before + 4)
        leaving.__exit__()
        assert len({t["pid"] for t in others.told()}) == 1
    assert ask(server)["length"] == 0


def test_a_slow_client_holds_nobody(several):
    """What one does not read stops its own request alone."""
    server = several({"response_buffer_size": "64K"})
    with Client(server.address, timeout=60) as slow:
        slow.start(query="bytes=20000000")
        server.program.wait_runs(1)
        with AtOnce(server, ["ms=10&bytes=100000"] * 8) as others:
            assert len(others.told()) == 8
        assert len(slow.answer().body) > 20000000


def test_one_connection_per_request(several):
    """Ready connections are used again: many requests need no more than were there at once."""
    server = several(kind="go", threads=8)
    learn(server, 8)
    pid, = server.workers()

    def sockets():
        found = 0
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # it has just been closed
                found += os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
        return found
    before = sockets()
    with Load(server.address, server.program, clients=8) as load:
        server.program.wait_runs(len(server.program.runs()) + 500)
    all_right(load)
    # One of them is the listening socket.
    wait_for(lambda: sockets() <= before + 1, 5, "as many sockets as before")


def test_a_worker_that_is_late_to_accept(several, nginx):
    """All its requests keep it from the CPU: connections wait, and it is not replaced."""
    server = several({"env[RUNS]": None}, kind="python", threads=64)
    pid, = server.wait_workers(1)
    front = nginx(server)
    for _ in range(6):
        *_, errors = wrk.latency(front, "/?ms=20", 64, 1)
        assert errors == 0 and "cannot connect" not in server.log()
    assert server.workers() == [pid]


@pytest.mark.parametrize("kind", ["late", "wsgi", "each"])
def test_preloaded(several, kind):
    """Programs that start their threads later are forked; one that has them cannot be."""
    server = several({"pm.preload": "yes", "pm.max_children": 2}, kind=kind, threads=8)
    wait_for(lambda: len(server.workers()) == 2, 10, "the workers")
    with Load(server.address, server.program, clients=16, ms=10) as load:
        server.program.wait_runs(400)
    all_right(load, server.program)
    with AtOnce(server, ["ms=2000"] * 16) as batch:
        assert max(t["beside"] for t in batch.told()) > 4
    wait_for(lambda: bool(server.templates()) == (kind != "each"), 5,
             "the end of what cannot be forked")


def test_warm_up_and_idle(several):
    """pm.warmup asks each worker once, whatever it takes at once."""
    server = several({"pm.max_children": 2, "pm.warmup": "/warm?id=77"}, kind="go")
    server.wait_workers(2)
    assert server.program.runs().count("GET 77") == 2
