"""Limits and deaths of a worker that carries several requests: what becomes of each of them."""

import collections
import os
import re
import signal
import time

import pytest
from concurrency import AtOnce, ask, learn, told_by
from fcgi import Client
from servers import SLOW, alive, memory_kb, stat, wait_for

PAGE = re.compile(rb"<title>(\d+) [A-Z]")


def check_page(answer, status):
    """An answer of ours: whole, with its page."""
    assert answer is not None and answer.status == status, answer and bytes(answer.stdout)
    assert int(PAGE.search(answer.body).group(1)) == status
    assert answer.protocol_status == 0


def first_worker(server, n):
    """One that has shown that it takes n requests at once; its pid."""
    learn(server, n)
    return server.workers()[0]


def begun(server, queries, bodies=None):
    """Requests that run by now."""
    before = len(server.program.runs())
    batch = AtOnce(server, queries, bodies)
    server.program.wait_runs(before + len(queries))
    return batch


@pytest.mark.parametrize("kind", ["each", "go"])
def test_too_long_among_others(several, kind):
    """504 for the one; the others of its worker finish; the worker gets nothing new, and goes."""
    server = several({"request_terminate_timeout": "5s", "pm.stop_timeout": "30s"}, kind=kind)
    pid = first_worker(server, 4)
    with begun(server, ["id=1&do=hang"]) as long:
        time.sleep(1.5)
        with begun(server, ["id=2&ms=4000"] * 3) as others:
            check_page(long.answers()[0], 504)
            assert ask(server)["pid"] != pid, "it has closed its doors"
            assert {t["pid"] for t in others.told()} == {pid}
    wait_for(lambda: not alive(pid), 10 * SLOW, "the worker to go")
    server.wait_log(r"request_terminate_timeout")
    server.wait_workers(1)


def test_others_that_do_not_finish(several):
    """Beyond pm.stop_timeout they are answered 503."""
    server = several({"request_terminate_timeout": "5s", "pm.stop_timeout": "1500ms"})
    pid = first_worker(server, 4)
    with begun(server, ["id=1&do=hang"]) as long:
        time.sleep(3)
        with begun(server, ["id=2&ms=2500", "id=3&ms=60000", "id=4&ms=60000"]) as others:
            check_page(long.answers()[0], 504)
            good, *bad = others.answers()
            assert told_by(good)["pid"] == pid
            for answer in bad:
                # Their own limit is 3 s behind that of the first, pm.stop_timeout 1.5 s.
                assert answer.status in (503, 504)
            assert 503 in {a.status for a in bad}
    wait_for(lambda: not alive(pid), 10 * SLOW, "the worker to go")


def test_one_alone_is_as_ever(several):
    """A request over its time that has no company: its worker is killed at once."""
    server = several({"request_terminate_timeout": "1s", "pm.stop_timeout": "30s"})
    pid = first_worker(server, 4)
    with begun(server, ["do=hang"]) as long:
        check_page(long.answers()[0], 504)
    wait_for(lambda: not alive(pid), 2 * SLOW, "the worker to be killed")


MEMORY = {"request_terminate_memory": "64M", "pm.stop_timeout": "20s"}


def test_memory_among_others(several):
    """Nobody can say whose it is: the worker takes no more, and what it has may finish."""
    server = several(MEMORY)
    pid = first_worker(server, 4)
    with begun(server, ["id=1&mb=75&ms=2500"] + ["id=2&ms=2500"] * 3) as batch:
        wait_for(lambda: memory_kb(pid) > 70 << 10, 5, "it to be large")
        wait_for(lambda: ask(server)["pid"] != pid, 5 * SLOW, "another to serve")
        assert {t["pid"] for t in batch.told()} == {pid}
    wait_for(lambda: not alive(pid), 10 * SLOW, "the worker to go")
    server.wait_log(r"request_terminate_memory")


