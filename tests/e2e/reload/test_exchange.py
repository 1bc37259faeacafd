"""Pools that exchange addresses: in one reload, together or not at all, and nobody notices."""

import itertools
import json
import os
import signal

import control
import pytest
from accesslog import taken_in
from fcgi import PARAMS, STDIN, Client, begin, pairs, params, stream
from hanging import hang, hang_library, wait_until_said  # noqa: F401
from load import Load, all_right
from servers import SLOW, accepts, children, free_port, stat, wait_for


class Named:
    """A program that tells whose it is; before and after, either pool's answer is right."""

    notes = False

    def __init__(self, *pools):
        self.pools = pools

    def request(self, number, ms=0):
        return {"query": f"do=self&ms={ms}"}

    def right(self, number, answer):
        return name_in(answer) in self.pools


class Fresh(Load):
    """With a connection for each request."""

    def _run(self):
        while not self.stop.is_set():
            Once(self)


class Once:
    def __init__(self, load):
        with load.lock:
            number = next(load.numbers)
            load.sent.append(number)
        try:
            with Client(load.address, load.timeout) as client:
                answer = client.request(**load.program.request(number))
            wrong = None if answer.status == 200 and load.program.right(number, answer) else answer
        except (ConnectionError, OSError) as e:
            wrong = repr(e)
        with load.lock:
            if wrong:
                load.failed.append((number, wrong))
            else:
                load.served += 1


def name_in(answer):
    return json.loads(answer.body)["environ"]["ANYFPM_POOL"]


@pytest.fixture
def several(controlled, env):
    """A service of so many pools, named a, b ..., each at an address of its own, in that order."""
    def start(count=2, tcp=False, options=None):
        names = "abcdefgh"[:count]
        addresses = [f"127.0.0.1:{free_port()}" if tcp else f"{env.dir}/{name}.sock"
                     for name in names]
        server = controlled(pools={name: {"command": env.worker("self"), "listen": address,
                                          **(options or {})}
                                   for name, address in zip(names, addresses, strict=True)})
        server.addresses = addresses
        return server
    return start


def move(server, **to):
    """Write the configuration in which pools have other addresses: numbers, or an address."""
    pools = {name: dict(pool) for name, pool in server.configured.items()}
    for name, where in to.items():
        pools[name]["listen"] = where if isinstance(where, str) else server.addresses[where]
    server.rewrite(pools)


def at(server, number):
    """The pool that a new client meets there."""
    with Client(server._address(server.addresses[number]), 30) as c:
        return name_in(c.request(query="do=self"))


def names(server):
    return "".join(at(server, i) for i in range(len(server.addresses)))


@pytest.mark.parametrize("tcp", [False, True])
def test_two_that_swap(several, tcp):
    """Everybody is answered by one of the two, new connections as it is to be."""
    server = several(tcp=tcp)
    program, numbers = Named("a", "b"), itertools.count()
    one, two = map(server._address, server.addresses)
    with (Load(one, program, numbers, clients=3) as kept, Load(two, program, numbers, clients=3),
          Fresh(one, program, numbers, clients=3) as fresh,
          Fresh(two, program, numbers, clients=3) as others):
        for expected in ("ba", "ab", "ba"):
            move(server, **{name: i for i, name in enumerate(expected)})
            server.reload()
            assert names(server) == expected
    for load in (kept, fresh, others):
        all_right(load)
    server.reload(signal.SIGUSR2)
    assert names(server) == "ba"


def test_connections_stay_with_their_pool(several):
    """Whatever address it has now: who is connected was promised that pool."""
    server = several()
    with Client(server.addresses[0], 30) as busy, Client(server.addresses[0], 30) as idle:
        assert name_in(idle.request(query="do=self")) == "a"
        busy.start(query="do=slow&ms=1500")
        move(server, a=1, b=0)
        server.reload()
        assert names(server) == "ba"
        assert name_in(idle.request(query="do=self")) == "a"
        assert busy.answer().status == 200


@pytest.mark.parametrize("count", [3, 6])
def test_a_round(several, count):
    """More than are replaced at the same time, too."""
    server = several(count, options={"pm.max_children": 1})
    wanted = server.configured
    shifted = {name: (i + 1) % count for i, name in enumerate(wanted)}
    move(server, **shifted)
    server.reload(timeout=40)
    assert names(server) == "abcdef"[count - 1] + "abcdef"[:count - 1]


