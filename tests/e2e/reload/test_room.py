"""Two generations share pm.max_children + pm.max_surge places for workers (MESSAGE_ROOM)."""

import pytest

from accesslog import taken_in
from fcgi import Client
from generations import Echo
from load import Load
from servers import SLOW, wait_for

def counts(generation):
    """How many workers it says it has, in order."""
    return [n for n, _ in generation.said("WORKERS")]


def test_a_surge_is_room_enough(seat):
    """A place that is free is said so at once, and nothing has to go for it."""
    s = seat("hello", {"pm.max_children": 2, "pm.max_surge": 1})
    g = s.serve()
    workers = g.wait_workers(2)
    g.say("ROOM", 1)
    assert g.wait_said("WORKERS")[0] == 2
    g.say("ROOM", 1)  # an answer to each
    assert g.wait_said("WORKERS", 2)[0] == 2
    assert g.workers() == workers


def test_an_idle_worker_makes_room(seat):
    """Without a surge one goes, while the other serves; it is replaced when the place is back."""
    s = seat("echo", {"pm.max_children": 2, "pm.max_surge": 0})
    g = s.serve()
    workers = g.wait_workers(2)
    with Load(s.address, Echo()) as load:
        g.say("ROOM", 1)
        wait_for(lambda: counts(g)[-1:] == [1], 10 * SLOW, "one worker")
        left = g.wait_workers(1)
        assert left[0] in workers
        g.say("ROOM", 0)
        g.wait_workers(2)
        assert counts(g)[-1] == 1, "nobody asks any more"
    assert not load.failed and load.served


def test_a_busy_worker_finishes_first(seat):
    """One whose request runs goes when that is answered, before it gets another."""
    s = seat("slow", {"pm.max_children": 2, "pm.max_surge": 0})
    g = s.serve()
    g.wait_workers(2)
    s.wait_log(r"child \d+ is ready", 2)
    clients = [Client(s.address, 30) for _ in range(5)]
    for c in clients:
        c.start(uri="/", query="ms=700")
        taken_in(c)
    g.say("ROOM", 1)
    assert g.wait_said("WORKERS")[0] == 2
    assert [c.answer().body for c in clients] == [b"hello\n"] * 5
    assert counts(g) == [2, 1]
    assert len(g.workers()) == 1
    for c in clients:
        c.close()


@pytest.mark.parametrize("pm", ["static", "ondemand"])
def test_the_only_worker_makes_room(seat, pm):
    """With one place in all requests wait for a moment, and are answered by the next worker."""
    s = seat("hello", {"pm": pm, "pm.max_children": 1, "pm.max_surge": 0})
    g = s.serve()
    with Client(s.address, 30) as c:
        assert c.request(uri="/").body == b"hello\n"
        g.say("ROOM", 1)  # not for that
        assert g.wait_said("WORKERS")[0] == 1
        g.say("ROOM", 1, b"last")
        wait_for(lambda: counts(g)[-1:] == [0], 10 * SLOW, "no worker")
        assert not g.workers()
        c.start(uri="/")
        with pytest.raises(TimeoutError):
            c.sock.settimeout(0.3)
            c.sock.recv(1)
        assert not g.workers()
        c.sock.settimeout(30)
        g.say("ROOM", 0)
        answer = c.answer()
        assert answer.body == b"hello\n"


def test_a_successor_grows_as_the_other_shrinks(seat):
    """It has one worker whatever the other has, and takes the places that become free."""
    s = seat("hello", {"pm.max_children": 3, "pm.max_surge": 1})
    held = s.serve(hold=True)
    held.say("ROOM", 7)
    assert held.wait_said("WORKERS")[0] == 1
    held.say("ACCEPT")
    with Client(s.address, 30) as c:
        assert c.request(uri="/").body == b"hello\n"
        assert len(held.workers()) == 1
        for others, own in (3, 1), (2, 2), (1, 3), (0, 3):
            held.say("ROOM", others)
            held.wait_workers(own)
            assert c.request(uri="/").body == b"hello\n"
    assert "pm.max_children setting" not in s.log()
    # From then on it is one that others follow.
    held.say("ROOM", 4, b"last")
    wait_for(lambda: counts(held)[-1:] == [0], 10 * SLOW, "no worker")