@pytest.mark.parametrize("kind", ["each", "go"])
def test_memory_beyond_the_hard_limit(several, kind):
    """By half more than the limit, all are answered 503, which says why."""
    server = several(MEMORY, kind=kind)
    pid = first_worker(server, 4)
    with begun(server, ["id=2&ms=60000"] * 3) as others, \
            AtOnce(server, ["id=1&mb=160&ms=60000"]) as large:
        for answer in large.answers() + others.answers():
            check_page(answer, 503)
            assert re.search(rb"memory", answer.body) and \
                re.search(rb"request|others", answer.body), answer.body
    wait_for(lambda: not alive(pid), 10 * SLOW, "the worker to go")
    ask(server)


def test_processor_time_among_others(several):
    """The same for CPU time: the rest of them finishes, or, at the hard limit, all get 503."""
    server = several({"request_terminate_cpu": "1s", "pm.stop_timeout": "20s"})
    pid = first_worker(server, 4)
    with begun(server, ["id=1&burn=60000"] + ["id=2&ms=60000"] * 3) as batch:
        for answer in batch.answers():
            check_page(answer, 503)
            assert re.search(rb"processor time", answer.body), answer.body
    wait_for(lambda: not alive(pid), 10 * SLOW, "the worker to go")
    server.wait_log("request_terminate_cpu")
    ask(server)


@pytest.mark.parametrize("do", ["abort", "exit"])
@pytest.mark.parametrize("kind", ["each", "wsgi", "go"])
def test_crash_among_others(several, kind, do):
    """Each has its own answer; what has run is not run again unless it may be, a POST never."""
    server = several(kind=kind)
    pid = first_worker(server, 8)
    queries = [f"id={100 + i}&ms=60000" for i in range(6)] + [f"id=106&ms=2000&do={do}"]
    bodies = [b"x" * 10 if i % 2 else b"" for i in range(7)]
    queries[0] += "&head=1"
    before = len(server.program.runs())
    with AtOnce(server, queries, bodies) as batch:
        server.program.wait_runs(before + 7)
        cut, *answers = batch.answers()
        assert cut is None, "what has begun is cut"
        for answer in answers:
            check_page(answer, 502)
    runs = collections.Counter(server.program.runs()[before:])
    assert set(runs.values()) == {1}, runs
    server.wait_log(rf"child {pid} exited")
    ask(server)


def test_those_that_were_never_read_go_on(several):
    """A worker that somebody has stopped reads nothing: what it was given goes to the next one. The
    pool process, which its master would continue, learns both at once: that it was stopped and that
    there are requests."""
    server = several(threads=4)
    pid = first_worker(server, 4)
    (manager,) = server.pools()
    for each in (server.pid, manager, pid):
        os.kill(each, signal.SIGSTOP)
        wait_for(lambda each=each: stat(each)[0] == "T", 5 * SLOW, "all its threads to stop")
    with AtOnce(server, [f"id={i}&ms=10" for i in range(4)]) as batch:
        os.kill(manager, signal.SIGCONT)
        os.kill(server.pid, signal.SIGCONT)
        assert pid not in {t["pid"] for t in batch.told()}


def test_requests_are_counted(several):
    """pm.max_requests is of requests, whatever runs at once."""
    server = several({"pm.max_requests": 20}, threads=8)
    with Client(server.address) as c:
        pid = told_by(c.request())["pid"]
    for _ in range(2):
        with AtOnce(server, ["ms=100"] * 8) as batch:
            assert {t["pid"] for t in batch.told()} == {pid}
    asked = [17]
    wait_for(lambda: asked.append(1) or ask(server)["pid"] != pid, 5 * SLOW, "a successor")
    served = server.wait_log(r"child %d exited .*, (\d+) requests? served" % pid)
    # It serves on until its successor is ready.
    assert 20 <= int(served.group(1)) <= sum(asked), served.group(0)


def test_a_worker_of_one_request(several):
    """pm.max_requests = 1: no worker has a second one, not even beside the first."""
    server = several({"pm.max_requests": 1, "pm.max_children": 4}, threads=4)
    with AtOnce(server, ["ms=200"] * 12) as batch:
        told = batch.told()
    assert len({t["pid"] for t in told}) == 12 and {t["beside"] for t in told} == {1}
