"""The metrics process follows a reload, and nobody who asks it notices."""

import functools
import http.client
import os
import signal
import socket
import threading

from accesslog import taken_in
from fcgi import Client
from scraping import metrics_pids
from servers import SLOW, alive, free_port, memory_kb, wait_for


def test_nobody_notices(metrics):
    """Its own process is another after a deploy; what was asked meanwhile is answered."""
    server, endpoint = metrics("hello")
    stop, failed, asked = threading.Event(), [], [0]

    def ask():
        while not stop.is_set():
            try:
                if endpoint.health()[0] != 200:
                    failed.append("not 200")
            except (OSError, http.client.HTTPException) as e:
                failed.append(repr(e))
            asked[0] += 1
    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(3):
            server.reload(signal.SIGUSR2)
        wait_for(lambda: asked[0] > 30, 20 * SLOW)
    finally:
        stop.set()
        thread.join()
    assert failed == []


def has_ended(pid):
    return not alive(pid)


def has_memory_of_all(server, endpoint, before):
    """Whether the workers' memory is told with that of the generation before, if it is still there;
    those that have just started grow while one looks."""
    if not alive(before):  # it still has its request, on any but the busiest machine
        return True
    got = endpoint.scrape().get("process_resident_memory_bytes", process="workers") / 1024
    return got > 0.8 * sum(memory_kb(w) for w in server.workers() if alive(w))


def test_what_generations_use_together(metrics):
    """Memory and CPU time are those of both while one drains, and what one has used stays when it
    has gone."""
    server, endpoint = metrics(options={"pm.max_children": 2})
    observer = metrics_pids(server)
    cpu = "process_cpu_seconds_total"
    last = {"pool": 0.0, "workers": 0.0}

    def look():
        now = endpoint.scrape()
        for which in last:
            value = now.get(cpu, process=which)
            assert value >= last[which], (which, value, last)
            last[which] = value
        return now
    for number in range(3):
        server.wait_workers(2)
        before = server.pool()
        with Client(server.address, 60) as burns, Client(server.address, 60) as slow:
            spent = last["workers"]
            assert burns.request(query="do=burn&ms=300", flags=1).status == 200
            slow.start(query="do=slow&ms=3000")
            taken_in(slow)
            server.change({"pm.max_requests": 1000 + number})
            server.reload(signal.SIGHUP)
            look()
            assert last["workers"] >= spent + 0.29
            wait_for(functools.partial(has_memory_of_all, server, endpoint, before), 10 * SLOW,
                     "the memory of both")
            assert slow.answer().status == 200
        wait_for(functools.partial(has_ended, before), 20 * SLOW, "the old one to end")
        look()
    assert last["workers"] >= 0.87
    assert metrics_pids(server) == observer


def test_pools_come_and_go(metrics, env):
    server, endpoint = metrics("hello")
    pools = dict(server.configured)
    pools["more"] = {"command": env.worker(), "listen": env.dir + "/more.sock"}
    server.rewrite(pools)
    server.reload()
    wait_for(lambda: 'pool="more"' in endpoint.get("/metrics").text, 10 * SLOW, "the new pool")
    del pools["more"]
    server.rewrite(pools)
    server.reload()
    wait_for(lambda: 'pool="more"' not in endpoint.get("/metrics").text, 10 * SLOW)
    assert 'pool="www"' in endpoint.get("/metrics").text


def refuses(endpoint):
    try:
        endpoint.health()
    except ConnectionRefusedError:
        return True
    return False


def test_address_comes_and_goes(metrics):
    """Where there is none, nobody waits for an answer; and it can come back at any time."""
    server, endpoint = metrics("hello")
    on = dict(server.configured_global)
    off = {name: value for name, value in on.items() if name != "metrics_listen"}
    for waits in False, True:
        server.rewrite(global_options=off)
        server.reload()
        if waits:
            wait_for(lambda: refuses(endpoint), 10 * SLOW, "nobody to listen")
            wait_for(lambda: not metrics_pids(server), 10 * SLOW, "the metrics process to end")
        server.rewrite(global_options=on)
        server.reload()
        wait_for(lambda: not refuses(endpoint), 10 * SLOW, "somebody to listen")
        assert endpoint.health() == (200, "ok\n")
    server.env.note(server.pid)


def test_address_that_cannot_be_had(metrics):
    """What listens goes on; the next reload tries again, whatever else has changed."""
    server, endpoint = metrics("hello")
    with socket.socket() as s:
        s.bind(("127.0.0.1", free_port()))
        s.listen(1)
        other = type(endpoint)(f"127.0.0.1:{s.getsockname()[1]}")
        server.rewrite(global_options=dict(server.configured_global, metrics_listen=other.address))
        server.reload(fails=True)
        server.wait_log("ERROR: reload failed: all is in effect but this: metrics_listen")
        wait_for(lambda: endpoint.health() == (200, "ok\npool www: the last reload failed: all is "
                                               "in effect but this: metrics_listen: nobody listens "
                                               "at that address\n"), 10 * SLOW, "it to be told")
    server.reload()
    assert other.health() == (200, "ok\n")
    wait_for(lambda: refuses(endpoint), 10 * SLOW, "nobody to listen at the old one")


def test_pools_that_are_not_there(metrics, env):
    """One that was removed and finishes is no reason to complain, one that cannot start is; neither
    takes the place of another."""
    server, endpoint = metrics("echo")
    pools = dict(server.configured)
    bad = {"command": env.worker("dies-at-start"), "listen": env.dir + "/bad.sock"}
    more = {"command": env.worker(), "listen": env.dir + "/more.sock"}
    with Client(server.address, 60) as c:
        c.start(query=f"do=split&until={env.dir}/pub/end")
        taken_in(c)
        server.rewrite({"more": more})
        server.reload()
        wait_for(lambda: endpoint.health("www")[0] == 404, 10 * SLOW, "the pool to be left out")
        assert endpoint.health() == (200, "ok\n") and server.pools("www")
        with open(env.dir + "/pub/end", "wb"):
            pass
        assert c.answer().status == 200
    server.rewrite({**pools, "bad": bad, "more": more})
    server.reload(fails=True)
    wait_for(lambda: endpoint.health("bad")[0] == 503, 10 * SLOW, "the bad pool to be told")
    old = server.pool("more")
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: server.pools("more") not in ([], [old]), 10 * SLOW, "another process")
    wait_for(lambda: endpoint.health("more")[0] == 200, 10 * SLOW, "it to serve")
    assert endpoint.health("bad")[0] == 503
    server.env.note(server.pid)
