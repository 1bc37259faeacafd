"""What happens while a reload is under way, or while the generation before still finishes."""

import os
import signal

import control
import pytest
from accesslog import taken_in
from fcgi import Client
from servers import SLOW, alive, wait_for


@pytest.fixture
def long(env):
    """A request that runs until end() is called: end = long(client)."""
    def start(client):
        end = env.dir + "/pub/end"
        client.start(query=f"do=split&until={end}")
        taken_in(client)

        def finish():
            with open(end, "wb"):
                pass
            assert client.answer().status == 200
        return finish
    return start


def ask(address, **more):
    with Client(address, 30) as c:
        return c.request(**more)


def test_the_new_one_dies_while_the_old_one_finishes(odd, long):
    """Another takes its place at once, and has the workers that the old one leaves."""
    server = odd("echo", {"pm.max_children": 2, "pm.max_surge": 0})
    old = server.pool()
    with Client(server.address, 60) as c:
        end = long(c)
        server.reload(signal.SIGUSR2)
        new = next(p for p in server.pools() if p != old)
        os.kill(new, signal.SIGKILL)
        wait_for(lambda: not alive(new), 5)
        assert ask(server.address).status == 200
        assert alive(old), "it was to finish meanwhile"
        end()
    server.wait_workers(2)


def test_quit_while_the_only_worker_makes_room(odd):
    """It has gone for a successor that does not come any more: what waits is answered first."""
    server = odd("ignores-term", {"pm.max_children": 1, "pm.max_surge": 0,
                                     "pm.stop_timeout": "1s"})
    server.signal(signal.SIGUSR2)
    server.wait_log("its place is another generation's")
    with Client(server.address, 30) as c:
        c.start()
        taken_in(c)
        server.signal(signal.SIGQUIT)
        assert c.answer().status == 200
    assert server.wait_exit(10 * SLOW) == 0


def test_renamed_pool_that_fails(odd, env):
    """The one that has the address goes on until the one that is to have it can serve."""
    server = odd()
    renamed = {"other": server.configured["www"]}
    before = server.pool("www")
    server.rewrite({"other": dict(renamed["other"], command=env.worker("dies-at-start"))})
    server.reload(fails=True)
    server.wait_log("pool www.*goes on all the same, since pool other could not take over")
    assert ask(server.address).status == 200
    wait_for(lambda: server.pools() == [before], 10 * SLOW, "the other to end")
    server.rewrite(renamed)
    server.reload()
    wait_for(lambda: not server.pools("www"), 10 * SLOW, "the old pool to go")
    assert ask(server.address).status == 200


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGQUIT])
def test_end_without_any_pool(odd, env, sig):
    """The only one was removed, and the one that was to come instead cannot start."""
    server = odd()
    server.rewrite({"other": {"command": env.worker("dies-at-start"),
                              "listen": env.dir + "/other.sock"}})
    server.reload(fails=True)
    wait_for(lambda: not server.pools(), 10 * SLOW, "both to go")
    server.signal(sig)
    assert server.wait_exit(5 * SLOW) == 0


def test_one_pool_that_only_finishes(controlled, env, long):
    """A pool that is to be reloaded alone takes nothing from others, where it has to start."""
    server = controlled()
    pools = dict(server.configured)
    pools["more"] = {"command": env.worker(), "listen": env.dir + "/more.sock"}
    server.rewrite(pools)
    assert control.send(server, "reload").returncode == 0
    more = server.pool("more")
    with Client(server.address, 60) as c:
        end = long(c)
        server.rewrite({"more": pools["more"]})
        assert control.send(server, "reload").returncode == 0
        assert server.pools("www")
        server.rewrite({"www": pools["more"]})
        result = control.send(server, "reload", "-w", "www")
        assert result.returncode == 1
        server.wait_log("it does not run")
        with open(server.config_path, "a", encoding="ascii") as f:
            f.write("listen = nowhere at all\n")
        assert control.send(server, "reload").returncode == 1
        assert server.pools("more") == [more]
        end()
    assert ask(env.dir + "/more.sock").status == 200
    server.rewrite({"more": pools["more"]})
    assert control.send(server, "reload").returncode == 0


def test_logs_are_rotated(odd, env, long):
    """Each generation writes to the file that its own settings name, whenever it is rotated."""
    first, second = env.dir + "/first.log", env.dir + "/second.log"
    gate = env.dir + "/pub/wait"
    server = odd("starts-without", {"access.log": first}, args=(gate,))

    def rotate(number, processes):
        for path in first, second:
            os.rename(path, f"{path}.{number}")
        passed = server.log().count("access log file re-opened")
        server.signal(signal.SIGUSR1)
        server.wait_log("access log file re-opened", times=passed + processes)

    def size(path):
        return os.path.getsize(path) if os.path.exists(path) else 0
    with open(gate, "wb"):
        pass
    with Client(server.address, 60) as c:
        end = long(c)
        server.change({"access.log": second})
        server.signal(signal.SIGHUP)
        wait_for(lambda: len(server.pools()) == 2, 10 * SLOW, "a successor")
        rotate(1, 2)
        os.unlink(gate)
        server.wait_log("reload done")
        assert ask(server.address).status == 200
        wait_for(lambda: size(second) > 0, 5, "a line of the successor's")
        rotate(2, 2)
        end()
    wait_for(lambda: size(first) > 0, 5, "a line of the one before")
    assert [size(f"{first}.{n}") for n in (1, 2)] == [0, 0]
    assert ask(server.address).status == 200
    wait_for(lambda: size(second) > 0, 5, "a line of the successor's")


@pytest.mark.parametrize("number", [1, 2])
def test_no_more_processes_than_workers(odd, number):
    """Where process.max leaves no room for one worker more, one goes for the successor's first."""
    server = odd("echo", {"pm.max_children": number, "pm.start_timeout": "5s"},
                 global_options={"process.max": number})
    for _ in range(2):
        server.reload(signal.SIGUSR2, timeout=30)
        assert ask(server.address).status == 200
    server.wait_workers(number)


@pytest.mark.parametrize("each", [1, 2])
def test_process_max_that_several_pools_fill(odd, env, each):
    """Each gives one of its own workers for its successor's, be it the last one."""
    pools = {name: {"command": env.worker("echo"), "listen": f"{env.dir}/{name}.sock",
                    "pm.max_children": each, "pm.start_timeout": "5s"} for name in ("one", "two")}
    server = odd(pools=pools, global_options={"process.max": 2 * each})
    server.wait_workers(2 * each)
    for _ in range(2):
        server.reload(signal.SIGUSR2, timeout=30)
        for name in pools:
            assert ask(f"{env.dir}/{name}.sock").status == 200
    server.wait_workers(2 * each)
