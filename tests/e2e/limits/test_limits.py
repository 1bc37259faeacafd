"""Limits that terminate a request: what client, log and worker see."""

import http.client
import json
import os
import re
import resource
import signal
import threading
import time

import fcgi
import pytest
from fcgi import Client
from servers import SLOW, alive, children, stat, wait_for
from stalls import Stalls, run_delays
from web import fetch

NOISE = 0.6 * SLOW  # seconds that a machine with two cores may add
STALLS = Stalls()


@pytest.fixture(scope="module", autouse=True)
def _stalls():
    with STALLS:
        yield


def noise(started):
    """Seconds that a duration which began then may have been prolonged by."""
    return NOISE + STALLS.since(started)


TIMEOUT = {"request_terminate_timeout": "1s"}
CPU = {"request_terminate_cpu": "1s"}
MEMORY = {"request_terminate_memory": "64M"}
# what exceeds the limit, settings, status, its name in the log, seconds allowed beyond it
LIMITS = [
    pytest.param("sleep", TIMEOUT, 504, "timeout", 0.1, id="timeout"),
    pytest.param("burn", CPU, 503, "cpu", 0.3, id="cpu"),
    pytest.param("eat", MEMORY, 503, "memory", 0, id="memory"),
]


class Others:
    """Requests that go on beside what a test does; each has to succeed."""

    def __init__(self, server, workers=2):
        server.wait_workers(workers)  # one for them, whoever has the others
        self.pids = [server.pool(), *server.workers()]
        self.server, self.statuses, self.excess = server, [], 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        with Client(self.server.address) as c:
            while not self.stop.is_set():
                started, waited = time.monotonic(), run_delays(*self.pids)
                try:
                    self.statuses.append(c.request(query="do=hello").status)
                except (OSError, fcgi.Closed) as e:
                    self.statuses.append(repr(e))
                    return
                took = time.monotonic() - started
                if took > 0.1:
                    waited = run_delays(*self.pids) - waited
                    self.excess = max(self.excess, took - noise(started) - waited)
                time.sleep(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        assert set(self.statuses) == {200}, self.statuses[-5:]
        assert self.excess < 0.1 * SLOW, f"another request took {self.excess:.3f} s too long"


def exceeded(server, limit, uri, how, times=1):
    """The error line of a limit; returns (pid, value, limit). That of the time is php-fpm's."""
    used = r"exceeded request_terminate_%s \(([0-9.]+) of ([0-9.]+) (?:seconds|KB)\)" % limit
    request = re.escape(uri)
    line = server.wait_log(
        (r"WARNING: \[pool www\] child (\d+), script '[^']+' \(request: \"GET %s\"\) execution "
         r"timed out \([0-9]+\.[0-9]{6} sec\), terminating; %s, the request is %s"
         % (request, used, how)) if limit == "timeout" else
        (r"ERROR: \[pool www\] child (\d+) %s; \"GET %s\" is %s" % (used, request, how)), times)
    return int(line.group(1)), float(line.group(2)), float(line.group(3))


def check_gone(pid, within=0.1):
    """Wait for the end of a process; returns how long that took."""
    started = time.monotonic()
    while alive(pid):
        took = time.monotonic() - started
        assert took < within + noise(started), f"{pid} is still there after {took:.3f} s"
        time.sleep(0.01)
    return time.monotonic() - started


def check_value(limit, value, maximum, beyond, started):
    """The measured value in the log is above the limit, and not by much."""
    assert value >= maximum
    if limit != "memory":
        assert value - maximum < beyond + noise(started), f"{value} s of {maximum} s"
    print(f"measured: {limit} {value} of {maximum}")


@pytest.mark.parametrize("web", ["nginx", "apache"])
@pytest.mark.parametrize("do,settings,status,limit,beyond", LIMITS)
def test_terminated_request(odd, request, web, do, settings, status, limit, beyond):
    """The right status at the web server, the line in the log, nobody else disturbed."""
    server = odd(options=dict(settings, **{"pm.max_children": 3}))
    front = request.getfixturevalue(web)(server)
    uri = f"/some/page?do={do}"
    with Others(server, 3):
        started = time.monotonic()
        reply = fetch(front, uri)
        took = time.monotonic() - started
    assert reply.status == status
    assert reply.headers["Content-Type"].startswith("text/html") and str(status).encode() in \
        reply.body
    pid, value, maximum = exceeded(server, limit, uri, f"answered {status}")
    check_value(limit, value, maximum, beyond, started)
    print(f"measured: answered after {took:.3f} s")
    if limit == "timeout":
        assert 1 <= took < 1 + beyond + noise(started), f"answered after {took:.3f} s"
    check_gone(pid)
    server.wait_log(r"NOTICE: \[pool www\] child %d exited on signal 9 \(SIGKILL\) after .*"
                    r"it exceeded request_terminate_%s" % (pid, limit))
    server.wait_workers(3)
    assert fetch(front, "/").status == 200


@pytest.mark.parametrize("web", ["nginx", "apache"])
@pytest.mark.parametrize("do,settings,status,limit,beyond", LIMITS)
def test_cut_after_the_header(odd, request, web, do, settings, status, limit, beyond):
    """What has begun cannot become a 504: the web server sees a broken answer, not a short one."""
    server = odd(options=dict(settings, **{"pm.max_children": 2}))
    # nginx sees it with fastcgi_keep_conn and buffering; without, an end of file is an end to it.
    front = request.getfixturevalue(web)(server)
    uri = f"/?do={do}&head=1"
    started = time.monotonic()
    with Others(server):
        conn = http.client.HTTPConnection("127.0.0.1", front.port, timeout=30)
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            conn.request("GET", uri)
            reply = conn.getresponse()
            assert reply.status == 200
            reply.read()
        conn.close()
    pid, value, maximum = exceeded(server, limit, uri, "cut short")
    check_value(limit, value, maximum, beyond, started)
    check_gone(pid)
    assert fetch(front, "/").status == 200


@pytest.mark.parametrize("do,settings,status,limit,beyond", LIMITS)
def test_cut_is_no_end(odd, do, settings, status, limit, beyond):
    """The same on the FastCGI connection: closed without END_REQUEST."""
    server = odd(options=settings)
    with Client(server.address, timeout=30) as c:
        c.start(query=f"do={do}&head=1")
        with pytest.raises(fcgi.Closed):
            c.answer()
        assert bytes(c.answers[1].stdout).endswith(b"the first half\n")
    with Client(server.address) as c:
        assert c.request().status == 200


def terminated(server, query, status=504, uri="/"):
    """Send a request that exceeds its second, and is answered then; returns its worker's pid."""
    with Client(server.address, timeout=30) as c:
        started = time.monotonic()
        answer = c.request(uri=uri, query=query)
        took = time.monotonic() - started
    assert answer.status == status and answer.protocol_status == fcgi.REQUEST_COMPLETE
    assert took < 1.1 + noise(started), f"answered after {took:.3f} s"
    return exceeded(server, "timeout", f"{uri}?{query}", f"answered {status}")[0]


def test_worker_that_ignores_sigterm(odd):
    """SIGKILL at once: nobody is asked."""
    server = odd("ignores-term", dict(TIMEOUT, **{"pm.max_children": 2}))
    with Others(server):
        pid = terminated(server, "do=sleep")
    check_gone(pid)


def test_stopped_busy_worker(odd):
    """A worker that was stopped in the middle of a request: its limit ends it."""
    server = odd(options=dict(TIMEOUT, **{"pm.max_children": 2}))
    with Others(server):
        pid = terminated(server, "do=stop")
    check_gone(pid)


def test_stopped_from_outside_while_busy(odd, env):
    """The same by SIGSTOP from somebody else, and a grace period that a stopped one cannot use."""
    note = env.dir + "/pub/note"
    server = odd("notes-requests", {"request_terminate_timeout": "1s", "pm.max_children": 1,
                                    "request_terminate_grace": "1s"}, args=(note,))
    pid = server.wait_workers(1)[0]
    with Client(server.address, timeout=30) as c:
        started = time.monotonic()
        c.start(query="do=sleep")
        wait_for(lambda: os.path.exists(note), 5, "the worker to have it")
        os.kill(pid, signal.SIGSTOP)
        assert c.answer().status == 504
        assert time.monotonic() - started < 1.1 + noise(started)
    check_gone(pid, 1.1)
    server.wait_log(r"child %d exited .*it exceeded request_terminate_timeout" % pid)
    with Client(server.address) as c:
        assert c.request().status == 200


def test_stopped_busy_worker_of_a_client_that_leaves(odd, env):
    """Stopped in the middle of a request, then its client hangs up: with a grace period, too."""
    note = env.dir + "/pub/note"
    server = odd("notes-requests", {"request_client_abort": "terminate", "pm.max_children": 1,
                                    "request_terminate_grace": "1s"}, args=(note,))
    pid, pool = server.wait_workers(1)[0], server.pool()
    with Client(server.address) as c:
        c.start(query="do=stop")
        wait_for(lambda: os.path.exists(note) and stat(pid)[0] == "T", 5, "it to stop")
        time.sleep(0.1)
    check_gone(pid, 1.1)
    with Client(server.address) as c:
        assert c.request().status == 200
    assert server.pool() == pool, "the pool process died of it"


def test_whole_group_is_gone(odd, env):
    """Children of the worker, which ignore SIGTERM, end with it."""
    note = env.dir + "/pub/children"
    server = odd(options=dict(TIMEOUT, **{"pm.max_children": 2}))
    with Others(server):
        pid = terminated(server, f"do=children&n=3&note={note}")
    check_gone(pid)
    with open(note, encoding="ascii") as f:
        pids = [int(line) for line in f]
    assert len(pids) == 3
    for pid in pids:
        check_gone(pid)


@pytest.mark.parametrize("behavior", ["echo", "ignores-term"])
def test_grace(odd, env, behavior):
    """request_terminate_grace: SIGTERM first, SIGKILL after; the client waits for neither."""
    server = odd(behavior, dict(TIMEOUT, request_terminate_grace="1s", **{"pm.max_children": 2}))
    with Others(server):
        started = time.monotonic()
        pid = terminated(server, "do=sleep")
        check_gone(pid, 1.1)
        lasted = time.monotonic() - started
    if behavior == "echo":
        server.wait_log(r"child %d exited on signal 15" % pid)
    else:
        assert lasted > 1.9, "SIGKILL came before the grace period was over"
        server.wait_log(r"child %d exited on signal 9" % pid)


def test_grace_reaches_children_that_outlive_their_parent(odd, env):
    """The worker ends at SIGTERM, its children do not: they are killed all the same."""
    note = env.dir + "/pub/children"
    server = odd(options=dict(TIMEOUT, request_terminate_grace="1s", **{"pm.max_children": 2}))
    pid = terminated(server, f"do=children&n=2&note={note}")
    check_gone(pid, 1.1)
    with open(note, encoding="ascii") as f:
        for child in f:
            check_gone(int(child), 1.1)


def test_limits_below_are_no_limits(odd):
    """Requests that stay below every limit are left alone."""
    server = odd(options=dict(CPU, request_terminate_timeout="10s", **MEMORY))
    with Client(server.address) as c:
        for _ in range(3):
            assert c.request(query="do=slow&ms=400").status == 200
            assert c.request(query="do=burn&ms=250").status == 200
    assert "exceeded" not in server.log()


def test_cpu_is_counted_for_each_request(odd):
    """Ten requests of 0.3 s CPU time are not one of 3 s."""
    server = odd(options=dict(CPU, **{"pm.max_children": 1}))
    with Client(server.address, timeout=30) as c:
        pids = set()
        for _ in range(6):
            assert c.request(query="do=burn&ms=300").status == 200
        for _ in range(2):
            pids.add(json.loads(c.request().body)["pid"])
    assert len(pids) == 1 and "exceeded" not in server.log()


def test_waiting_in_the_queue_is_no_running_time(odd):
    """request_terminate_timeout counts from the moment a worker has the request."""
    server = odd(options={"request_terminate_timeout": "2s", "pm.max_children": 1})
    clients = [Client(server.address) for _ in range(5)]
    for c in clients:
        c.start(query="do=slow&ms=500")
    assert [c.answer().status for c in clients] == [200] * 5
    for c in clients:
        c.close()


def resident(pid):
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def available_kb():
    with open("/proc/meminfo", encoding="ascii") as f:
        return int(re.search(r"MemAvailable:\s+(\d+)", f.read()).group(1))


def test_mapped_file_is_no_memory(odd, env):
    """A worker that has mapped a large file has no more memory for itself: no limit ends it, and
    it is not recycled."""
    server = odd(options={"pm.max_children": 1, "request_terminate_memory": "96M",
                          "pm.max_memory": "64M"})
    with Client(server.address, timeout=30) as c:
        got = json.loads(c.request(query=f"do=map&mb=128&ms=400&file={env.dir}/pub/map").body)
        assert got["rss_kb"] > 128 << 10
        assert json.loads(c.request().body)["pid"] == got["pid"]
    assert "exceeded" not in server.log() and "pm.max_memory" not in server.log()


def test_shared_memory_is_memory(odd):
    """Shared memory that it has mapped, such as a memfd, counts."""
    server = odd(options={"pm.max_children": 1, "request_terminate_memory": "96M"})
    with Client(server.address, timeout=30) as c:
        assert c.request(query="do=map&mb=128&ms=20000").status == 503
    exceeded(server, "memory", "/?do=map&mb=128&ms=20000", "answered 503")


def test_endless_allocation_dies_in_time(odd):
    """As fast as it can: dead within 0.5 s of passing the limit, and the memory is back."""
    server = odd(options={"pm.max_children": 1, "request_terminate_memory": "600M"})
    pid = server.wait_workers(1)[0]
    least = available_kb()
    with Client(server.address, timeout=30) as c:
        c.start(query="do=eat&kb=4096&ms=2")
        wait_for(lambda: resident(pid) > 600 << 20 or not alive(pid), 20, "the limit", 0.001)
        passed, most = time.monotonic(), 0
        while alive(pid):
            most, least = max(most, resident(pid)), min(least, available_kb())
            assert time.monotonic() - passed < 0.5 + noise(passed), "it lives on above its limit"
            time.sleep(0.001)
        took = time.monotonic() - passed
        assert c.answer().status == 503
    print(f"measured: dead after {took:.3f} s, at {most >> 20} MB of 600 MB")
    assert took < 0.5 + noise(passed), f"dead {took:.3f} s after passing the limit"
    # Half of it, because others take and give memory too.
    wait_for(lambda: available_kb() > least + 300 * 1024, 30, "the host's memory to be back")
    with Client(server.address) as c:
        assert c.request().status == 200


def test_client_abort_finish(odd, env):
    """The default: a request whose client is gone runs to its end."""
    note = env.dir + "/pub/note"
    server = odd("notes-requests", {"pm.max_children": 1}, args=(note,))
    pid = server.wait_workers(1)[0]
    with Client(server.address) as c:
        c.start(query="do=slow&ms=500")
        wait_for(lambda: os.path.exists(note), 5)
    with Client(server.address) as c:
        assert json.loads(c.request().body)["pid"] == pid


@pytest.mark.parametrize("how", ["close", "abort"])
def test_client_abort_terminate(odd, env, how):
    """The worker is free within 100 ms of its client's leaving."""
    note = env.dir + "/pub/note"
    server = odd("notes-requests", {"pm.max_children": 1, "request_client_abort": "terminate"},
                 args=(note,))
    pid = server.wait_workers(1)[0]
    c = Client(server.address)
    c.start(query="do=sleep")
    wait_for(lambda: os.path.exists(note), 5)
    started = time.monotonic()
    if how == "close":
        c.close()
    else:
        c.send(fcgi.record(fcgi.ABORT, 1))
        assert c.answer().ended
    check_gone(pid)
    print(f"measured: {time.monotonic() - started:.3f} s")
    with Client(server.address) as other:
        assert other.request().status == 200
    c.close()


def test_children_of_a_recycled_worker_are_gone(odd, env):
    """A worker killed by a limit leaves no process, and the pool has its workers back."""
    note = env.dir + "/pub/children"
    server = odd(options=dict(TIMEOUT, **{"pm.max_children": 2}))
    for _ in range(2):
        terminated_by = fcgi.Client(server.address)
        terminated_by.start(query=f"do=children&n=2&note={note}")
        assert terminated_by.answer().status == 504
        terminated_by.close()
    with open(note, encoding="ascii") as f:
        for line in f:
            check_gone(int(line))
    workers, pool = server.wait_workers(2), server.pool()

    def zombies():
        return [p for p in os.listdir("/proc") if p.isdigit() and (s := stat(p))
                and s[0] == "Z" and s[1] == pool]

    wait_for(lambda: not zombies(), 5, "the last of them to be reaped")
    assert children(pool) == sorted(workers + server.templates())
