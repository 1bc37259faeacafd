"""How many workers there are when each takes several requests: what counts is free places."""

import contextlib
import time

import pytest
from concurrency import AtOnce, ask, learn, learn_alone
from servers import SLOW, wait_for

DYNAMIC = {"pm": "dynamic", "pm.max_children": 6, "pm.start_servers": 1,
           "pm.min_spare_servers": 1, "pm.max_spare_servers": 3, "pm.process_idle_timeout": "1s"}
LONG = 60000 * SLOW  # ms, longer than any test


def begun(server, count, ms=4000):
    before = len(server.program.runs())
    batch = AtOnce(server, [f"ms={ms}"] * count)
    server.program.wait_runs(before + count)
    return batch


def stays(server, count, seconds=0.5):
    """So many workers, for a while."""
    wait_for(lambda: len(server.workers()) == count, 10 * SLOW, f"{count} workers")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if len(server.workers()) != count:
            return False
        time.sleep(0.02)
    return True


def test_ondemand_starts_as_many_as_are_needed(several):
    """Nine requests, four in each: three workers."""
    server = several({"pm": "ondemand", "pm.max_children": 6, "pm.process_idle_timeout": "1s"},
                     threads=4)
    learn_alone(server, 4)
    with begun(server, 9) as batch:
        assert len(server.workers()) == 3
        assert len({t["pid"] for t in batch.told()}) == 3


def test_dynamic_keeps_places_free(several):
    """pm.min_spare_servers = 2: with two of four places free none is started, with one it is."""
    server = several({**DYNAMIC, "pm.max_children": 3, "pm.min_spare_servers": 2,
                      "pm.max_spare_servers": 4}, threads=4)
    learn(server, 4, workers=3)
    assert stays(server, 1)
    with begun(server, 2) as batch:
        assert stays(server, 1)
        with begun(server, 1) as third:
            assert stays(server, 2)
            third.told()
        batch.told()
    # Of eight places, those of a whole worker are more than four.
    wait_for(lambda: len(server.workers()) == 1, 20 * SLOW, "one worker again")


def test_more_places_than_workers(several):
    """Spare servers may be as many as there are places, and start enough workers for that."""
    server = several({**DYNAMIC, "pm.min_spare_servers": 10, "pm.max_spare_servers": 24,
                      "pm.start_servers": 3}, threads=4)
    assert stays(server, 3)
    with begun(server, 8) as batch:
        wait_for(lambda: len(server.workers()) >= 5, 5 * SLOW, "ten places beside eight requests")
        batch.told()


def test_static_is_workers(several):
    server = several({"pm.max_children": 3}, threads=4)
    assert stays(server, 3)
    with begun(server, 9, 1000) as batch:
        assert stays(server, 3)
        assert len(batch.told()) == 9


@pytest.mark.parametrize("n", [None, 1])
def test_one_place_each_is_as_ever(several, n):
    """With N = 1 the spare servers are workers."""
    server = several({**DYNAMIC, "pm.max_concurrency": n}, threads=4)
    assert stays(server, 1)
    with begun(server, 3, 2000) as batch:
        assert stays(server, 4), "three busy ones and pm.min_spare_servers"
        batch.told()
    wait_for(lambda: len(server.workers()) == 3, 20 * SLOW, "pm.max_spare_servers")


def test_long_requests_leave_places(several):
    """Workers with long requests are not all closed to be replaced: one at a time is, with
    pm.max_surge = 1; the others go on."""
    server = several({"pm.max_children": 2, "pm.max_requests": 12, "request_queue_timeout": "2s"},
                     threads=4)
    with contextlib.ExitStack() as long:
        for _ in range(5):
            long.enter_context(begun(server, 1, ms=LONG))
            for _ in range(24):
                ask(server)


def test_one_that_is_needed_again(several):
    """One of two workers gets no more when its places were not needed for a while; when they are, it
    does."""
    server = several({**DYNAMIC, "pm.max_children": 2, "pm.max_surge": 0,
                      "pm.max_spare_servers": 2}, threads=4)
    learn(server, 4, workers=2)
    with begun(server, 2, ms=LONG):
        def is_closed():
            with AtOnce(server, ["ms=100"] * 2) as batch:
                return len({t["pid"] for t in batch.told()}) == 1
        wait_for(is_closed, 20 * SLOW, "one of them to be closed", interval=1.5)
        with begun(server, 5, ms=1000) as batch:
            assert len({t["pid"] for t in batch.told()}) == 2
