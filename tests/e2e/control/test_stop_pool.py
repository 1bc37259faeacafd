"""anyfpm -s stop and quit for one pool: it ends, and stays so, while the others go on."""

import os
import shutil
import signal

import control
import pytest
import scraping
from fcgi import Client
from generations import Echo
from hanging import hang, hang_library  # noqa: F401
from load import Load, all_right
from servers import ANYFPM, SLOW, accepts, children, free_port, wait_for


@pytest.fixture
def two(controlled, env):
    """A service of the pools "one" and "two": two({"one": {...}}, global_options=..., ...)."""
    def start(options=None, **more):
        pools = {name: dict({"command": env.worker("echo"), "listen": f"{env.dir}/{name}.sock"},
                            **(options or {}).get(name, {})) for name in ("one", "two")}
        return controlled(pools=pools, **more)
    return start


def state(server, pool="two"):
    return control.status(server)[1][pool]["state"]


def order(server, *words, fails=False):
    result = control.send(server, *words)
    assert (result.returncode != 0) == fails, result.stdout + result.stderr + server.log()[-4000:]
    return result


def address(server, pool="two"):
    return server._address(server.configured[pool]["listen"])


def ask(server, pool, **more):
    with Client(address(server, pool), 30) as c:
        return c.request(**more)


def serves(server, *pools):
    return all(ask(server, pool).status == 200 for pool in pools)


def test_stop(two, env):
    """At once; who connects is refused, the other pool does not notice, and an order starts it."""
    server = two()
    before = server.pool("one")
    with Client(address(server)) as client:
        client.start(query="do=sleep&ms=60000")
        wait_for(lambda: control.status(server)[1]["two"]["active processes"] == 1)
        order(server, "stop", "-w", "two")
    assert not server.pools("two") and server.pools("one") == [before]
    assert not os.path.exists(address(server)) and not os.path.exists(address(server) + ".lock")
    service, pools = control.status(server)
    assert (service["pools"], service["serving"]) == (2, 1)
    assert pools["two"]["state"] == "stopped" and "by order" in pools["two"]["why"]
    assert "stopped by order" in order(server, "status").stdout
    assert pools["one"]["state"] == "serving" and serves(server, "one")
    order(server, "stop", "-w", "two")  # as it is already
    order(server, "quit", "-w", "two")
    order(server, "reload", "-w", "two")
    assert state(server) == "serving" and serves(server, "one", "two")
    assert server.pools("one") == [before]
    env.note(server.pid)


def test_quit(two, env):
    """What was accepted is answered, which is told meanwhile."""
    server = two({"two": {"pm.status_listen": f"127.0.0.1:{free_port()}",
                          "pm.status_path": "/status"}})
    page = server._address(server.configured["two"]["pm.status_listen"])
    with Client(address(server)) as running, Client(address(server)) as idle:
        assert idle.request().status == 200
        running.start(query=f"do=split&until={env.dir}/pub/go")
        wait_for(lambda: control.status(server)[1]["two"]["active processes"] == 1)
        process = control.start(server, "quit", "-w", "two")
        assert "1 pool is still there; requests that run: 1" in process.stdout.readline()
        wait_for(lambda: not accepts(address(server)), 10 * SLOW, "the socket to close")
        assert accepts(page) and serves(server, "one")
        with open(env.dir + "/pub/go", "wb"):
            assert running.answer().status == 200
    _, err = process.communicate(timeout=20 * SLOW)
    assert process.returncode == 0, err
    assert state(server) == "stopped" and not accepts(page)
    order(server, "reload", "-w", "two")
    assert serves(server, "one", "two") and accepts(page)


def quit_while_it_serves(server, client):
    """Let two finish a request, until the file go is there; returns the process that waits for the
    end."""
    client.start(query=f"do=split&until={server.env.dir}/pub/go")
    wait_for(lambda: control.status(server)[1]["two"]["active processes"] == 1)
    process = control.start(server, "quit", "-w", "two")
    wait_for(lambda: state(server) == "finishing", 10 * SLOW, "it to finish")
    return process


