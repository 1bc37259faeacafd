"""anyfpm -s reload: it is done when it is in effect, and says why where it is not."""

import json

import control
from fcgi import Client
from generations import Echo
from hanging import GO_ON, hang, hang_library  # noqa: F401
from load import Load, all_right
from servers import SLOW, alive, wait_for

TIMES = 25


def test_what_has_changed(controlled):
    """Done means: the new generation serves."""
    server = controlled("self")
    before = server.pool()
    result = control.send(server, "reload")
    assert (result.returncode, result.stderr) == (0, "") and server.pool() == before
    server.change({"env[COLOR]": "blue"})
    result = control.send(server, "reload")
    assert result.returncode == 0, result.stderr
    with Client(server.address) as c:
        assert b'"COLOR": "blue"' in c.request(query="do=self").body
    wait_for(lambda: not alive(before), 10 * SLOW, "the one before to end")


def test_all(controlled):
    server = controlled()
    before = server.pool()
    assert control.send(server, "reload", "-f").returncode == 0
    wait_for(lambda: not alive(before), 10 * SLOW, "the one before to end")


def test_why_not(controlled, env):
    """The code is not 0, and the reason is where it was asked for."""
    server = controlled()
    good = server.configured
    server.change({"command": env.worker("dies-at-start")})
    result = control.send(server, "reload")
    assert result.returncode == 1
    assert "pool www" in result.stderr and "cannot find the database" in result.stderr
    with open(server.config_path, "a", encoding="ascii") as f:
        f.write("no such line\n")
    result = control.send(server, "reload")
    assert result.returncode == 1 and "configuration" in result.stderr
    server.rewrite(good)
    assert control.send(server, "reload").returncode == 0


def test_one_pool(controlled, env):
    """Of others, and of [global], nothing comes into effect; new ones are not started by it."""
    server = controlled()
    pools = dict(server.configured)
    pools["more"] = {"command": env.worker(), "listen": env.dir + "/more.sock"}
    server.rewrite(pools)
    assert control.send(server, "reload", "-w", "more").returncode == 1
    assert control.send(server, "reload").returncode == 0
    pools = {name: dict(pool, **{"pm.max_children": 1}) for name, pool in pools.items()}
    server.rewrite(pools)
    untouched = server.pool("more")
    assert control.send(server, "reload", "-w", "www").returncode == 0
    wait_for(lambda: len(server.workers()) == 3, 10 * SLOW, "one pool to have less")
    assert server.pools("more") == [untouched]
    del pools["www"]
    server.rewrite(pools)
    result = control.send(server, "reload", "-w", "www")
    assert result.returncode == 1
    wait_for(lambda: len(server.pools("www")) == 1, 5 * SLOW, "the one before to end")
    server.rewrite(dict(server.configured, www=dict(pools["more"], listen=server.address)))


def pool_of(client):
    """The pool process that serves the next request."""
    return json.loads(client.request(query="do=self").body)["ppid"]


def test_the_next_request_is_for_the_new_one(controlled):
    """From the moment at which it is done, on a new connection or on one that is kept."""
    server = controlled(options={"pm.max_children": 4})
    with Client(server.address, 30) as kept, Load(server.address, Echo()) as load:
        before = pool_of(kept)
        for i in range(TIMES):
            answer = control.ask(server, b"reload -f\n")
            if i % 2:
                now = pool_of(kept)
            else:
                with Client(server.address, 30) as c:
                    now = pool_of(c)
            assert answer[-1]["exit"] == 0 and now != before, answer
            before = now
    all_right(load)


def test_a_pool_that_goes_has_left(controlled, hang):  # noqa: F811
    """Where another has its address, it is not done before it accepts no more."""
    server = controlled()
    pools = server.configured
    old = server.pool("www")
    server.rewrite({"other": pools["www"]})
    hang(old)
    with control.start(server, "reload") as reload:
        server.wait_log("pool process .* accepts\n")
        server.wait_log("www. it is not in the configuration any more")
        assert "reload done" not in server.log() and reload.poll() is None
        hang(old, GO_ON)
        assert reload.wait(20 * SLOW) == 0
    with Client(server.address, 30) as c:
        assert pool_of(c) in server.pools("other")
