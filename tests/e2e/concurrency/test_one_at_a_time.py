"""Programs that take fewer requests at once than pm.max_concurrency says."""

import re
import time

import pytest
from concurrency import AtOnce, ask, learn
from load import Load, all_right
from servers import PATIENCE, SLOW, wait_for

SAID = r"takes (\d+) requests? at a time, not (\d+) \(pm\.max_concurrency\)"


def said(server):
    return re.findall(SAID, server.log())


@pytest.mark.parametrize("kind", ["each", "wsgi"])
def test_a_program_with_one_thread_is_noticed(several, kind):
    """Once, and it is treated as what it is."""
    server = several({"pm.max_concurrency": 8, "pm.max_children": 2, "pm.start_timeout": "5s"},
                     kind=kind, threads=1)
    server.wait_workers(2)
    with AtOnce(server, [f"id={i}&ms=1500" for i in range(6)]) as batch:
        told = batch.told()
        assert {t["beside"] for t in told} == {1} and len({t["pid"] for t in told}) == 2


    def noticed():
        with AtOnce(server, ["ms=500"] * 3) as batch:
            assert {t["beside"] for t in batch.told()} == {1}
        return said(server)
    wait_for(noticed, 15 * SLOW, "it to be noticed")
    with Load(server.address, server.program, clients=8, ms=5) as load:
        server.program.wait_runs(200)
    all_right(load, server.program)
    assert said(server) == [("1", "8")], "said once"


def test_nobody_waits_behind_a_slow_request(several):
    """While another worker could take it: before it is noticed, and after."""
    server = several({"pm.max_concurrency": 8, "pm.max_children": 2, "pm.start_timeout": "1s"},
                     threads=1)
    server.wait_workers(2)
    with AtOnce(server, ["do=hang"]):
        server.program.wait_runs(1)
        started, longest = time.monotonic(), 0
        while time.monotonic() - started < 3 or not said(server):
            began = time.monotonic()
            with AtOnce(server, ["ms=50"] * 3) as batch:
                batch.told()
            longest = max(longest, time.monotonic() - began)
            assert time.monotonic() - started < 15 * PATIENCE, "it is not noticed"
        server.kill()  # nobody waits for the slow one
    assert longest < 2 * SLOW * PATIENCE, f"{longest} s instead of 0.15 s"
    assert len(said(server)) == 1


@pytest.mark.parametrize("kind", ["each", "mutex", "wsgi", "deaf"])
def test_four_threads_of_sixteen(several, kind):
    """Never stuck; up to four at once per worker."""
    server = several({"pm.max_concurrency": 16, "pm.max_children": 2, "pm.start_timeout": "5s"},
                     kind=kind, threads=4)
    with Load(server.address, server.program, clients=32, ms=20, timeout=20) as load:
        server.program.wait_runs(1000)
    all_right(load, server.program)
    with AtOnce(server, ["ms=2000"] * 8) as batch:
        assert max(t["beside"] for t in batch.told()) == 4
    assert len(said(server)) <= 1 and set(said(server)) <= {("4", "16")}
    assert load.seconds < 20 * SLOW * PATIENCE, "1000 times 20 ms, eight at once: 2.5 s"


def test_a_request_does_not_wait_behind_a_connection_that_was_left_aside(several):
    """A POST is not sent on a kept connection, which is closed for it: its thread accepts the oldest
    that waits, and that may be the one by which it was tried whether the program takes more."""
    server = several({"pm.max_concurrency": 16}, kind="python", threads=4)
    learn(server, 4)
    with AtOnce(server, ["ms=1000"] * 6) as batch:
        assert max(t["beside"] for t in batch.told()) == 4
    for _ in range(8):
        assert ask(server, timeout=10 * SLOW, body=b"x")["length"] == 1


@pytest.mark.parametrize("n", [1, 8])
def test_threads_that_take_turns_to_accept(several, n):
    """The usual form with libfcgi: the thread that has the lock waits for a new connection, or on a
    kept one, and keeps all others from theirs. No request waits for that."""
    server = several({"pm.max_concurrency": n}, kind="mutex", threads=8)
    for pause in (0, 0.05, 0.3):
        for _ in range(6):
            time.sleep(pause)
            ask(server, timeout=3 * SLOW * PATIENCE)
    with Load(server.address, server.program, clients=16, ms=5,
              timeout=5 * SLOW * PATIENCE) as load:
        server.program.wait_runs(800)
    all_right(load, server.program)