def test_stop_of_one_that_finishes(two):
    """Who waits for the end of that is told of it."""
    server = two()
    with Client(address(server)) as client:
        process = quit_while_it_serves(server, client)
        order(server, "stop", "-w", "two")
    assert process.wait(20 * SLOW) == 0 and state(server) == "stopped"


def test_reload_of_one_that_finishes(two, env):
    """It is started beside that, and who waited for the end is told that there is none."""
    server = two()
    with Client(address(server)) as client:
        process = quit_while_it_serves(server, client)
        order(server, "reload", "-w", "two")
        assert serves(server, "two")
        with open(env.dir + "/pub/go", "wb"):
            assert client.answer().status == 200
    _, err = process.communicate(timeout=20 * SLOW)
    assert process.returncode == 0 or "started again" in err
    assert state(server) == "serving"


@pytest.mark.parametrize("surge", [0, 1])
def test_room_beside_one_that_finishes(two, env, surge):
    """Its workers have their places until they go: one that is started meanwhile has the others."""
    server = two({"two": {"pm.max_children": 2, "pm.max_surge": surge}})
    most = 0

    def count():
        nonlocal most
        most = max(most, len(children(*server.pools("two"))))
        return most
    clients = [Client(address(server), 30) for _ in range(2)]
    for i, c in enumerate(clients):
        c.start(query=f"do=split&until={env.dir}/pub/go{i}")
    wait_for(lambda: control.status(server)[1]["two"]["active processes"] == 2, 10 * SLOW)
    quit_order = control.start(server, "quit", "-w", "two")
    wait_for(lambda: state(server) == "finishing", 10 * SLOW, "it to finish")
    reload = control.start(server, "reload", "-w", "two")
    with open(env.dir + "/pub/go0", "wb"):  # there is room for one, whatever the surge is
        wait_for(lambda: count() and len(server.pools("two")) == 2, 30 * SLOW, "one beside it")
    with open(env.dir + "/pub/go1", "wb"):
        wait_for(lambda: count() and reload.poll() is not None, 30 * SLOW, "the reload to end")
    assert reload.returncode == 0
    for c in clients:
        assert c.answer().status == 200
        c.close()
    wait_for(lambda: count() and len(server.pools("two")) == 1, 10 * SLOW, "the old one to end")
    assert serves(server, "two") and most <= 2 + surge
    for process in reload, quit_order:
        process.communicate(timeout=20 * SLOW)
    env.note(server.pid)


def test_reloads_leave_it(two, env):
    """All but that of this pool; where its settings have changed, those count then."""
    server = two()
    order(server, "stop", "-w", "two")
    server.change({"listen": env.dir + "/other.sock", "command": env.worker("self")}, "two")
    server.reload(signal.SIGHUP)
    server.reload(signal.SIGUSR2)
    order(server, "reload", "-f")
    order(server, "reload", "-w", "one")
    assert state(server) == "stopped" and not server.pools("two") and serves(server, "one")
    order(server, "reload", "-w", "two")
    assert serves(server, "two") and address(server) == env.dir + "/other.sock"


def test_numbers_go_on(two):
    """Counters of before the stop, and the order of pools."""
    server = two()
    assert serves(server, "one", "one")
    order(server, "quit", "-w", "one")
    server.reload(signal.SIGUSR2)
    order(server, "reload", "-w", "one")
    assert serves(server, "one")
    _, pools = control.status(server)
    assert list(pools) == ["one", "two"] and pools["one"]["accepted conn"] == 3


