"""pm = auto: the number of workers follows what the program does, the CPUs and the memory."""

import os
import re
import signal
import subprocess
import threading
import time

import pytest
import slowlog
import upgrading
from concurrency import Several
from fcgi import Closed
from load import clients_of
from scraping import Endpoint
from servers import ANYFPM, ASAN, PATIENCE, SLOW, children, is_template, status_of, wait_for
from statuspage import page, status

program = slowlog.program
CPUS = len(os.sched_getaffinity(0))
SHARE = "burn=5&ms=20"  # of a CPU: 0.2
CLIENTS = 64
MB = 1 << 20


@pytest.fixture
def auto(anyfpm, program):
    """anyfpm with a pool of the worker slow.c: auto({"directive": value})."""
    def start(options=None, **more):
        settings = {"pm": "auto", "pm.max_children": None, "pm.status_path": "/status",
                    "pm.process_idle_timeout": "1s"}
        return anyfpm(f"{program} 0", dict(settings, **(options or {})), **more)
    return start


def workers(server):
    return [pid for pid in children(status(server)["pool process"]) if not is_template(pid)]


def memory(pid):
    """Bytes that it has for itself; 0: it has ended."""
    try:
        return int(status_of(pid).get("RssAnon", "0").split()[0]) * 1024
    except OSError:
        return 0


def test_grows_to_what_cpus_bear_and_goes_back(auto):
    """No other directive of pm is needed. 64 clients get as many workers as keep the CPUs busy, and
    one is left when they have gone; the log says what bounds, once it has lasted."""
    server = auto()
    with clients_of(server.address, SHARE, CLIENTS) as clients:
        if CPUS <= 8:
            wait_for(lambda: status(server)["auto workers"] >= 3 * CPUS, 5 * SLOW, "it grows")
        if CPUS <= 4:
            wait_for(lambda: re.search(r"pm = auto: up to \d+ workers, bound by (cpus|throughput)",
                                       server.log()), 15 * SLOW, "the log says so")
        said = status(server)
        if not ASAN:  # with them the relay is slow, and requests seem to wait
            assert said["auto workers"] <= 24 * CPUS
            assert 0.08 < said["auto cpu share"] < 0.4
        assert 0 < said["auto memory"] < said["auto memory budget"]
    assert not clients.failed and clients.served > 100
    wait_for(lambda: len(workers(server)) == 1, 10 * SLOW, "it goes back")
    assert status(server)["max children reached"] == 0
    wait_for(lambda: status(server)["auto memory"] < said["auto memory"] / 2 or CPUS < 2, 10 * SLOW,
             "what one has")


def test_step(auto):
    """To 2 clients come 30 more, whose requests hardly use a CPU: there are workers for them soon,
    and when they have gone, all others go within pm.process_idle_timeout."""
    server = auto({"pm.process_idle_timeout": "2s"})
    with clients_of(server.address, "ms=50", 2) as few:
        wait_for(lambda: few.served > 20, 5 * SLOW, "2 clients are served")
        assert len(workers(server)) <= 8
        with clients_of(server.address, "ms=50", 30) as more:
            wait_for(lambda: status(server)["active processes"] >= 24, 3 * SLOW, "a worker for each")
        assert more.served and not more.failed
        wait_for(lambda: len(workers(server)) <= 4, 4 * SLOW, "those of two are left")
    assert not few.failed
    wait_for(lambda: len(workers(server)) == 1, 4 * SLOW, "the floor")


def test_ceiling_and_floor(auto):
    """pm.max_children holds, and pm.min_spare_servers are there without a request. All that tells
    of the pool names what bounds it."""
    metrics = Endpoint()
    server = auto({"pm.max_children": 4, "pm.min_spare_servers": 3},
                  global_options={"metrics_listen": metrics.address})
    wait_for(lambda: len(workers(server)) == 3, 5, "the floor")
    with clients_of(server.address, "ms=20", 16) as clients:
        wait_for(lambda: (s := status(server))["auto bound"] == "ceiling"
                 and s["active processes"] == 4, 5 * SLOW, "the ceiling")
        assert re.search(r"<h2>Auto</h2><p>up to 4 workers, bound by ceiling</p>"
                         r"(<p>each wants [\d.]+ CPUs</p>)?"
                         r"<p>memory [\d.]+ [KM]B of [\d.]+ [MG]B, [\d.]+ [KM]B for one more</p>",
                         page(server, "html").body.decode())
        assert re.search(r"^auto bound: +ceiling$", page(server, "").body.decode(), re.M)
        samples = metrics.get("/metrics").text
        assert 'anyfpm_auto_workers{pool="www"} 4' in samples
        assert 'anyfpm_auto_bound{pool="www",bound="ceiling"} 1' in samples
        assert 'anyfpm_auto_bound{pool="www",bound="cpus"} 0' in samples
        for name in ("", "_next", "_budget"):
            assert re.search(rf'^anyfpm_auto_memory{name}_bytes{{pool="www"}} [1-9]', samples, re.M)
            assert re.search(rf"^anyfpm_auto_memory{name}_bytes [1-9]",
                             page(server, "openmetrics").body.decode(), re.M)
        assert "anyfpm_auto_workers 4" in page(server, "openmetrics").body.decode()
    assert not clients.failed
    assert status(server)["max active processes"] == 4
    wait_for(lambda: len(workers(server)) == 3, 10 * SLOW, "the floor again")


