"""Two generations: the connections of the one that is followed go on with the one that follows."""

import json
import signal
import time

import pytest

import fcgi
from accesslog import taken_in
from fcgi import Client
from generations import Echo
from load import Load, judge
from servers import SLOW, alive, free_port, stat, wait_for
from statuspage import numbers

KINDS = ["unix", "tcp"]
FILLS = 400  # connections: more than a socketpair takes at once


def listen(kind):
    return {"listen": f"127.0.0.1:{free_port()}"} if kind == "tcp" else {}


def pair(s):
    """(the one that serves, the one that is to follow it), both ready."""
    old = s.serve()
    return old, s.serve(hold=True)


def pool_of(answer):
    """The pool process whose worker has answered do=self."""
    return json.loads(answer.body)["ppid"]


def ask(c, request_id=1, **more):
    return pool_of(c.request(request_id, uri="/", query="do=self", **more))


@pytest.mark.parametrize("kind", KINDS)
def test_idle_connections(seat, kind):
    """They go over, as many as there are; the one that is followed has nothing left, and ends."""
    s = seat("echo", {"pm.max_children": 2, **listen(kind)})
    old, new = pair(s)
    clients = [Client(s.address, 30) for _ in range(FILLS)]
    for c in clients[::20]:
        assert ask(c) == old.pid
    s.switch(old, new)
    assert old.wait_exit() == 0
    for c in clients:
        assert ask(c) == new.pid
        c.close()
    assert "lost" not in s.log()


def test_what_comes_next_is_for_the_successor(seat):
    """While a request runs the next one is not read by the generation that has it."""
    s = seat("slow", {"pm.max_children": 2})
    old, new = pair(s)
    with Client(s.address, 30) as c:
        c.start(1, uri="/", query="ms=1000")
        c.start(2, uri="/", query="do=self")
        assert pool_of(c.answer(2)) == old.pid
        s.switch(old, new)
        c.start(2, uri="/", query="do=self")
        assert c.answer(1).body == b"hello\n"
        assert pool_of(c.answer(2)) == new.pid
    assert old.wait_exit() == 0


@pytest.mark.parametrize("how", ["HAND_OVER", "DRAIN"])
def test_says_that_it_has_left(seat, how):
    """While it has a request: whoever comes then, or is idle, is another's."""
    s = seat("slow", {"pm.max_children": 2})
    old, new = pair(s)
    with Client(s.address, 30) as busy, Client(s.address, 30) as idle:
        busy.start(uri="/", query="ms=1500")
        assert ask(idle) == old.pid
        if how == "HAND_OVER":
            s.switch(old, new)
        else:
            old.say(how)
            new.say("ACCEPT")
        old.wait_said("LEFT")
        with Client(s.address, 30) as c:
            assert ask(c) == new.pid
        if how == "HAND_OVER":
            assert ask(idle) == new.pid
        else:
            assert idle.at_end()
        assert busy.answer().body == b"hello\n"
    assert old.wait_exit() == 0
    assert len(old.said("LEFT")) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", range(1, 17))
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_split_begin(seat, kind, cut, busy):
    """A BEGIN_REQUEST of which a part was read: the rest goes to the successor, and nothing is
    missing there. (Whole, it is the first generation's.)"""
    s = seat("slow", {"pm.max_children": 1, **listen(kind)})
    old, new = pair(s)
    with Client(s.address, 30) as c:
        if busy:
            c.start(1, uri="/", query="ms=400")
        record = fcgi.begin(2)
        c.send(record[:cut])
        time.sleep(0.05)  # it may be read by then, or not: both have to do
        s.switch(old, new)
        c.send(record[cut:], fcgi.stream(fcgi.PARAMS, 2, fcgi.pairs(fcgi.params(
            uri="/", query="do=self"))), fcgi.record(fcgi.STDIN, 2))
        if busy:
            assert c.answer(1).body == b"hello\n"
        answer = c.answer(2)
        assert answer.status == 200
        if cut < 16:
            assert pool_of(answer) == new.pid
        assert ask(c) == new.pid
    assert old.wait_exit() == 0


