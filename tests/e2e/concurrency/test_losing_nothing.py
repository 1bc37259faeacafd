"""Sixteen requests at once in each worker, under load, while workers are replaced or killed."""

import collections
import itertools
import os
import random
import re
import signal
import time

import pytest
from accesslog import taken_in
from concurrency import AtOnce, Several
from fcgi import Client
from load import Load, all_right, judge
from servers import ASAN, SLOW, alive, wait_for

KINDS = ["each", "wsgi", "go"]
CLIENTS = 48
REQUESTS = 600 if ASAN else 1500
SERVED = r"child \d+ exited .*, (\d+) requests? served"


def loaded(server, **more):
    return Load(server.address, server.program, itertools.count(), CLIENTS, ms=20, **more)


@pytest.mark.parametrize("kind", KINDS)
def test_recycling(several, kind):
    """pm.max_requests = 20: every worker serves as many, whatever runs at once, and few more."""
    server = several({"pm.max_requests": 20, "pm.max_children": 2}, kind=kind)
    with loaded(server) as load:
        server.program.wait_runs(REQUESTS)
    all_right(load, server.program)
    served = [int(n) for n in re.findall(SERVED, server.log())]
    assert len(served) > 1 and min(served) >= 20, served


class Leaking(Several):
    """Each request keeps a MB."""

    def request(self, number, ms=0):
        more = super().request(number, ms)
        return dict(more, query=more["query"] + "&mb=1")


@pytest.mark.parametrize("limit", ["pm.max_lifetime = 500ms", "pm.max_memory = 100M"])
def test_workers_that_are_never_idle(several, env, limit):
    """They are replaced for their age or their memory all the same."""
    directive, value = limit.split(" = ")
    server = several({directive: value, "pm.max_children": 2})
    if "memory" in limit:
        server.program = Leaking("each", 16, env.shared)
        server.program.make(env.dir)
    with loaded(server) as load:
        server.wait_log("it (?:has reached|would pass|has passed) " + directive, 4, 20)
    all_right(load, server.program)


@pytest.mark.parametrize("kind", KINDS)
def test_quit(several, kind):
    """All that were asked are answered, those in the queue as well; then it ends."""
    server = several({"pm.max_children": 2}, kind=kind)
    with loaded(server) as load:
        server.program.wait_runs(300)
    all_right(load, server.program)
    clients = [Client(server.address, timeout=60) for _ in range(CLIENTS)]
    for number, client in enumerate(clients, 10000):
        client.start(**server.program.request(number, 300))
        taken_in(client)
    server.signal(signal.SIGQUIT)
    wrong = [judge(server.program, n, c.answer()) for n, c in enumerate(clients, 10000)]
    assert wrong == [None] * CLIENTS
    assert server.wait_exit(20) == 0
    for client in clients:
        client.close()


@pytest.mark.parametrize("kind", KINDS)
def test_reload(several, kind):
    server = several({"pm.max_children": 2}, kind=kind)
    with loaded(server) as load:
        for i in range(3):
            server.program.wait_runs(300 * (i + 1))
            before = server.pools()
            server.reload(signal.SIGUSR2, timeout=30)
            wait_for(lambda b=before: not any(map(alive, b)), 20 * SLOW, "its end")
    all_right(load, server.program)


@pytest.mark.parametrize("kind", KINDS)
def test_kill(several, kind):
    """Of a worker that is killed, only what ran there is lost: sixteen at most, each with an answer
    that is well-formed, and none runs twice that must not."""
    server = several({"pm.max_children": 2}, kind=kind)
    kills, rng = 5, random.Random(1)
    with loaded(server) as load:
        for i in range(kills):
            server.program.wait_runs(200 * (i + 1))
            # One that was not ready yet would be a failed start.
            pid = rng.choice(server.wait_workers(2))
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda pid=pid: not alive(pid), 5 * SLOW, "its end")
    assert load.served > 500
    wrong = [wrong for _, wrong in load.failed]
    cut = [w for w in wrong if w == "Closed "]  # what had begun
    assert all("<h1>502 Bad Gateway</h1>" in w for w in wrong if w not in cut), wrong[:3]
    assert len(wrong) <= 16 * kills and len(cut) <= len(wrong) / 4, wrong
    runs = collections.Counter(r for r in server.program.runs() if r.startswith("POST"))
    assert not [r for r, n in runs.items() if n > 1]


def test_stop_and_continue(several):
    """A worker that is stopped for a moment: nothing is lost, and the other serves meanwhile."""
    server = several({"pm.max_children": 2})
    with loaded(server) as load:
        server.program.wait_runs(300)
        pid = server.workers()[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(0.5)
        finally:
            os.kill(pid, signal.SIGCONT)
        server.program.wait_runs(900)
    all_right(load, server.program)


def test_limits_under_load(several):
    """Requests that hang, use memory or crash among good ones: each gets its own answer."""
    server = several({"pm.max_children": 3, "request_terminate_timeout": f"{3 * SLOW}s",
                      "request_terminate_memory": "200M", "pm.stop_timeout": "2s"})
    rng = random.Random(2)
    faults = ["do=hang", "mb=400&ms=60000", "do=abort"]
    with loaded(server) as load:
        for i in range(6):
            server.program.wait_runs(150 * (i + 1))
            what = faults[i % 3]
            with AtOnce(server, [what]) as one:
                status = one.answers()[0].status
            # Another fault may have met its worker while it was there.
            assert status == 502 or status in (503, 504) and what != "do=abort", (what, status)
            time.sleep(rng.random() / 5)
    assert load.served > 500
    assert {wrong[:3] for _, wrong in load.failed} <= {"502", "503"}, load.failed[:3]
    assert len(load.failed) <= 6 * 16
    runs = collections.Counter(r for r in server.program.runs() if r.startswith("POST"))
    assert not [r for r, n in runs.items() if n > 1]
