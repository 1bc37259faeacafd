"""Workers that are replaced: after requests, by age or memory, after crashes; failing starts."""

import json
import os
import re
import signal
import threading
import time

import fcgi
import pytest
from fcgi import Client
from servers import ASAN, PYTHON, SLOW, alive, cpu_ticks, wait_for
from web import fetch, fetch_all
from wrk import count

LEAK_SECONDS = 5  # at least
RECYCLE_REQUESTS = 20_000 if ASAN else 60_000

SERVED = r"child (\d+) exited .*?, (\d+) requests? served"


def served(server):
    """How many requests each dead worker served, by its obituary."""
    return [int(n) for _, n in re.findall(SERVED, server.log())]


def events(server):
    """What became of the workers, in the order of the log: (pid, started | ready | exited)."""
    return [(int(pid), "ready" if what.startswith("is") else what) for pid, what in
            re.findall(r"child (\d+) (started|is ready|exited)", server.log())]


def check_capacity(server, workers):
    """Once there have been `workers` ready ones there are never fewer."""
    ready, least, full = set(), workers, False
    for pid, what in events(server):
        if what == "ready":
            ready.add(pid)
            full |= len(ready) >= workers
        elif what == "exited":
            ready.discard(pid)
            if full:
                least = min(least, len(ready))
    return least


@pytest.mark.load
@pytest.mark.limit(400)
def test_max_requests_under_load(env, anyfpm, nginx):
    """64 clients, recycling after 50 requests: not one failure, and nobody leaves before."""
    server = anyfpm(env.demo, {"pm.max_children": 4, "pm.max_requests": 50},
                    global_options={"log_level": "notice"})
    front = nginx(server)
    started = time.monotonic()
    statuses, errors = count(front, "/", env, RECYCLE_REQUESTS)
    took = time.monotonic() - started
    assert set(statuses) == {200} and errors == 0, (statuses, errors)
    wait_for(lambda: len(server.workers()) == 4, 10, "all workers to be there")
    n = served(server)
    print(f"measured: {sum(statuses.values())} requests in {took:.1f} s, {len(n)} workers")
    # Each serves on until its successor is ready, and they take turns.
    assert len(n) > 20 and max(n) < sum(statuses.values()) // 4, n
    assert min(n) >= 50, "nobody was replaced before its time"


def test_jitter_spreads_the_recycling(env, anyfpm, nginx):
    """pm.max_requests_jitter: at least pm.max_requests, and each its own."""
    server = anyfpm(env.demo, {"pm.max_children": 4, "pm.max_requests": 20,
                               "pm.max_requests_jitter": 20})
    front = nginx(server)

    def spread():
        assert {r.status for r in fetch_all(front, ["/"] * 200)} == {200}
        return len(set(served(server))) > 5
    wait_for(spread, 25, "workers to recycle after six different numbers of requests", interval=0)
    assert min(served(server)) >= 20, served(server)


def test_one_request_a_worker(odd):
    """pm.max_requests = 1: each request a fresh process."""
    server = odd(options={"pm.max_children": 2, "pm.max_requests": 1})
    with Client(server.address) as c:
        pids = [json.loads(c.request(body=b"x" * (i % 2)).body)["pid"] for i in range(20)]
    assert len(set(pids)) == 20


@pytest.mark.parametrize("surge,least", [(1, 2), (0, 1)])
def test_capacity_while_recycling(odd, surge, least):
    """The successor is ready before its predecessor leaves, unless pm.max_surge is 0."""
    server = odd("slow-start", {"pm.max_children": 2, "pm.max_lifetime": "1s",
                                "pm.max_surge": surge}, args=("0.2",))
    server.wait_workers(2)
    most, end = 0, time.monotonic() + 5
    with Client(server.address) as c:
        def replaced():
            nonlocal most
            assert c.request(query="do=hello").status == 200
            most = max(most, len(server.workers()))
            left = re.findall(r"exited .*it has reached pm\.max_lifetime", server.log())
            return time.monotonic() > end and len(left) >= 3
        wait_for(replaced, 10, "workers to be replaced", interval=0)
    # Those that were asked to end do not hold up their successors, unless there is no surge.
    assert most <= 2 + (surge + 2 if surge else 0)
    assert check_capacity(server, 2) >= least


@pytest.mark.parametrize("pm", ["static", "dynamic"])
def test_max_lifetime_of_an_idle_worker(odd, pm):
    """Replaced although nobody asks for anything."""
    server = odd(options={"pm": pm, "pm.max_children": 1, "pm.min_spare_servers": 1,
                          "pm.max_spare_servers": 1, "pm.max_lifetime": "1s"})
    pid = server.wait_workers(1)[0]
    wait_for(lambda: not alive(pid), 5 * SLOW, "the old worker to leave")
    server.wait_log(r"child %d exited .*pm\.max_lifetime" % pid)
    with Client(server.address) as c:
        assert json.loads(c.request().body)["pid"] != pid


