"""process.max: pools share it, and idle workers go where they are needed."""

import concurrent.futures
import contextlib
import re
import threading
import time

import pytest
from fcgi import Client
from servers import SLOW, children, cpu_ticks, wait_for

IDLE_DYNAMIC = {"pm": "dynamic", "pm.max_children": 4, "pm.start_servers": 4,
                "pm.min_spare_servers": 1, "pm.max_spare_servers": 4,
                "pm.process_idle_timeout": "1h"}
ONDEMAND = {"pm": "ondemand", "pm.max_children": 4, "pm.process_idle_timeout": "1h"}
STATIC = {"pm": "static", "pm.max_children": 4}
GIVEN_UP = r"\[pool {}\] child \d+ .*another pool needs its place"


class Pools:
    """Some pools that share process.max, and the most workers that they ever had."""

    def __init__(self, env, anyfpm, process_max, wait=True, **pools):
        self.dir = env.dir
        self.server = anyfpm(None, pools={
            name: {"command": env.worker("echo"), "listen": f"{env.dir}/{name}.sock", **options}
            for name, options in pools.items()},
            global_options={"process.max": process_max}, wait=wait)
        self.processes = {name: self.server.pool(name) for name in pools}
        self.most = 0

    def workers(self, name):
        return children(self.processes[name])

    def counts(self):
        return {name: len(children(p)) for name, p in self.processes.items()}

    def wait_counts(self, timeout=20, **counts):
        wait_for(lambda: self.counts() == counts, timeout * SLOW, f"workers: {counts}")

    def given_up(self, name):
        return len(re.findall(GIVEN_UP.format(name), self.server.log()))

    def started(self):
        return len(re.findall(r"child \d+ started", self.server.log()))

    def request(self, name, ms=0):
        with Client(f"{self.dir}/{name}.sock", timeout=40 * SLOW) as c:
            return c.request(query=f"do=slow&ms={ms}").status

    @contextlib.contextmanager
    def load(self, name, clients, ms=100):
        """So many clients that send one request after the other; gives their answers' statuses."""
        stop, statuses = threading.Event(), []

        def one():
            with Client(f"{self.dir}/{name}.sock", timeout=40 * SLOW) as c:
                while not stop.is_set():
                    statuses.append(c.request(query=f"do=slow&ms={ms}").status)
        with concurrent.futures.ThreadPoolExecutor(clients) as executor:
            futures = [executor.submit(one) for _ in range(clients)]
            try:
                yield statuses
            finally:
                stop.set()
            for future in futures:
                future.result()

    @contextlib.contextmanager
    def watched(self):
        """The most workers that there are meanwhile are at most process.max."""
        stop = threading.Event()

        def there():
            return {w for p in self.processes.values() for w in children(p)}

        def watch():
            while not stop.is_set():
                # One pool after the other: only those seen twice were there at the same time.
                self.most = max(self.most, len(there() & there()))
                time.sleep(0.002)
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()


@pytest.mark.parametrize("idle", [IDLE_DYNAMIC, dict(IDLE_DYNAMIC, **{
    "pm.min_spare_servers": 4}), STATIC], ids=["dynamic", "dynamic at its minimum", "static"])
def test_idle_neighbor_makes_room_for_the_first_worker(env, anyfpm, idle):
    """A pool without any worker gets one, whatever its neighbor would like to keep."""
    pools = Pools(env, anyfpm, 4, idle=idle, busy=dict(ONDEMAND, request_queue_timeout="30s"))
    pools.wait_counts(idle=4, busy=0)
    with pools.watched():
        assert pools.request("busy") == 200
        pools.wait_counts(idle=3, busy=1)
        wait_for(lambda: pools.given_up("idle") == 1, 10 * SLOW, "the line of its end")
    assert pools.most <= 4


def test_load_gets_what_is_idle_above_the_minimum(env, anyfpm):
    """As many as are idle, and no more; they do not come back, nor does anybody look for them."""
    pools = Pools(env, anyfpm, 4, idle=IDLE_DYNAMIC, busy=ONDEMAND)
    pools.wait_counts(idle=4, busy=0)
    with pools.watched(), pools.load("busy", 6) as statuses:
        pools.wait_counts(idle=1, busy=3)
        # A process is there a moment before its line in the log.
        wait_for(lambda: pools.started() == 7 and pools.given_up("idle") == 3, 10 * SLOW)
        started = pools.started()
        enough = len(statuses) + 60
        wait_for(lambda: len(statuses) >= enough, 30 * SLOW, "60 more answers")
        assert (pools.started(), pools.given_up("idle"), pools.given_up("busy")) == (started, 3, 0)
    assert pools.most == 4
    assert set(statuses) == {200}
    # Nobody lacks any more: nobody is woken up for it. The last second of patience may be over.
    processes = [pools.server.pid, *pools.processes.values()]

    def still():
        before = [cpu_ticks(p) for p in processes]
        time.sleep(2)
        return [cpu_ticks(p) for p in processes] == before
    wait_for(still, 30 * SLOW, "two seconds without CPU time")
    assert pools.counts() == {"idle": 1, "busy": 3}