def test_few_descriptors(auto, env):
    """Where there are too few for 256 workers, there are fewer, and not no clients."""
    server = auto(binary=env.few_files(256))
    server.wait_log(r"pm = auto: up to 9 workers, as there are only 256 descriptors")
    with clients_of(server.address, "ms=20", 24) as clients:
        wait_for(lambda: status(server)["auto bound"] == "ceiling", 10 * SLOW, "the ceiling")
    assert not clients.failed
    assert status(server)["max active processes"] <= 9


def test_budget_of_a_program_that_grows(auto):
    """Workers take 1 MB more with each request: together they never have more than the budget and
    one worker, as the largest go in time, and no request is lost."""
    budget = 64 * MB
    server = auto({"pm.memory_budget": "64M"})
    most = count = largest = 0
    with clients_of(server.address, "ms=50&grow=1024", 16) as clients:
        until = time.monotonic() + 5
        while time.monotonic() < until or "more than their budget" not in server.log():
            assert time.monotonic() < until + 30 * SLOW * PATIENCE, "no worker goes"
            # One after the other: what each had in a moment between two looks is what both saw.
            sizes = {pid: memory(pid) for pid in workers(server)}
            sizes = [min(size, memory(pid)) for pid, size in sizes.items()]
            most, count = max(most, sum(sizes)), max(count, len(sizes))
            largest = max(largest, *sizes, 0)
    assert not clients.failed and clients.served > 50
    assert count > 1
    assert most <= budget + largest, f"{most / MB:.1f} MB in all, {largest / MB:.1f} in one"
    assert status(server)["auto memory budget"] == budget


def test_pools_share_and_a_reload_changes_it(auto, env, program):
    """Of two pools each has half of what one had, while neither needs more; one that is not changed
    is told so, and keeps its process. Where one has gone, the other has all."""
    server = auto()
    www = server.configured["www"]
    before = status(server)
    other = dict(www, listen=f"{env.dir}/other.sock")
    server.rewrite({"www": www, "other": other})
    server.reload()
    half = before["auto memory budget"] // 2
    for address in (server.address, other["listen"]):
        wait_for(lambda a=address: abs(status(a)["auto memory budget"] - half) < 2, 5, "half")
    assert status(server)["pool process"] == before["pool process"]
    with clients_of(server.address, SHARE, 8) as one, clients_of(other["listen"], SHARE, 8) as two:
        wait_for(lambda: one.served > 50 and two.served > 50, 10 * SLOW, "both are served")
    assert not one.failed and not two.failed
    server.rewrite({"www": www})
    server.reload()
    wait_for(lambda: status(server)["auto memory budget"] >= 0.99 * before["auto memory budget"], 5,
             "all")


@pytest.mark.parametrize("kind, each", [("go", 16), ("wsgi", 8)])
def test_several_requests_at_once(anyfpm, env, kind, each):
    """Workers that take several requests: their number follows, too. Those of Go use all CPUs each,
    the threads of Python take turns at one."""
    command = Several(kind, each, env.shared).build()
    server = anyfpm(command, {"pm": "auto", "pm.max_children": None, "pm.max_concurrency": each,
                              "pm.status_path": "/status", "pm.process_idle_timeout": "1s"})
    with clients_of(server.address, SHARE, CLIENTS) as clients:
        if kind == "wsgi" and 2 <= CPUS <= 4 and not ASAN:
            wait_for(lambda: status(server)["active processes"] >= CPUS, 20 * SLOW, "one a CPU")
        wait_for(lambda: clients.served > 600 / SLOW, 60 * SLOW, "requests")
        said = status(server)
        if not ASAN:
            assert said["auto workers"] <= 3 * CPUS
        assert said["auto cpu share"] > 0.3  # of a worker
    assert not clients.failed
    wait_for(lambda: len(workers(server)) == 1, 20 * SLOW, "it goes back")


