"""pm = auto and memory: whatever programs take, all of them together have no more than the budget
and one worker, no request fails, and nothing is killed."""

import time

import pytest
import slowlog
from load import clients_of
from servers import ROOT, SLOW, children, is_template, wait_for
from statuspage import status
from watching import MB, Watch, Within, memory_group

program = slowlog.program
LEAK = "ms=50&grow=1024"
VARY = "ms=200&least=2048&most=20480"


@pytest.fixture
def auto(anyfpm, program):
    """anyfpm with a pool of the worker slow.c, which has so many MB when it has started."""
    def start(options=None, mb=0, **more):
        return anyfpm(f"{program} 0 {mb}", settings(options), **more)
    return start


def settings(options):
    return {"pm": "auto", "pm.max_children": None, "pm.status_path": "/status",
            "pm.process_idle_timeout": "1s", **(options or {})}


def pool_of(server):
    return status(server)["pool process"]


def workers(address):
    return [p for p in children(status(address)["pool process"]) if not is_template(p)]


def holds(watch, budget, load):
    """What is to be so whatever the program does."""
    assert watch.times > 0 and not load.failed and load.served
    assert watch.most <= budget + watch.largest, watch


def under(server, query, budget, clients=16, seconds=5):
    """So many clients for a while, until memory has bounded the number."""
    with Watch(pool_of(server), every=0.1) as watch, \
            clients_of(server.address, query, clients) as load:
        until = time.monotonic() + seconds
        wait_for(lambda: time.monotonic() > until and status(server)["auto bound"] == "memory",
                 30 * SLOW, "memory to be the bound")
    holds(watch, budget, load)
    return watch


def test_size_varies(auto):
    """Workers of any size from 2 to 20 MB, another after each request."""
    watch = under(auto({"pm.memory_budget": "64M"}), VARY, 64 * MB)
    assert watch.count >= 2, watch


def test_template_counts_once(auto):
    """Workers are forked of a template that has half of the budget: there is room for several."""
    server = auto({"pm.memory_budget": "96M", "pm.preload": "yes"}, mb=48)
    if server.wait_workers(1) and not any(is_template(p) for p in children(pool_of(server))):
        pytest.skip("the program cannot be preloaded here")
    watch = under(server, LEAK, 96 * MB)
    assert watch.count >= 4, watch
    assert watch.most > 48 * MB


@pytest.mark.parametrize("query", [LEAK, VARY])
def test_in_a_group_with_a_limit(env, program, query):
    """Of a control group's limit the budget is 70 %, and the kernel kills nobody."""
    group = memory_group(128 * MB) if ROOT else "control groups are made by root"
    if isinstance(group, str):
        pytest.skip(group)
    Within.home = group.path
    try:
        server = Within(env, f"{program} 0", settings(None))
        budget = status(server)["auto memory budget"]
        assert 0 < budget < 128 * MB * 0.7
        under(server, query, budget)
        assert group.kills == 0
        server.stop()
    finally:
        group.remove()


def test_one_is_busy_and_another_bursts(auto, env):
    """A busy pool has what the other does not use, gives it back for a burst, and has it again."""
    other = f"{env.dir}/other.sock"
    server = auto({"pm.memory_budget": "1%"})
    www = server.configured["www"]
    whole = status(server)["auto memory budget"]
    kb = whole // 1024 // 20  # of a worker
    query = f"ms=100&least={kb}&most={kb + 64}"
    server.rewrite({"www": www, "other": dict(www, listen=other)})
    server.reload()

    def budget(address):
        return status(address)["auto memory budget"]
    pools = [pool_of(server), wait_for(lambda: status(other)["pool process"], 5, "the other")]
    with Watch(*pools, every=0.1) as watch, clients_of(server.address, query, 24) as busy:
        wait_for(lambda: budget(server.address) > 0.7 * whole and len(workers(server.address)) > 10,
                 30 * SLOW, "the one to have it")
        for _ in range(2):
            before = busy.served
            with clients_of(other, query, 24) as burst:
                wait_for(lambda: len(workers(other)) >= 6, 30 * SLOW, "the burst to get its part")
                wait_for(lambda: budget(other) > 0.4 * whole, 30 * SLOW, "its half")
                assert budget(other) + budget(server.address) <= whole  # in this order
                served = burst.served
                wait_for(lambda n=served: burst.served > n + 20, 30 * SLOW, "it to be served")
            assert busy.served > before and not burst.failed
            wait_for(lambda: budget(server.address) > 0.7 * whole, 30 * SLOW, "it to be back")
    holds(watch, whole, busy)
