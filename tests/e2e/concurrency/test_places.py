"""How many workers there are when each takes several requests: what counts is free places."""

import time

import pytest
from concurrency import AtOnce, learn
from servers import SLOW, wait_for

DYNAMIC = {"pm": "dynamic", "pm.max_children": 6, "pm.start_servers": 1,
           "pm.min_spare_servers": 1, "pm.max_spare_servers": 3, "pm.process_idle_timeout": "1s"}


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
    server = several({"pm": "ondemand", "pm.max_children": 6}, threads=4)
    learn(server, 4)
    with begun(server, 9) as batch:
        assert len(server.workers()) == 3
        assert len({t["pid"] for t in batch.told()}) == 3


def test_dynamic_keeps_places_free(several):
    """pm.min_spare_servers = 2: with two of four places free none is started, with one it is."""
    server = several({**DYNAMIC, "pm.min_spare_servers": 2, "pm.max_spare_servers": 4}, threads=4)
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