def test_a_row(several, env):
    """One leaves an address for a new one, the next takes what that had, a third is new there."""
    server = several(2)
    pools = dict(server.configured)
    new = env.dir + "/new.sock"
    pools["a"] = dict(pools["a"], listen=new)
    pools["b"] = dict(pools["b"], listen=server.addresses[0])
    pools["c"] = dict(pools["b"], listen=server.addresses[1])
    server.rewrite(pools)
    with (Fresh(server.addresses[0], Named("a", "b"), clients=3) as one,
          Fresh(server.addresses[1], Named("b", "c"), clients=3) as two):
        server.reload()
        assert names(server) == "bc"
    all_right(one)
    all_right(two)
    server.addresses.append(new)
    assert names(server) == "bca"


def test_address_of_one_that_goes(several):
    """Of two pools one ends, and the other takes its address and leaves its own."""
    server = several()
    left = server.addresses[1]
    server.rewrite({"b": dict(server.configured["b"], listen=server.addresses[0])})
    with Fresh(server.addresses[0], Named("a", "b"), clients=3) as load:
        server.reload()
        wait_for(lambda: not server.pools("a"), 10 * SLOW, "it to end")
        assert at(server, 0) == "b"
    all_right(load)
    wait_for(lambda: not accepts(left) and not os.path.exists(left), 5 * SLOW, "nobody to be there")


def test_one_cannot_be_replaced(several, env):
    """Then none is: each goes on where it was."""
    server = several(3)
    good = server.configured
    before = server.pools()
    move(server, a=1, b=2, c=0)
    server.change({"command": env.worker("dies-at-start")}, "b")
    program = Named("a", "b", "c")
    with Fresh(server.addresses[0], program, clients=2) as one, \
            Fresh(server.addresses[1], program, clients=2) as two:
        server.reload(fails=True)
        assert names(server) == "abc"
    all_right(one)
    all_right(two)
    server.wait_log(r"\[pool a\] reload failed: pool b goes on at the address")
    wait_for(lambda: server.pools() == before, 10 * SLOW, "the successors to end")
    server.rewrite(good)
    server.reload()
    move(server, a=1, b=2, c=0)
    server.reload()
    assert names(server) == "cab"


def test_one_that_takes_long(several, env):
    """The others wait for it, at their old addresses; whoever dies meanwhile is replaced there."""
    server = several()
    go, old = env.dir + "/pub/go", server.pool("a")
    move(server, a=1, b=0)
    server.change({"command": env.worker("starts-with", go)}, "b")
    server.signal(signal.SIGHUP)
    wait_for(lambda: len(server.pools("a")) == 2 and len(server.pools("b")) == 2, 10 * SLOW,
             "successors")
    wait_for(lambda: server.log().count("[pool a] first worker") == 2, 10 * SLOW, "the first's")
    assert names(server) == "ab"
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: old not in server.pools("a"), 10 * SLOW, "it to die")
    assert names(server) == "ab"
    with open(go, "w", encoding="ascii"):
        pass
    server.wait_log("NOTICE: reload done", timeout=20)
    assert at(server, 1) == "a"


