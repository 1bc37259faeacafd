"""Many pools: how long they take to start and to be replaced, and that they cost nothing idle."""

import contextlib
import signal
import time

import pytest
from fcgi import Client
from servers import ASAN, cpu_ms, wait_for
from stalls import Stalls

POOLS = 200
START, ONE, ALL = 3, 1, 10  # seconds that they may take on a machine that does nothing else
NOISE = 3  # times as long as that on one that does
IDLE = 5  # seconds
IDLE_SHARE = 0.02  # of one CPU: that the master hears from each of them now and then


def descendants_of(server):
    """All processes below it, from the kernel's lists: hundreds, and asked for again and again."""
    out, todo = [], [server.pid]
    while todo:
        pid = todo.pop()
        with contextlib.suppress(OSError), \
                open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            below = [int(word) for word in f.read().split()]
            out, todo = out + below, todo + below
    return out


def timed(what):
    with Stalls() as stalls:
        began = time.monotonic()
        what()
        took = time.monotonic() - began
        return took - min(took, stalls.since(began))


def reload(server, sig, pools):
    """Looks at nothing but the log: to look at all processes takes longer than what is measured."""
    server.process.send_signal(sig)
    server.wait_log(f"reload done: {pools} of {POOLS}", timeout=60)


@pytest.mark.load
@pytest.mark.skipif(ASAN, reason="sanitizers cost what is measured here")
@pytest.mark.limit(240)
@pytest.mark.parametrize("kind", ["demo", "perl"])
def test_two_hundred(env, anyfpm, kind):
    command = {"demo": env.demo, "perl": f"/usr/bin/perl {env.shared}/hello.pl"}[kind]
    pools = {f"p{i:03}": {"command": command, "listen": f"{env.dir}/p{i:03}.sock",
                          "pm": "ondemand", "pm.max_children": 2,
                          "pm.process_idle_timeout": "1s"} for i in range(POOLS)}
    server = anyfpm(None, pools=pools, global_options={"log_level": "notice"}, wait=False)
    figures = {"start": timed(lambda: server.wait_log("ready to handle", timeout=60))}
    assert len(server.pools()) == POOLS

    server.change({"env[COLOR]": "blue"}, "p100")
    figures["one"] = timed(lambda: reload(server, signal.SIGHUP, 1))
    figures["all"] = timed(lambda: reload(server, signal.SIGUSR2, POOLS))
    wait_for(lambda: len(server.pools()) == POOLS, 20, "one generation of each")
    for name in "p000", "p100", "p199":
        with Client(f"{env.dir}/{name}.sock", 30) as c:
            assert c.request(uri="/").status == 200

    ours = [server.pid] + server.pools()
    wait_for(lambda: len(descendants_of(server)) == POOLS, 20, "all workers to go", 1)
    before = cpu_ms(*ours) / 1000
    time.sleep(IDLE)
    figures["idle"] = (cpu_ms(*ours) / 1000 - before) / IDLE
    print("seconds: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    assert figures["start"] < START * NOISE, figures
    assert figures["one"] < ONE * NOISE, figures
    assert figures["all"] < ALL * NOISE, figures
    assert figures["idle"] < IDLE_SHARE * NOISE, figures