def test_bad_program(two, env):
    """One that cannot be started stays stopped, whatever stops it."""
    server = two()
    good = server.configured
    order(server, "stop", "-w", "two")
    server.change({"command": env.worker("dies-at-start")}, "two")
    result = order(server, "reload", "-w", "two", fails=True)
    assert "cannot find the database" in result.stderr
    server.wait_log("it stays stopped")
    assert state(server) == "stopped" and not accepts(address(server))
    server.rewrite(good)
    order(server, "reload", "-w", "two")
    assert serves(server, "one", "two")


def test_removed_from_the_configuration(two):
    """It is forgotten; one of its name starts when it is there again."""
    server = two()
    both = server.configured
    order(server, "stop", "-w", "two")
    server.rewrite({"one": both["one"]})
    server.reload()
    wait_for(lambda: list(control.status(server)[1]) == ["one"], 10 * SLOW, "it to go")
    result = order(server, "reload", "-w", "two", fails=True)
    assert "no pool two" in result.stderr
    server.rewrite(both)
    server.reload()
    assert serves(server, "one", "two")


def test_address_is_free(two, env):
    """Another pool may have it meanwhile."""
    server = two({"two": {"listen": f"127.0.0.1:{free_port()}"}})
    both = server.configured
    order(server, "stop", "-w", "two")
    server.rewrite({"one": both["one"], "new": dict(both["two"])})
    server.reload()
    assert serves(server, "one", "new")


def test_address_of_one_that_goes(two):
    """Which it is to have when it is started: nobody serves there until then."""
    server = two()
    order(server, "stop", "-w", "two")
    server.rewrite({"two": dict(server.configured["two"], listen=address(server, "one"))})
    server.reload()
    wait_for(lambda: list(control.status(server)[1]) == ["two"], 10 * SLOW, "the other to go")
    assert not accepts(address(server))
    order(server, "reload", "-w", "two")
    assert serves(server, "two")


@pytest.mark.parametrize("word", ["stop", "quit"])
def test_during_its_reload(two, env, word):
    """That is over; the pool neither goes on nor comes back."""
    server = two()
    server.change({"command": env.worker("never-accepts")}, "two")
    process = control.start(server, "reload")
    wait_for(lambda: len(server.pools("two")) == 2, 10 * SLOW, "the successor")
    env.note(server.pid)
    order(server, word, "-w", "two")
    _, err = process.communicate(timeout=20 * SLOW)
    assert process.returncode == 1 and "stopped by order" in err
    assert not server.pools("two") and state(server) == "stopped"
    assert serves(server, "one")


def test_started_again_before_its_successor_has_ended(two, env, hang):  # noqa: F811
    """One that was to take over, and does not any more, is in nobody's way."""
    server = two()
    good = server.configured
    server.change({"command": env.worker("never-accepts")}, "two")
    before = server.pool("two")
    reload = control.start(server, "reload")
    new = wait_for(lambda: set(server.pools("two")) - {before}, 10 * SLOW, "a successor").pop()
    wait_for(lambda: children(new), 10 * SLOW, "its worker")
    hang(new)
    stop = control.start(server, "stop", "-w", "two")
    assert reload.wait(20 * SLOW) == 1
    server.rewrite(good)
    order(server, "reload", "-w", "two")
    assert serves(server, "one", "two")
    for process in reload, stop:
        process.communicate(timeout=20 * SLOW)


def test_last_one(controlled, env):
    """The master lives, and a reload of the pool starts it."""
    server = controlled()
    order(server, "quit", "-w", "www")
    assert state(server, "www") == "stopped" and not server.pools()
    order(server, "reload", "-f")
    assert not server.pools()
    order(server, "reload", "-w", "www")
    assert serves(server, "www")
    order(server, "stop", "-w", "www")
    order(server, "quit")
    assert server.wait_exit() == 0


def test_one_that_fails(two, env):
    """It is not started again, and the others become ready without it."""
    server = two({"two": {"command": env.worker("dies-at-start")}}, wait=False)
    wait_for(lambda: os.path.exists(server.control_path), 10 * SLOW, "the control socket")
    order(server, "stop", "-w", "two")
    server.wait_ready()
    assert state(server) == "stopped" and serves(server, "one")