@pytest.mark.parametrize("victims", ["b", "ab"])
def test_one_dies_when_all_are_to_accept(several, env, hang, victims):  # noqa: F811
    """There is no way back then: the other has its address. It is started again at the new one."""
    server = several()
    go = env.dir + "/pub/go"
    move(server, a=1, b=0)
    server.change({"command": env.worker("starts-with", go)}, "a")
    old = server.pools()
    server.signal(signal.SIGHUP)
    wait_for(lambda: len(server.pools()) == 4, 10 * SLOW, "successors")
    new = {name: (set(server.pools(name)) - set(old)).pop() for name in "ab"}
    wait_for(lambda: server.log().count("[pool b] first worker") == 2, 10 * SLOW, "one to be ready")
    hang(new["b"])
    if "a" in victims:  # it says that it is ready before it hangs, too
        os.kill(server.pid, signal.SIGSTOP)
        wait_for(lambda: stat(server.pid)[0] == "T", 5, "it to stop")
    with open(go, "w", encoding="ascii"):
        pass
    if "a" in victims:
        worker = wait_for(lambda: children(new["a"]), 10 * SLOW, "its worker")[0]
        server.wait_log(f"child {worker} is ready")
        wait_until_said(new["a"])
        hang(new["a"])
        os.kill(server.pid, signal.SIGCONT)
        server.wait_log(r"DEBUG: \[pool a\] first worker", 2)
    else:
        server.wait_log(f"pool process {new['a']} accepts\n")
    for name in victims:
        os.kill(new[name], signal.SIGKILL)
    server.wait_log("NOTICE: reload done", timeout=20)
    for name in victims:
        server.wait_log(rf"\[pool {name}\] .*; it is started again")
    for _ in range(5):
        assert names(server) == "ba"
    server.reload(signal.SIGUSR2)
    assert names(server) == "ba"
    wait_for(lambda: len(server.pools()) == 2, 10 * SLOW, "those before to end")


def test_one_alone(several):
    """That cannot be: -w leaves the other where it is."""
    server = several()
    move(server, a=1, b=0)
    result = control.send(server, "reload", "-w", "a")
    assert result.returncode == 1 and "where pool b does" in result.stderr
    assert names(server) == "ab"
    assert control.send(server, "reload").returncode == 0
    assert names(server) == "ba"


def test_of_one_pool(several, env):
    """listen and pm.status_listen take each other's address."""
    server = several(1, options={"pm.status_listen": env.dir + "/status.sock",
                                 "pm.status_path": "/status"})
    server.change({"listen": env.dir + "/status.sock", "pm.status_listen": server.addresses[0]})
    server.reload()
    with Client(server.addresses[0], 30) as c:
        assert b"accepted conn" in c.request(uri="/status").stdout
    with Client(env.dir + "/status.sock", 30) as c:
        assert c.request(query="do=self").status == 200


def test_stopped_meanwhile(several, env):
    """One of two that swap is stopped by order: the other gets its address then."""
    server = several()
    move(server, a=1, b=0)
    server.change({"command": env.worker("never-accepts")}, "b")
    server.signal(signal.SIGHUP)
    wait_for(lambda: len(server.pools("b")) == 2, 10 * SLOW, "the successor")
    env.note(server.pid)
    assert control.send(server, "stop", "-w", "b").returncode == 0
    server.wait_log("reload failed for", timeout=20)
    assert at(server, 1) == "a"
    wait_for(lambda: not accepts(server.addresses[0]), 5 * SLOW, "nobody to be there")


def test_upgrade_after_it(several):
    """What was exchanged is taken over as it is."""
    server = several()
    move(server, a=1, b=0)
    server.reload()
    result = control.send(server, "upgrade", timeout=60)
    assert result.returncode == 0, result.stderr
    server.env.note(server.pid)
    assert names(server) == "ba"


def test_upgrade_of_what_two_pools_have(several, env):
    """One that has another name now and finishes as the old one: both have the status page's socket,
    and it is still there when the old one has gone."""
    page = env.dir + "/status.sock"
    server = several(1, options={"pm.status_listen": page, "pm.status_path": "/status"})
    with Client(server.addresses[0], 30) as client:
        client.send(begin(), stream(PARAMS, 1, pairs(
            params("POST", query="do=self", body_length=4))))
        taken_in(client)
        server.rewrite({"b": server.configured["a"]})
        server.reload()
        assert len(server.pools("a")) == len(server.pools("b")) == 1
        result = control.send(server, "upgrade", timeout=60)
        assert result.returncode == 0, result.stderr
        env.note(server.pid)
        assert len(server.pools("a")) == 1
        client.send(stream(STDIN, 1, b"body"))
        assert name_in(client.answer()) == "a"
    wait_for(lambda: not server.pools("a"), 10 * SLOW, "the old one to end")
    for _ in range(2):
        assert os.path.exists(page) and names(server) == "b"
        with Client(page, 30) as c:
            assert b"pool:                 b\n" in c.request(uri="/status").stdout
        server.reload(signal.SIGUSR2)
