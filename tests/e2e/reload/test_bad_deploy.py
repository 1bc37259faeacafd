"""What cannot serve does not get to: the generation before serves on, and it is said why."""

import os
import signal

import pytest
from fcgi import Client
from servers import SLOW, alive, wait_for


def ask(server, **more):
    with Client(server.address, 30) as c:
        return c.request(**more)


def bad_configuration(server, env):
    with open(server.config_path, "a", encoding="ascii") as f:
        f.write("pm.max_childern = 3\n")


def missing_program(server, env):
    server.change({"command": env.dir + "/no-such-program"})


def exits(server, env):
    server.change({"command": env.worker("dies-at-start")})


def never_accepts(server, env):
    server.change({"command": env.worker("never-accepts"), "pm.start_timeout": "500ms"})


def warmup_fails(server, env):
    server.change({"command": env.worker("warms-up", "fail"), "pm.warmup": "/warm-up"})


DEPLOYS = {
    bad_configuration: "pm.max_childern",
    missing_program: "no-such-program.*No such file",
    exits: "exited with code 3.*cannot find the database",
    never_accepts: "pm.start_timeout",
    warmup_fails: "pm.warmup with status 500",
}


@pytest.mark.parametrize("deploy", DEPLOYS)
def test_is_survived(odd, env, deploy):
    server = odd("hello")
    good = dict(server.configured)
    before = server.pool()
    deploy(server, env)
    server.reload(signal.SIGUSR2, fails=True, timeout=20)
    server.wait_log("ERROR.*" + DEPLOYS[deploy])
    assert ask(server).body == b"hello\n"
    wait_for(lambda: server.pools() == [before], 5 * SLOW, "the bad one to end")
    # With its old settings it goes on even when its process dies.
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: server.pools() and before not in server.pools(), 5 * SLOW, "another process")
    assert ask(server).body == b"hello\n"
    server.rewrite(good)
    server.reload(signal.SIGUSR2)
    assert ask(server).body == b"hello\n"


def test_other_pools_are_replaced(odd, env):
    """Each pool for itself: one that cannot serve keeps no other from its new settings."""
    server = odd("hello")
    pools = dict(server.configured)
    pools["more"] = {"command": env.worker(), "listen": env.dir + "/more.sock"}
    server.rewrite(pools)
    server.reload()
    pools["www"] = dict(pools["www"], command=env.worker("dies-at-start"))
    pools["more"] = dict(pools["more"], **{"pm.max_children": 1})
    server.rewrite(pools)
    server.reload(fails=True)
    wait_for(lambda: len(server.pools("more")) == 1 and len(server.workers()) == 3, 10 * SLOW,
             "the other to have its new settings")
    assert ask(server).body == b"hello\n"


def test_new_pool_that_fails_is_not_started(odd, env):
    server = odd("hello")
    pools = dict(server.configured)
    good = dict(pools)
    pools["more"] = {"command": env.worker("dies-at-start"), "listen": env.dir + "/more.sock"}
    server.rewrite(pools)
    server.reload(fails=True)
    wait_for(lambda: not os.path.exists(env.dir + "/more.sock"), 5 * SLOW, "its socket to go")
    pools["more"] = dict(pools["more"], command=env.worker())
    server.rewrite(pools)
    server.reload()
    assert ask_at(env.dir + "/more.sock").status == 200
    server.rewrite(good)
    server.reload()
    wait_for(lambda: len(server.pools()) == 1, 10 * SLOW)


def ask_at(address):
    with Client(address, 30) as c:
        return c.request()


@pytest.fixture
def halfway(odd, env):
    """A reload whose successor's worker waits until halfway() is called."""
    gate = env.dir + "/pub/wait"
    server = odd("starts-without", args=(gate,))
    with open(gate, "wb"):
        pass
    old = server.pool()
    server.signal(signal.SIGUSR2)
    wait_for(lambda: len(server.pools()) == 2, 5 * SLOW, "a successor")
    new = next(p for p in server.pools() if p != old)
    return server, old, new, lambda: os.unlink(gate)


def test_successor_is_killed(halfway):
    server, old, new, go_on = halfway
    os.kill(new, signal.SIGKILL)
    server.wait_log("reload failed")
    assert ask(server).status == 200 and server.pools() == [old]
    go_on()
    server.reload(signal.SIGUSR2)
    assert ask(server).status == 200


def test_the_one_before_is_killed(halfway):
    """Another with its settings takes its place, and then the successor that one's."""
    server, old, _, go_on = halfway
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: not alive(old), 5)
    go_on()
    server.wait_log("reload done")
    wait_for(lambda: len(server.pools()) == 1, 10 * SLOW, "one generation")
    assert ask(server).status == 200


def test_master_is_killed(halfway):
    """Neither generation outlives it."""
    server, old, new, go_on = halfway
    server.kill()
    go_on()
    wait_for(lambda: not alive(old) and not alive(new), 5 * SLOW, "both to end")
    server.start()
    assert ask(server).status == 200