def test_two_pools_under_load_keep_what_they_have(env, anyfpm):
    """Two that both lack do not take from one another, however unlike they are."""
    pools = Pools(env, anyfpm, 6, one=dict(IDLE_DYNAMIC, **{"pm.start_servers": 1}),
                  two=ONDEMAND, three=dict(STATIC, **{"pm.max_children": 2}))
    assert pools.request("two") == 200
    pools.wait_counts(one=1, two=1, three=2)
    with pools.watched(), pools.load("one", 4) as one, pools.load("two", 4) as two, \
            pools.load("three", 4) as three:
        wait_for(lambda: sum(pools.counts().values()) == 6, 20 * SLOW, "six workers")
        for statuses in (one, two, three):
            wait_for(lambda s=statuses: len(s) >= 10, 20 * SLOW, "answers for each")

        def moved():
            given = sum(pools.given_up(name) for name in pools.processes)
            return given, pools.started()

        def settled():
            before, enough = moved(), len(one) + 60
            wait_for(lambda: len(one) >= enough, 60 * SLOW, "60 more answers")
            return moved() == before
        # Whenever the clients are held up, whose requests come first may get one that is idle.
        wait_for(settled, 30 * SLOW, "each to keep what it has")
    assert pools.most <= 6
    assert set(one) | set(two) | set(three) == {200}


def test_the_only_worker_goes_where_the_requests_are(env, anyfpm):
    """With one worker for two pools, and only then is the last one of a pool taken."""
    pools = Pools(env, anyfpm, 1, one=dict(ONDEMAND, **{"pm.max_children": 1}),
                  two=dict(ONDEMAND, **{"pm.max_children": 1}))
    with pools.watched():
        for n, name in enumerate(("one", "two", "one", "two")):
            assert pools.request(name) == 200
            wait_for(lambda: pools.started() > n, 5, "the line of its start")  # noqa: B023
            assert pools.started() == n + 1
            pools.wait_counts(**{"one": 0, "two": 0, name: 1})
    assert pools.most == 1


def test_two_static_pools_do_not_swap_their_only_worker(env, anyfpm):
    """One that lacks without any request gets nobody's last worker: they would change places for
    ever."""
    static = dict(STATIC, **{"pm.max_children": 1})
    pools = Pools(env, anyfpm, 1, one=static, two=static, wait=False)
    name = wait_for(lambda: [n for n, c in pools.counts().items() if c == 1], 10, "a worker")[0]
    other = "two" if name == "one" else "one"
    worker = pools.workers(name)
    assert pools.request(name) == 200
    time.sleep(2)
    assert pools.workers(name) == worker and pools.counts()[other] == 0
    assert pools.request(other) == 200
    assert pools.request(name) == 200
    wait_for(lambda: pools.started() >= 3, 5, "the line of its start")
    assert pools.started() == 3


def test_who_leaves_a_loaded_pool_makes_room(env, anyfpm):
    """Where none is idle, one that is replaced anyway is replaced in the pool that has none."""
    pools = Pools(env, anyfpm, 2, full=dict(STATIC, **{
        "pm.max_children": 2, "pm.max_requests": 10}),
        empty=dict(ONDEMAND, **{"pm.max_children": 2}))
    pools.wait_counts(full=2, empty=0)
    with pools.watched(), pools.load("full", 6, 50) as statuses:
        wait_for(lambda: statuses, 10, "a first answer")
        assert pools.request("empty") == 200
        assert pools.counts()["empty"] == 1
    assert pools.most <= 2
    assert set(statuses) == {200}


def test_pool_that_cannot_start_takes_no_room(env, anyfpm):
    """A pool whose program is broken does not keep what it was given."""
    pools = Pools(env, anyfpm, 4, wait=False, idle=dict(IDLE_DYNAMIC, **{
        "pm.start_servers": 1}), busy=ONDEMAND, broken=dict(STATIC, command="/bin/false"))
    pools.server.wait_log(r"\[pool broken\] 3 starts failed in a row", timeout=20)
    with pools.watched(), pools.load("busy", 6) as statuses:
        pools.wait_counts(idle=1, busy=3, broken=0)
    assert pools.most <= 4
    assert set(statuses) == {200}