# A record that is handed over in the middle of nothing: read on to its end first.
RECORDS = {
    "padding": (fcgi.record(fcgi.STDIN, 9, b"", padding=20), None),
    "a record nobody asked for": (fcgi.record(fcgi.STDIN, 9, b"x" * 40), None),
    "values": (fcgi.record(fcgi.GET_VALUES, 0, fcgi.pairs({"FCGI_MPXS_CONNS": ""})),
               fcgi.GET_VALUES_RESULT),
    "an unknown type": (fcgi.record(77, 0, b"y" * 30), fcgi.UNKNOWN_TYPE),
}


@pytest.mark.parametrize("name", RECORDS)
def test_split_elsewhere(seat, name):
    s = seat("echo", {"pm.max_children": 1})
    record, told = RECORDS[name]
    old, new = pair(s)
    clients = [Client(s.address, 30) for _ in range(len(record) - 1)]
    for cut, c in enumerate(clients, 1):
        c.send(record[:cut])
    time.sleep(0.05)
    s.switch(old, new)
    for cut, c in enumerate(clients, 1):
        c.send(record[cut:])
        if told:
            assert c.management().kind == told
    assert old.wait_exit() == 0
    for c in clients:
        assert ask(c) == new.pid
        c.close()


def test_uploads_in_progress(seat):
    """A body that still comes is taken, and its request answered, by the generation that began it,
    which keeps a worker for it; then the connection goes over."""
    s = seat("echo", {"pm.max_children": 2, "pm": "ondemand"})
    old, new = pair(s)
    echo, number = Echo(), 41
    body = echo.body(number)
    params = fcgi.stream(fcgi.PARAMS, 1, fcgi.pairs(fcgi.params(
        "POST", "/echo", f"id={number}", len(body))))
    whole = fcgi.begin() + params + fcgi.stream(fcgi.STDIN, 1, body)
    clients = [Client(s.address, 30) for _ in range(6)]
    cuts = [17, 40, 16 + len(params) - 1, 16 + len(params) + 100, len(whole) // 2, len(whole) - 1]
    for c, cut in zip(clients, cuts):
        c.send(whole[:cut])
    time.sleep(0.1)
    s.switch(old, new)
    for c, cut in zip(clients, cuts):
        c.send(whole[cut:])
        answer = c.answer()
        assert judge(echo, number, answer) is None
    for c in clients:
        assert ask(c) == new.pid
        c.close()
    assert old.wait_exit() == 0


def test_multiplexed_upload(seat):
    """Requests that are begun beside a body that still comes are served where that is."""
    s = seat("echo", {"pm.max_children": 2})
    old, new = pair(s)
    with Client(s.address, 30) as c:
        c.send(fcgi.begin(1), fcgi.stream(fcgi.PARAMS, 1, fcgi.pairs(fcgi.params(
            "POST", "/echo", "id=1", 6))), fcgi.record(fcgi.STDIN, 1, b"abc"))
        assert ask(c, 2) == old.pid
        s.switch(old, new)
        for _ in range(3):
            assert ask(c, 2) == old.pid
        c.send(fcgi.record(fcgi.STDIN, 1, b"def"), fcgi.record(fcgi.STDIN, 1))
        assert json.loads(c.answer(1).body)["body"] == "abcdef"
        assert ask(c, 2) == new.pid
    assert old.wait_exit() == 0


def test_connections_that_are_finished(seat):
    """One without keep_conn, and one that is half closed, end where they are."""
    s = seat("slow", {"pm.max_children": 3})
    old, new = pair(s)
    once, halved, late = (Client(s.address, 30) for _ in range(3))
    once.start(uri="/", query="ms=600", flags=0)
    halved.start(uri="/", query="ms=600")
    halved.sock.shutdown(1)
    late.start(uri="/", query="ms=600")
    time.sleep(0.1)
    s.switch(old, new)
    late.sock.shutdown(1)  # while it is not read any more
    for c in once, halved, late:
        assert c.answer().body == b"hello\n"
        assert c.at_end()
        c.close()
    assert old.wait_exit() == 0


def test_client_leaves_meanwhile(seat):
    """A client that goes while it is not read any more is missed; nobody waits for it."""
    s = seat("slow", {"pm.max_children": 2, "request_client_abort": "terminate"})
    old, new = pair(s)
    c = Client(s.address, 30)
    c.start(uri="/", query="ms=60000")
    time.sleep(0.1)
    s.switch(old, new)
    c.close()
    assert old.wait_exit() == 0


def test_workers_go_as_they_become_idle(seat, env):
    """Those that are idle at once, those that are busy when they are idle; each is told."""
    s = seat("slow", {"pm.max_children": 4})
    old, new = pair(s)
    s.wait_log(r"child \d+ is ready", 4 + 1)
    clients = [Client(s.address, 30) for _ in range(2)]
    for n, c in enumerate(clients):
        c.start(uri="/", query=f"do=split&until={env.dir}/pub/{n}")
        taken_in(c)
    s.switch(old, new)
    for n, c in enumerate(clients):
        wait_for(lambda n=n: [m for m, _ in old.said("WORKERS")][-1:] == [2 - n], 10 * SLOW)
        with open(f"{env.dir}/pub/{n}", "wb"):
            pass
        assert c.answer().body == b"first\nsecond\n"
        c.close()
    assert old.wait_exit() == 0
    said = [n for n, _ in old.said("WORKERS")]
    assert said == sorted(said, reverse=True) and said[-1] == 0 and {1, 2} <= set(said), said


def test_queue_is_finished(seat):
    """What waits for a worker is answered by the generation that has accepted it."""
    s = seat("slow", {"pm.max_children": 1, "pm.max_surge": 0})
    old = s.serve()
    clients = [Client(s.address, 30) for _ in range(5)]
    for c in clients:
        c.start(uri="/", query="do=self")
        taken_in(c)
    old.say("ROOM", 1, b"last")
    wait_for(lambda: [n for n, _ in old.said("WORKERS")][-1:] == [0], 10 * SLOW)
    more = [Client(s.address, 30) for _ in range(3)]
    for c in more:
        c.start(uri="/", query="do=self")
        taken_in(c)
    new = s.serve(hold=True)
    s.switch(old, new)
    for c in clients + more:
        assert pool_of(c.answer()) == old.pid
        assert ask(c) == new.pid
        c.close()
    assert old.wait_exit() == 0


def test_last_takes_the_backlog(seat):
    """Where nobody listens there any more, who has connected is served first."""
    s = seat("echo", {"pm.max_children": 2})
    old, new = pair(s)
    old.process.send_signal(signal.SIGSTOP)
    waiting = [Client(s.address, 30) for _ in range(20)]
    for c in waiting:
        c.start(uri="/", query="do=self")
    s.switch(old, new, last=True, wait=False)
    old.process.send_signal(signal.SIGCONT)
    for c in waiting:
        assert c.answer().status == 200
        assert ask(c) == new.pid
        c.close()
    assert old.wait_exit() == 0


@pytest.mark.parametrize("how", ["killed", "no pair"])
def test_successor_is_gone(seat, how):
    """Then the connections are closed as in an ordinary end: between requests."""
    s = seat("slow", {"pm.max_children": 2})
    old, new = pair(s)
    with Client(s.address, 30) as idle, Client(s.address, 30) as busy:
        assert ask(idle) == old.pid
        busy.start(uri="/", query="ms=700")
        taken_in(busy)
        if how == "killed":
            new.process.kill()
            new.wait_exit()
            s.switch(old, None)
        else:
            old.say("HAND_OVER")
        assert busy.answer().body == b"hello\n"
        assert busy.at_end() and idle.at_end()
    assert old.wait_exit() == 0


def test_old_one_dies_after_it_gave(seat):
    """What it has sent is still taken."""
    s = seat("echo", {"pm.max_children": 1})
    old, new = pair(s)
    clients = [Client(s.address, 30) for _ in range(50)]
    for c in clients:
        assert ask(c) == old.pid
    new.process.send_signal(signal.SIGSTOP)
    s.switch(old, new)
    old.wait_exit()
    new.process.send_signal(signal.SIGCONT)
    for c in clients:
        assert ask(c) == new.pid
        c.close()


def test_stuck_successor_holds_nobody_up(seat):
    """While it takes no more, connections stay with the generation that has them, and are served."""
    s = seat("echo", {"pm.max_children": 1})
    old, new = pair(s)
    clients = [Client(s.address, 30) for _ in range(900)]
    assert ask(clients[-1]) == old.pid  # all before it were accepted, too
    new.process.send_signal(signal.SIGSTOP)
    wait_for(lambda: stat(new.pid)[0] == "T", 5, "it to stop")
    s.switch(old, new)
    left = clients[-1]
    assert ask(left) == old.pid  # the last ones did not fit
    assert not old.said("LEFT")
    new.process.send_signal(signal.SIGCONT)
    assert old.wait_exit() == 0
    for c in clients:
        assert ask(c) == new.pid
        c.close()


def test_more_clients_than_allowed(seat):
    """Those that are handed over are kept, whatever listen.max_connections says."""
    s = seat("echo", {"pm.max_children": 1, "listen.max_connections": 40,
                      "listen.max_connections_per_address": 40, **listen("tcp")})
    old = s.serve()
    clients = [Client(s.address, 30) for _ in range(30)]
    for c in clients:
        assert ask(c) == old.pid
    s.reconfigure("listen.max_connections", 5)
    s.reconfigure("listen.max_connections_per_address", 5)
    new = s.serve(hold=True)
    s.switch(old, new)
    assert old.wait_exit() == 0
    for _ in range(2):
        for c in clients:
            assert ask(c) == new.pid
    for c in clients:
        c.close()

    def is_served():
        try:
            with Client(s.address, 30) as c:
                return ask(c) == new.pid
        except (fcgi.Closed, OSError):
            return False
    wait_for(is_served, 5 * SLOW, "their end, which makes room for another")


def test_no_longer_allowed(seat):
    """A client that listen.allowed_clients does not name any more is not kept."""
    s = seat("echo", {"pm.max_children": 1, "listen.allowed_clients": "127.0.0.1, 127.0.0.2",
                      **listen("tcp")})
    old = s.serve()
    s.reconfigure("listen.allowed_clients", "127.0.0.2")
    new = s.serve(hold=True)
    clients = [Client(s.address, 30, source=f"127.0.0.{n}") for n in (1, 2)]
    assert ask(clients[1]) == old.pid
    s.switch(old, new)
    assert ask(clients[1]) == new.pid
    assert clients[0].at_end()
    for c in clients:
        c.close()
    assert old.wait_exit() == 0


def test_status_page(seat, env):
    """Connections by pm.status_listen go over as well, and stay what they are."""
    address = env.dir + "/status.sock"
    s = seat("echo", {"pm.max_children": 1, "pm.status_path": "/status",
                      "pm.status_listen": address})
    s.status_listener = s.listen(address)
    old, new = pair(s)
    clients = [Client(address, 30) for _ in range(10)]
    for c in clients:
        assert c.request(uri="/status").status == 200
    half = fcgi.begin() + fcgi.stream(fcgi.PARAMS, 1, fcgi.pairs(fcgi.params(uri="/status")))
    clients[0].send(half[:30])
    time.sleep(0.05)
    s.switch(old, new)
    clients[0].send(half[30:], fcgi.record(fcgi.STDIN, 1))
    for i, c in enumerate(clients):
        assert (c.answer() if i == 0 else c.request(uri="/status")).status == 200
        assert c.request(uri="/elsewhere").status in (403, 404)
        c.close()
    assert old.wait_exit() == 0
    with Client(address, 30) as c:
        assert c.request(uri="/status").status == 200


def test_status_shows_both(odd, env):
    """While one finishes what it has its workers are on the status page with those of the other;
    counters go on, nothing is counted twice, and the pool serves."""
    server = odd("slow", {"pm.max_children": 2, "pm.status_path": "/status"})
    before = server.wait_workers(2)
    with Client(server.address, 60) as busy, Client(server.address, 30) as c:
        for _ in range(3):
            assert c.request(uri="/", query="ms=0").status == 200
        start_time = numbers(c)["start time"]
        busy.start(uri="/", query=f"do=split&until={env.dir}/pub/end")
        wait_for(lambda: numbers(c)["active processes"] == 1, 5)
        server.signal(signal.SIGUSR2)

        def both():
            page = numbers(c, "json&full")
            idle = {p["pid"] for p in page["processes"] if p["state"] == "Idle"}
            return (len(server.pools()) == 2 and len(idle) == 2 and not idle & set(before)
                    and page["total processes"] == 3 and page)
        page = wait_for(both, 15 * SLOW, "both workers of the new one, and one of the old")
        running = [p for p in page["processes"] if p["state"] == "Running"]
        assert [p["pid"] in before for p in running] == [True]
        assert len({p["slot"] for p in page["processes"]}) == len(page["processes"])
        assert page["active processes"] == 1
        assert page["accepted conn"] == 4 and page["start time"] == start_time
        assert page["pool restarts"] == 0
        with open(env.dir + "/pub/end", "wb"):
            pass
        assert busy.answer().body == b"first\nsecond\n"
        wait_for(lambda: numbers(c)["total processes"] == 2, 15 * SLOW)
        assert busy.request(uri="/", query="ms=0").status == 200
        page = numbers(c)
        assert page["accepted conn"] == 5 and page["pool restarts"] == 0


def test_time_is_limited(seat):
    """After process_control_timeout what still runs is answered 503."""
    s = seat("slow", {"pm.max_children": 1}, global_options={"process_control_timeout": "1s"})
    old, new = pair(s)
    with Client(s.address, 30) as c:
        c.start(uri="/", query="ms=60000")
        taken_in(c)
        s.switch(old, new)
        assert c.answer().status == 503
    assert old.wait_exit() == 0


@pytest.mark.limit(200)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pm", ["static", "dynamic"])
def test_under_load(seat, kind, pm):
    """Again and again, with kept connections that are never at rest: nothing is lost, and none of
    the connections is closed."""
    s = seat("echo", {"pm": pm, "pm.max_children": 4, "pm.min_spare_servers": 1,
                      "pm.max_spare_servers": 3, "pm.max_surge": 1, **listen(kind)})
    now = s.serve()
    with Load(s.address, Echo(), clients=6) as load:
        for _ in range(4):
            following = s.serve(hold=True)
            s.switch(now, following)
            assert now.wait_exit() == 0
            served = load.served
            wait_for(lambda served=served: load.served > served + 50, 30 * SLOW)
            now = following
    assert not load.failed, load.failed[:3]
    assert load.served == len(load.sent)


def test_chain(seat):
    """One that is followed while it still follows another passes on what it gets."""
    s = seat("slow", {"pm.max_children": 2})
    first, second = pair(s)
    third = s.serve(hold=True)
    with Client(s.address, 30) as busy, Client(s.address, 30) as idle:
        busy.start(uri="/", query="ms=1500")
        time.sleep(0.1)
        s.switch(first, second)
        assert ask(idle) == second.pid
        s.switch(second, third)
        assert ask(idle) == third.pid
        assert busy.answer().body == b"hello\n"
        assert ask(busy) == third.pid
    assert first.wait_exit() == 0
    assert second.wait_exit() == 0
    assert alive(third.pid)