def test_max_lifetime_waits_for_the_request(odd):
    """A busy worker is not disturbed."""
    server = odd(options={"pm.max_children": 1, "pm.max_lifetime": "1s"})
    with Client(server.address, timeout=30) as c:
        assert c.request(query="do=slow&ms=2500").status == 200
        assert c.request().status == 200
    server.wait_log(r"exited .*\d requests? served.*pm\.max_lifetime")
    assert "answered 502" not in server.log()


@pytest.mark.load
@pytest.mark.limit(240)
def test_leaking_worker(odd, nginx):
    """1 MB a request, pm.max_memory = 64M: no failed request, nobody far above the limit."""
    server = odd("leak", {"pm.max_children": 4, "pm.max_memory": "64M"},
                 global_options={"log_level": "notice"})
    front = nginx(server)
    begun = time.monotonic()
    statuses, highest, pids, lock = {}, [0], set(), threading.Lock()

    def over():
        enough = statuses.get(200, 0) > 400 and len(pids) > 4
        return time.monotonic() - begun > LEAK_SECONDS + (0 if enough else 60)

    def client():
        while not over():
            try:
                reply = fetch(front, "/?kb=1024")
            except OSError as e:
                reply = None
                status = repr(e)
            else:
                status = reply.status
            with lock:
                statuses[status] = statuses.get(status, 0) + 1
                if status == 200:
                    report = json.loads(reply.body)
                    highest[0] = max(highest[0], report["rss_kb"])
                    pids.add(report["pid"])
    threads = [threading.Thread(target=client) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(f"measured: {statuses}, {len(pids)} workers, the largest had {highest[0]} KB")
    assert set(statuses) == {200}, statuses
    assert statuses[200] > 100 and len(pids) > 4, "too little happened"
    # It serves until there is another, or half as much more; it counts mapped files too, which
    # the limit does not.
    assert highest[0] <= (64 * 3 // 2 + 2 + 12) * 1024, f"a worker had {highest[0]} KB"
    server.wait_log(r"exited .*pm\.max_memory.*: its memory is \d+ KB")


def test_php_cgi_under_load(env, anyfpm, nginx):
    """php-cgi that leaves after three requests: with 16 clients none is lost."""
    server = anyfpm("/usr/bin/php-cgi8.2 -n", {
        "pm.max_children": 4, "env[PHP_FCGI_MAX_REQUESTS]": "3", "env[PHP_FCGI_CHILDREN]": "0"})
    front = nginx(server, script=env.shared + "/hello.php")
    replies = fetch_all(front, [f"/{i}" for i in range(300 // SLOW)])
    bad = [r.status for r in replies if r.status != 200]
    assert not bad, (bad, server.log()[-3000:])
    replies = fetch_all(front, ["/"] * (100 // SLOW), method="POST", body=b"p" * 1000)
    assert {r.status for r in replies} == {200}
    assert "exited on signal" not in server.log().replace("SIGTERM", "")


# Starting -----------------------------------------------------------------------

def test_warmup_comes_first(odd, env):
    """A worker is ready only after it has answered pm.warmup; that request is not counted."""
    note = env.dir + "/pub/note"
    server = odd("notes-requests", {"pm.max_children": 1, "pm.warmup": "/warm-up",
                                    "pm.max_requests": 2}, args=(note,))
    with Client(server.address) as c:
        def asked():
            assert c.request(uri="/page").status == 200
            return len(served(server)) >= 3
        wait_for(asked, 30, "three workers to be replaced")
    by_pid = {}
    with open(note, encoding="ascii") as f:
        for line in f:
            pid, method, uri = line.split()
            by_pid.setdefault(pid, []).append(f"{method} {uri}")
    whole = [requests for requests in by_pid.values() if len(requests) > 1]
    assert len(whole) >= 3
    for requests in whole:
        assert requests[0] == "GET /warm-up" and set(requests[1:]) == {"GET /page"}
    for n in served(server):
        assert 2 <= n < max(len(requests) for requests in whole) + 1, "it is not counted"


@pytest.mark.parametrize("how", ["fail", "sleep", "crash", "garbage", "close", "empty",
                                 "overloaded"])
def test_failed_warmup_is_a_failed_start(odd, env, how):
    """A 500, a hang, a crash, nonsense, nothing: a failed start, tried again with back-off."""
    mended = env.dir + "/pub/mended"
    server = odd("warms-up", {"pm.max_children": 1, "pm.warmup": "/warm-up",
                              "pm.start_timeout": "1s"}, args=(f"{how}:{mended}",), wait=False)
    server.wait_log(r"(WARNING|ERROR): \[pool www\] child \d+ exited .* before it was ready",
                    timeout=10)
    server.wait_log(r"start failed in a row; the next attempt is in 0\.5 seconds")
    assert not re.search(r"child \d+ is ready", server.log())
    server.wait_log(r"2 starts failed in a row; the next attempt is in 1\.0 seconds", timeout=15)
    with open(mended, "w", encoding="ascii"):
        pass
    with Client(server.address, timeout=20) as c:
        wait_for(lambda: c.request().status == 200, 20, "the pool to serve", interval=0.1)
    server.wait_log(r"child \d+ is ready")


def test_warmup_with_a_query(odd):
    """It reaches the program as the query of a client would."""
    server = odd(options={"pm.max_children": 1, "pm.warmup": "/warm-up?do=fail&x=1"}, wait=False)
    server.wait_log(r"it answered pm\.warmup with status 500")


@pytest.mark.parametrize("how", ["close", "garbage"])
def test_failed_warmups_are_no_reason_to_start_more(odd, how):
    """Whoever is asked to end before it was ready has failed at once, not when it has ended."""
    server = odd("warms-up", {"pm.max_children": 2, "pm.max_surge": 4, "pm.warmup": "/warm-up"},
                 args=(how,), wait=False)
    last = server.wait_log("2 starts failed in a row")
    until_then = last.string[:last.end()]
    assert len(re.findall(r"child \d+ started", until_then)) == 3, server.log()


def test_ready_waits_for_a_slow_warmup(odd):
    """Slow is not failed: a warm-up of a second, within pm.start_timeout."""
    started = time.monotonic()
    server = odd("warms-up", {"pm.max_children": 1, "pm.warmup": "/warm-up",
                              "pm.start_timeout": "10s", "request_terminate_timeout": "100ms"},
                 args=("slow",), wait=False)
    server.wait_log(r"child \d+ is ready", timeout=15)
    assert time.monotonic() - started > 1
    # The limit of requests is not that of a warm-up, and looking for it must not spin.
    assert cpu_ticks(server.pool()) < 60
    # Any request that takes longer is terminated, were it for a stall of the machine.
    with Client(server.address) as c:
        wait_for(lambda: c.request().status == 200, 10, "the pool to serve")


@pytest.mark.executed
def test_failing_starts_while_others_serve(odd, env):
    """Workers that serve go on serving; one attempt at a time; mended, the pool grows."""
    broken = env.dir + "/pub/broken"
    server = odd("fails-while", {
        "pm": "dynamic", "pm.max_children": 4, "pm.start_servers": 1, "pm.min_spare_servers": 1,
        "pm.max_spare_servers": 2, "pm.process_idle_timeout": "1s"}, args=(broken,))
    server.wait_workers(1)
    with open(broken, "w", encoding="ascii"):
        pass
    clients = [Client(server.address, timeout=30) for _ in range(6)]
    for c in clients:
        c.start(query="do=slow&ms=300")
    assert [c.answer().status for c in clients] == [200] * 6, "the one that lives serves all"
    server.wait_log(r"child \d+ exited with code 4 .* before it was ready.*not now")
    attempts = len(re.findall(r"exited with code 4", server.log()))
    assert attempts <= 5, f"{attempts} attempts in two seconds"
    os.unlink(broken)
    wait_for(lambda: _served_side_by_side(clients), 40, "the pool to grow", interval=0.3)
    for c in clients:
        c.close()


DAEMON = """#!{python} -S
import os, time
def note():
    with open({note!r}, "a") as f:
        f.write(f"{{os.getpid()}}\\n")
def notes():
    with open({note!r}) as f:
        return f.read().count("\\n")
if os.fork():
    time.sleep(0.1)
    while not os.path.exists({note!r}) or notes() < {all}:
        time.sleep(0.01)
    os._exit(0)
os.setsid()
os.fork()
note()
time.sleep(600)
"""


@pytest.mark.parametrize("workers", [1, pytest.param(4, marks=pytest.mark.executed)])
def test_program_that_goes_to_the_background(env, anyfpm, workers):
    """Each start fails, several at once too, and what each has left in a session of its own is
    gone, to the last generation."""
    note, program = env.dir + "/pub/note", env.dir + "/daemon"
    with open(program, "w", encoding="ascii") as f:
        f.write(DAEMON.format(python=PYTHON, note=note, all=2 * workers))
    os.chmod(program, 0o755)
    server = anyfpm(program, {"pm.max_children": workers}, wait=False)
    server.wait_log("2 starts failed in a row", timeout=15)
    server.wait_log("stays in the foreground[?]", 2)
    server.wait_log(r"killed \d+ process(?:es)? that (?:child \d+|earlier children) had left in the "
                    "background", 2)
    with open(note, encoding="ascii") as f:
        left = [int(pid) for pid in f]
    assert len(left) >= 2 * workers
    for pid in left:
        wait_for(lambda pid=pid: not alive(pid), 5, "what was left to be killed")


@pytest.mark.executed
def test_ondemand_recovers_from_a_failed_start(odd, env):
    """No worker, no queue, one failed start: requests get a 503 for the back-off, not for ever."""
    broken = env.dir + "/pub/broken"
    server = odd("fails-while", {"pm": "ondemand", "pm.max_children": 2,
                                 "pm.process_idle_timeout": "1s"}, args=(broken,))
    with open(broken, "w", encoding="ascii"):
        pass
    with Client(server.address) as c:
        assert c.request().status == 503
        os.unlink(broken)
        wait_for(lambda: c.request().status == 200, 5 * SLOW, "the pool to serve", interval=0.1)


def _served_side_by_side(clients):
    started = time.monotonic()
    for c in clients[:2]:
        c.start(query="do=slow&ms=1000")
    assert [c.answer().status for c in clients[:2]] == [200, 200]
    return time.monotonic() - started < 1.7


def test_stopped_idle_worker_is_replaced_at_once(odd):
    """One of two idle workers is stopped: nobody waits for it."""
    server = odd(options={"pm.max_children": 2})
    first, second = server.wait_workers(2)
    with Client(server.address) as c:
        used = json.loads(c.request().body)["pid"]  # it would be used next
        os.kill(used, signal.SIGSTOP)
        wait_for(lambda: not alive(used), 2 * SLOW, "the stopped worker to be removed")
        for _ in range(5):
            assert json.loads(c.request().body)["pid"] != used
    assert len(server.wait_workers(2)) == 2 and used in (first, second)
    server.wait_log(r"child %d exited on signal 9 .*stopped by a signal" % used)


def test_emergency_restart(odd):
    """Three crashes within the interval: every worker is replaced, nobody loses a request."""
    server = odd(options={"pm.max_children": 4}, global_options={
        "emergency_restart_threshold": 3, "emergency_restart_interval": "60s"})
    before = set(server.wait_workers(4))
    with Client(server.address) as c:
        for i in range(3):
            assert "emergency" not in server.log() and "threshold" not in server.log()
            assert c.request(query="do=segv").status == 502
            server.wait_log(r"exited on signal 11", i + 1)
            assert c.request().status == 200
        server.wait_log(r"WARNING: \[pool www\] failed processes threshold \(3 in 60 sec\) is "
                        r"reached")

        def replaced():
            assert c.request(query="do=hello").status == 200
            return not set(server.workers()) & before
        wait_for(replaced, 10, "all to be replaced", interval=0)
        server.wait_workers(4)
        assert c.request().status == 200


def test_crashes_below_the_threshold(odd):
    """Two crashes of three, and deaths that are no crash, replace nobody else."""
    server = odd(options={"pm.max_children": 2}, global_options={
        "emergency_restart_threshold": 3, "emergency_restart_interval": "60s"})
    with Client(server.address) as c:
        for do in ("segv", "segv", "crash", "crash", "exit&code=1"):
            assert c.request(query="do=" + do).status == 502
    time.sleep(0.5)
    assert "threshold" not in server.log()


def test_crashes_long_ago_do_not_count(odd):
    """The interval passes between them."""
    server = odd(options={"pm.max_children": 2}, global_options={
        "emergency_restart_threshold": 2, "emergency_restart_interval": "1s"})
    with Client(server.address) as c:
        assert c.request(query="do=segv").status == 502
        server.wait_log("exited on signal 11")
        time.sleep(1.3)
        assert c.request(query="do=segv").status == 502
        server.wait_log("exited on signal 11", 2)
    assert "threshold" not in server.log()


def test_recycling_while_a_client_keeps_its_connection(odd):
    """One kept connection, one request after the other, 20 workers' lives: nothing is lost."""
    server = odd(options={"pm.max_children": 1, "pm.max_requests": 3})
    with Client(server.address) as c:
        pids = []

        def replaced():
            body = b"b" * (len(pids) % 3) * 1000
            pids.append(json.loads(c.request(body=body).body)["pid"])
            return len(set(pids)) >= 20
        wait_for(replaced, 60, "20 workers' lives", interval=0)
    with pytest.raises(fcgi.Closed), Client(server.address) as c:
        c.start(query="do=cut-body")
        c.answer()


def test_memory_that_is_loaded_once_is_no_leak(odd):
    """One request takes more than half of what is left to pm.max_memory, and keeps it: no leak."""
    server = odd("leak", {"pm.max_children": 1, "pm.max_memory": "64M"})
    with Client(server.address) as c:
        pids = {json.loads(c.request(query=f"kb={kb}").body)["pid"]
                for kb in (1, 1, 35000, 1, 1, 1)}
    assert len(pids) == 1, server.log()