def test_health(two):
    """That of all is that of the others; the pool's own fails."""
    endpoint = scraping.Endpoint(None)
    server = two(global_options={"metrics_listen": endpoint.address})
    wait_for(lambda: endpoint.get("/healthz").status == 200, 10 * SLOW, "health")
    order(server, "stop", "-w", "two")
    wait_for(lambda: endpoint.get("/healthz?pool=two").status == 503, 10 * SLOW, "it to fail")
    answer = endpoint.get("/healthz")
    assert answer.status == 200 and "pool two: it was stopped by order" in answer.text
    assert endpoint.get("/healthz?pool=one").status == 200
    assert 'anyfpm_up{pool="two"} 0' in endpoint.get("/metrics").text
    server.reload(signal.SIGUSR2)  # another process, which is told, too
    wait_for(lambda: endpoint.get("/healthz").status == 200, 10 * SLOW, "health")
    assert endpoint.get("/healthz?pool=two").status == 503
    order(server, "drain", "-w", "one")
    wait_for(lambda: endpoint.get("/healthz").status == 503, 10 * SLOW, "health to fail")
    order(server, "undrain", "-w", "one")
    wait_for(lambda: endpoint.get("/healthz").status == 200, 10 * SLOW, "health")
    order(server, "stop", "-w", "one")
    wait_for(lambda: endpoint.get("/healthz").status == 503, 10 * SLOW, "health to fail")
    order(server, "reload", "-w", "two")
    wait_for(lambda: endpoint.get("/healthz").status == 200, 10 * SLOW, "health")
    assert endpoint.get("/healthz?pool=two").status == 200


def test_permits(two):
    """Those of process.max that it had are others'."""
    server = two({"one": {"pm.max_children": 4}, "two": {"pm.max_children": 3}},
                 global_options={"process.max": 4})
    wait_for(lambda: len(server.workers()) == 4, 10 * SLOW, "workers")
    assert len(control.status(server)[1]) == 2
    order(server, "stop", "-w", "two")
    with Client(address(server, "one")) as c:
        assert c.request().status == 200
    wait_for(lambda: len(server.workers()) == 4, 20 * SLOW, "the other pool to have all workers")
    assert len(server.pools()) == 1
    order(server, "reload", "-w", "two")
    assert serves(server, "one", "two")
    wait_for(lambda: len(server.workers()) <= 4, 10 * SLOW, "the sum to be kept")


@pytest.mark.parametrize("word", ["stop", "quit"])
def test_upgrade(two, env, word):
    """It stays stopped, or finishes, and is started by the same order after it."""
    binary = env.dir + "/anyfpm"
    shutil.copy(ANYFPM, binary)
    server = two(binary=binary)
    with Client(address(server)) as client:
        if word == "quit":
            client.start(query="do=sleep&ms=3000")
            wait_for(lambda: control.status(server)[1]["two"]["active processes"] == 1)
        process = control.start(server, word, "-w", "two")
        wait_for(lambda: state(server) in ("finishing", "stopped"), 10 * SLOW, "the order")
        order(server, "upgrade")
        env.note(server.pid)
        assert serves(server, "one")
        if word == "quit":
            assert client.answer().status == 200
    assert process.wait(20 * SLOW) == 0
    assert state(server) == "stopped" and not server.pools("two")
    assert not accepts(address(server))
    order(server, "reload", "-w", "two")
    assert serves(server, "one", "two")


def test_load_on_the_other(two):
    """Nobody there notices anything."""
    server = two()
    with Load(address(server, "one"), Echo()) as load:
        for _ in range(3):
            order(server, "quit", "-w", "two")
            order(server, "reload", "-w", "two")
    all_right(load)
    assert serves(server, "one", "two")
