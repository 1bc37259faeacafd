"""pm.preload under load: whatever is killed, no request fails that was not running in it, and nothing is
left behind."""

import json
import os
import re
import signal

import pytest
from fcgi import Client
from generations import Echo
from load import Load, all_right
from preloading import preloaded, zombies  # noqa: F401
from servers import ASAN, SLOW, alive, children, memory_kb, wait_for
from statuspage import status

WORKERS = 4
OPTIONS = {"pm.preload": "yes", "pm.max_children": WORKERS, "pm.status_path": "/status"}


def template_of(client):
    """One that can fork workers."""
    def ready():
        s = client.request(uri="/status", query="json")
        page = json.loads(s.body) if s.status == 200 else {}
        return page.get("template state") == "ready" and page["template process"]
    return wait_for(ready, 15 * SLOW, "a template that is ready")


def template(server):
    with Client(server.address, 15 * SLOW) as c:
        return template_of(c)


def descriptors(pid):
    """What they are, without numbers; of a worker's files in /proc, those that are there always."""
    out = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            out.append(re.sub(r"\d+|-\w{6}\b", "", os.readlink(f"/proc/{pid}/fd/{fd}")))
        except FileNotFoundError:
            pass
    assert out.count("/proc//syscall") <= WORKERS
    return sorted(path for path in out if path != "/proc//syscall")


def both(server):
    """Descriptors of the pool process, and of a template that has done all it was asked for. What
    asks stays connected meanwhile: by its answer those before have been closed."""
    with Client(server.address, 15 * SLOW) as c:
        made = template_of(c)
        wait_for(lambda: len(descriptors(made)) == 4, 10 * SLOW, "three streams and the channel")
        return [descriptors(p) for p in (server.pool(), made)]


def at_rest(server):
    """The same, when all workers are there and none is being replaced."""
    server.wait_workers(WORKERS, 20 * SLOW)
    wait_for(lambda: len(children(server.pool())) == WORKERS + 1 and not zombies(server.pool()),
             10 * SLOW, "four workers and a template")
    # What is opened for a moment may be there.
    return min((both(server) for _ in range(5)), key=lambda found: len(found[0]))


def as_before(server, before):
    """Workers, template and descriptors are those that there were, and nobody waits to be reaped."""
    pool = server.pool()
    server.wait_workers(WORKERS, 20 * SLOW)
    template(server)
    wait_for(lambda: both(server) == before, 10 * SLOW,
             f"the descriptors of before: {before}, {both(server)}")
    wait_for(lambda: not zombies(pool), 5 * SLOW, "no zombie")
    wait_for(lambda: sorted(children(pool)) == sorted(server.workers() + [template(server)]),
             5 * SLOW, "nobody but workers and a template")


@pytest.fixture
def loaded(odd):
    """A pool whose workers are replaced all the time, and what descriptors there are."""
    def start(behavior="echo", args=(), **more):
        server = odd(behavior, {**OPTIONS, "pm.max_requests": 10, **more}, args=args)
        return server, at_rest(server)
    return start


def served(load, more):
    """Wait until so many more requests were answered."""
    to = load.served + more
    wait_for(lambda: load.served >= to or load.failed, 60 * SLOW, "answers")


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGSTOP])
def test_template_that_waits(loaded, sig):
    """While it is asked for workers all the time; another follows, and again."""
    server, before = loaded()
    with Load(server.address, Echo()) as load:
        for _ in range(4):
            served(load, 60)
            os.kill(template(server), sig)
            served(load, 60)
    all_right(load)
    as_before(server, before)


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGSTOP])
def test_template_that_loads(loaded, sig):
    """Workers that should have been replaced serve on."""
    server, before = loaded("slow-start", [3])
    with Load(server.address, Echo()) as load:
        os.kill(template(server), signal.SIGKILL)
        for number in (2, 3):
            loading = int(server.wait_log(r"template (\d+) started", number, 15).group(1))
            os.kill(loading, sig)
            server.wait_log(rf"template {loading} exited on signal 9 .*before it was ready")
            served(load, 60)
    all_right(load)
    as_before(server, before)