class Watch(threading.Thread):
    """Looks at the status page all the time."""

    def __init__(self, server):
        super().__init__()
        self.server, self.seen, self.stop = server, [], threading.Event()

    def __enter__(self):
        self.start()
        return self

    def run(self):
        while not self.stop.wait(0.02):
            self.seen.append(status(self.server))

    def __exit__(self, *_):
        self.stop.set()
        self.join()

    def least(self, key):
        return min(seen[key] for seen in self.seen)


def grown(server, number):
    """Settled with so many workers that are busy, and may be as many; what the page says."""
    def there():
        said = status(server)
        return said["active processes"] >= number and said["auto workers"] >= number and said
    return wait_for(there, 20 * SLOW, f"{number} workers")


@pytest.mark.parametrize("preload", ["no", "yes"])
def test_reload_under_load(auto, preload):
    """A pool that is replaced loses nothing, and its successor goes on with as many workers;
    workers may be forked."""
    server = auto({"pm.preload": preload})
    with clients_of(server.address, "ms=50", 16) as clients:
        before = grown(server, 12)
        with Watch(server) as watch:
            server.change({"pm.process_idle_timeout": "9s"})
            server.reload()
            wait_for(lambda: len(watch.seen) > 40 and watch.seen[-1]["pool process"] !=
                     before["pool process"], 10 * SLOW, "the next generation is watched")
            grown(server, 12)
        assert (status(server).get("template state") == "ready") == (preload == "yes")
    assert not clients.failed
    assert watch.least("auto workers") >= 8


def follows(server, pid):
    """What the page of the process after that one says; None: it is not there yet."""
    try:
        said = status(server)
    except (Closed, OSError):
        return None
    return said if said["pool process"] != pid else None


def test_after_a_crash(auto):
    """Likewise the process that follows one that has crashed."""
    server = auto()
    with clients_of(server.address, "ms=50", 16):
        crashed = grown(server, 12)["pool process"]
        os.kill(crashed, signal.SIGKILL)
        said = wait_for(lambda: follows(server, crashed), 10 * SLOW, "another process")
        assert said["auto workers"] >= 8
        wait_for(lambda: status(server)["total processes"] >= 8, 2 * SLOW, "its workers")


def test_upgrade_under_load(auto, env):
    """And where the master is replaced by another program, which replaces all pools."""
    server = upgrading.replaceable(env, auto)
    with clients_of(server.address, "ms=50", 16) as clients:
        before = grown(server, 12)
        with Watch(server) as watch:
            upgrading.replace(server)
            grown(server, 12)
    assert not clients.failed
    assert status(server)["pool process"] != before["pool process"]
    assert watch.least("auto workers") >= 8


def test_without_delays(auto):
    """A kernel that does not tell of delays is named, where it is tested: the number is less good
    then, as is said in anyfpm.conf(5)."""
    server = auto({"pm.max_concurrency": 4, "pm.min_spare_servers": 6, "pm.max_children": 9})
    told = f'mount --bind /dev/null /proc/$$/schedstat && exec {ANYFPM} -t -y {server.config_path}'
    said = subprocess.run(["unshare", "-m", "sh", "-c", told], capture_output=True, check=False,
                          text=True)
    if "unshare" in said.stderr or "mount" in said.stderr:
        pytest.skip("it takes root: " + said.stderr)
    assert said.returncode == 0, said.stderr
    assert "the kernel does not tell how long workers wait for a CPU" in said.stderr
    assert "from 2 to 9 of them, of up to 4 requests at once each" in said.stderr


def test_what_is_assumed_and_refused(auto, env):
    """-t says what this machine is taken for."""
    server = auto({"pm.memory_budget": "1G"})
    said = subprocess.run([ANYFPM, "-t", "-y", server.config_path], capture_output=True, check=True,
                          text=True).stderr
    assert re.search(r"\[pool www\] pm = auto: [\d.]+ CPUs?, [\d.]+G of memory available now, 1.0G "
                     r"of it for workers; from 1 to 256 of them", said), said
    server.change({"pm": "dynamic"})
    said = subprocess.run([ANYFPM, "-t", "-y", server.config_path], capture_output=True,
                          check=False, text=True)
    assert said.returncode == 78 and "pm.memory_budget: requires pm = auto" in said.stderr