class Slow(Echo):
    def request(self, number, ms=0):
        return {"uri": "/", "query": f"do=slow&ms={ms}"}

    def right(self, number, answer):
        return answer.body == b"hello\n"


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGSTOP])
def test_template_that_forks_many(odd, sig):
    """Each client needs a worker of its own, and all are asked for at once."""
    many = 30
    server = odd("echo", {**OPTIONS, "pm.max_children": many, "pm": "ondemand",
                          "pm.process_idle_timeout": "1s"})
    for _ in range(3):
        wait_for(lambda: not server.workers(), 20 * SLOW, "no worker")
        before = min((both(server) for _ in range(5)), key=lambda found: len(found[0]))
        killed, known = template(server), set(server.workers())
        with Load(server.address, Slow(), clients=many, ms=200) as load:
            wait_for(lambda: set(server.workers()) - known, 20 * SLOW, "the first of them", 0.001)
            os.kill(killed, sig)
            served(load, 2 * many)
        all_right(load)
        wait_for(lambda: template(server) != killed, 10 * SLOW, "another template")
        wait_for(lambda: not zombies(server.pool()), 5 * SLOW, "no zombie")
    wait_for(lambda: not server.workers(), 20 * SLOW, "no worker")
    wait_for(lambda: both(server) == before, 10 * SLOW, "the descriptors of before")


def test_worker(loaded):
    """What it was doing is lost at most, and not even that if it was not read."""
    server, before = loaded()
    kills = 10
    with Load(server.address, Echo()) as load:
        for _ in range(kills):
            served(load, 40)
            try:
                os.kill(wait_for(server.workers, 10 * SLOW)[0], signal.SIGKILL)
            except ProcessLookupError:
                pass  # it had just been replaced
    assert load.served and len(load.failed) <= kills, load.failed
    as_before(server, before)


def gone(pids):
    wait_for(lambda: not [p for p in pids if alive(p)], 10 * SLOW, "their end")


@pytest.mark.parametrize("loads", [False, True])
def test_pool_process(loaded, loads):
    """Each client loses what it was waiting for; template and workers end, also one that loads."""
    server, before = loaded("slow-start", [1])
    with Load(server.address, Echo()) as load:
        served(load, 60)
        if loads:
            first = template(server)
            os.kill(first, signal.SIGKILL)
            wait_for(lambda: set(server.templates()) - {first}, 15 * SLOW, "one that loads")
        pool = server.pool()
        family = children(pool)
        os.kill(pool, signal.SIGKILL)
        gone(family)
        wait_for(lambda: server.pools() not in ([], [pool]), 10 * SLOW, "another pool process")
        lost = len(load.failed)
        to = load.served + 60
        wait_for(lambda: load.served >= to, 60 * SLOW, "answers")
    assert lost <= len(load.threads) and len(load.failed) <= len(load.threads), load.failed
    as_before(server, before)


@pytest.mark.parametrize("loads", [False, True])
def test_master(loaded, loads):
    server, _ = loaded("slow-start", [1])
    if loads:
        first = template(server)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: set(server.templates()) - {first}, 15 * SLOW, "one that loads")
    family = server.pools() + children(server.pool())
    server.kill()
    gone(family)


class Preloaded(Slow):
    def request(self, number, ms=0):
        return {"uri": "/"}

    def right(self, number, answer):
        return answer.body.startswith(b"pid ")


@pytest.mark.load
@pytest.mark.limit(600)
def test_ten_thousand_forks(anyfpm, preloaded):
    """One for each request: no descriptor, no memory, no process is left over."""
    server = anyfpm(preloaded, {**OPTIONS, "pm.max_requests": 1},
                    global_options={"log_level": "notice"})

    def requests(count):
        with Load(server.address, Preloaded()) as load:
            wait_for(lambda: load.served >= count or load.failed, 500 * SLOW, "answers", 0.1)
        all_right(load)

    requests(500)
    first, pool = template(server), server.pool()
    before = at_rest(server)
    memory = memory_kb(first), memory_kb(first, "VmSize")
    own = memory_kb(pool)
    requests(1000 if ASAN else 10000)
    assert template(server) == first and status(server)["template forks"] >= 1500
    assert (memory_kb(first), memory_kb(first, "VmSize")) == memory
    assert ASAN or memory_kb(pool) < own + 1024
    as_before(server, before)
