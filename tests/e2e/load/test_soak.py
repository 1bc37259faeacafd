"""Hours of ordinary life in a few minutes: mixed requests and faults, nothing may grow.

All limits are active, workers are killed and stopped at random, clients leave; one of three pools
gives its workers several requests at once. At the end every
answer has its access line, each that is not a 200 its line in the error log, and processes,
descriptors and memory are what they were. Runs only with ANYFPM_SOAK=SECONDS (tests/run soak
SECONDS).
"""

import collections
import json
import os
import random
import re
import signal
import statistics
import threading
import time

import pytest
from concurrency import Several
from fcgi import Client
from servers import children, memory_kb, stat, wait_for
from web import fetch

SECONDS = int(os.environ.get("ANYFPM_SOAK", "0"))
CLIENTS = 8
PROCESSES = 13  # process.max

LIMITS = {
    "pm.max_children": 6, "pm.process_idle_timeout": "1s", "pm.warmup": "/warm-up",
    "pm.max_requests": 150, "pm.max_requests_jitter": 50, "pm.max_lifetime": "15s",
    "pm.max_memory": "40M", "request_terminate_timeout": "2s", "request_terminate_cpu": "1s",
    "request_terminate_memory": "100M", "request_client_abort": "terminate", "rlimit_as": "1G",
    "rlimit_files": 256, "pm.start_timeout": "10s", "pm.stop_timeout": "3s",
}
GOOD = ["hello", "echo", "slow&ms=30", "large&bytes=300000", "stderr", "leak&kb=256", "chatty",
        "burn&ms=20", "split&ms=20", "early", "try&mb=2000"]
# What a faulty request may be answered; None: a cut answer.
BAD = {
    "crash": (502,), "segv": (502,), "garbage": (502,), "endless-header": (502,), "close": (502,),
    "exit&code=1": (502,), "sleep": (504,), "burn": (503, 504), "eat&kb=8192": (503,),
    "stop": (504,), "cut-body": (None,), "sleep&head=1": (None,), "exit-after": (200,),
}
# The same of workers/several.py.
SEVERAL_GOOD = ["nothing", "nothing&ms=30", "nothing&bytes=300000", "nothing&burn=20",
                "nothing&ms=30&head=1", "nothing&mb=1"]
SEVERAL_BAD = {
    "abort": (502,), "exit": (502,), "hang": (504,), "nothing&burn=60000": (503, 504),
    "nothing&mb=200&ms=1000": (503, 504), "abort&head=1": (None,), "hang&head=1": (None,),
}
SLOW_ONES = ("sleep", "burn", "stop", "sleep&head=1", "hang", "nothing&burn=60000", "hang&head=1")


def descriptors(pid):
    """Without those of /proc/PID/syscall, each of which is opened when its worker is looked at."""
    count = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += not os.readlink(f"/proc/{pid}/fd/{fd}").endswith("/syscall")
        except FileNotFoundError:
            pass
    return count


class Clients:
    """Threads that send requests, each with an address of its own, and note what came back."""

    def __init__(self, front, address, seed, good, bad):
        self.front, self.address, self.good, self.bad = front, address, good, bad
        self.stop, self.lock = threading.Event(), threading.Lock()
        self.results = []  # (uri, allowed, status or None when it was cut, whether the client left)
        self.answered = []  # (path, status) of every answer
        self.counts = collections.Counter()
        self.number = seed * 1000000  # no two pools share one: the log is searched for it
        self.threads = [threading.Thread(target=self.run, args=(random.Random(seed + i),))
                        for i in range(CLIENTS)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join(60)
        assert not any(t.is_alive() for t in self.threads), "a request hangs"

    def choose(self, rng):
        with self.lock:
            self.number += 1
            number = self.number
        if rng.random() < 0.05:
            do = rng.choice(list(self.bad))
            if do in SLOW_ONES and rng.random() < 0.7:
                do = next(iter(self.bad))
        else:
            do = rng.choice(self.good)
        return do, f"/n{number}n?do={do}"

    def run(self, rng):
        while not self.stop.is_set():
            do, uri = self.choose(rng)
            if rng.random() < 0.03:
                self.leave(uri)
                continue
            body = b"b" * rng.choice((0, 0, 10, 100000))
            try:
                status = fetch(self.front, uri, "POST" if body else "GET", body or None,
                               timeout=40).status
            except TimeoutError:
                status = "no answer in time"
            except Exception:  # however http.client says that it ended early
                status = None
            with self.lock:
                self.counts[status] += 1
                if isinstance(status, int):
                    self.answered.append((uri.partition("?")[0], status))
                if status != 200:
                    self.results.append((uri, self.bad.get(do, ()), status))

    def leave(self, uri):
        """A client that hangs up in the middle."""
        path, _, query = uri.partition("?")
        with Client(self.address) as c:
            c.start(uri=path, query=query)
            time.sleep(0.02)
        with self.lock:
            self.counts["left"] += 1


def unexplained(results, log):
    """Those that were not answered as they should, and of whom the log says nothing."""
    said = {}
    for line in log.splitlines():
        for number in re.findall(r"/n(\d+)n", line):
            said.setdefault(number, []).append(line)
    no_worker = "failed in a row" in log
    out = []
    for uri, allowed, status in results:
        lines = said.get(re.match(r"/n(\d+)n", uri).group(1), [])
        how = "cut short" if status is None else f"answered {status}"
        # Whatever was asked for: a kill or a limit may have met it, and the log names it.
        if any(how in line for line in lines):
            continue
        if status == 503 and no_worker and not lines:
            continue
        out.append((uri, status, allowed, lines))
    return out


def without_line(path, answered):
    """Answers that the access log does not know."""
    def left():
        with open(path, encoding="ascii") as f:
            said = {tuple(line.split()[:2]) for line in f if line.endswith("\n")}
        return [(uri, status) for uri, status in answered if (uri, str(status)) not in said]
    for _ in range(20):  # the last ones may still be on their way
        if not left():
            break
        time.sleep(0.1)
    return left()


def alive_by_log(log, pool):
    """Workers of a pool that the log has seen start and not end."""
    out = set()
    for pid, what in re.findall(rf"\[pool {pool}\] child (\d+) (started|exited|did not start)",
                                log):
        (out.add if what == "started" else out.discard)(int(pid))
    return out


def quiet(server, pools, options):
    """Wait until each pool has as many workers as it keeps without requests."""
    for name, pool in pools.items():
        most = 0 if options[name]["pm"] == "ondemand" else 2
        wait_for(lambda: len(children(pool)) == most, 60, f"pool {name} to be quiet")
    samples = []
    for _ in range(20):  # now and then a worker is replaced for its age: the least is meant
        time.sleep(0.1)
        samples.append({name: descriptors(pid)
                        for name, pid in {**pools, "master": server.pid}.items()})
    return {name: min(s[name] for s in samples) for name in samples[0]}


def killer(server, rng, kills):
    workers = server.workers()
    if workers and rng.random() < 0.5:
        try:
            os.kill(rng.choice(workers), rng.choice((signal.SIGKILL, signal.SIGKILL,
                                                     signal.SIGSTOP, signal.SIGTERM)))
            kills[0] += 1
        except ProcessLookupError:
            pass


@pytest.mark.skipif(not SECONDS, reason="ANYFPM_SOAK is not set")
@pytest.mark.limit(SECONDS + 400)
def test_nothing_grows(env, anyfpm, nginx):
    """Memory and descriptors stay flat, no zombie stays, every answer is explained."""
    options = {
        "www": dict(LIMITS, **{"pm": "dynamic", "pm.start_servers": 2,
                               "pm.min_spare_servers": 1, "pm.max_spare_servers": 2}),
        "api": dict(LIMITS, pm="ondemand"),
        # Each thread of a worker has an arena for its memory, of 64 MB of addresses.
        "several": dict(LIMITS, **{"pm": "static", "pm.max_children": 2, "pm.max_concurrency": 16,
                                   "rlimit_as": None})}
    commands = {"several": Several("python", 16, env.shared).build()}
    for name, pool in options.items():
        pool.update({"command": commands.get(name, env.worker("echo")),
                     "listen": f"{env.dir}/{name}.sock",
                     "access.log": f"{env.dir}/$pool.access.log",
                     "access.format": "'%r %s %{detail}x %p %d %w %M %C %{Content-Type}o'"})
    server = anyfpm(None, pools=options, global_options={
        "log_level": "notice", "process.max": PROCESSES, "emergency_restart_threshold": 4,
        "emergency_restart_interval": "10s"})
    pools = {name: server.pool(name) for name in options}
    for name in options:
        with Client(f"{env.dir}/{name}.sock") as c:
            assert c.request(query="do=large&bytes=300000").status == 200
    before = quiet(server, pools, options)

    fronts = {name: nginx(f"{env.dir}/{name}.sock") for name in options}
    samples, kills, most, rng = [], [0], 0, random.Random(0)
    clients = {name: Clients(front, f"{env.dir}/{name}.sock", 100 * n,
                             *((SEVERAL_GOOD, SEVERAL_BAD) if name == "several" else (GOOD, BAD)))
               for n, (name, front) in enumerate(fronts.items(), 1)}
    with clients["www"], clients["api"], clients["several"]:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(0.5)
            killer(server, rng, kills)
            # The pools are looked at one after the other, while a permit may go from one to the
            # other: only those seen twice were there at the same time.
            most = max(most, len(set(server.workers()) & set(server.workers())))
            samples.append({n: memory_kb(p) for n, p in {**pools, "master": server.pid}.items()})
    for front in fronts.values():
        front.stop()

    counts = sum((c.counts for c in clients.values()), collections.Counter())
    after = quiet(server, pools, options)
    log = server.log()  # by now the last line is written
    third = max(1, len(samples) // 3)
    memory = {n: (round(statistics.median(s[n] for s in samples[third:2 * third])),
                  round(statistics.median(s[n] for s in samples[-third:]))) for n in samples[0]}
    print("measured:", json.dumps({
        "answers": {str(k): n for k, n in counts.items()}, "kills": kills[0], "most": most,
        "descriptors": [before, after], "memory_kb": memory,
        "workers": len(re.findall(r"\] child \d+ started", log))}))
    assert {name: server.pool(name) for name in options} == pools, "a pool process was replaced"
    assert most <= PROCESSES, f"{most} workers with process.max = {PROCESSES}"
    missing = unexplained([r for c in clients.values() for r in c.results], log)
    assert not missing, (len(missing), missing[:5], counts)
    for name in options:
        silent = without_line(f"{env.dir}/{name}.access.log", clients[name].answered)
        assert not silent, (name, len(silent), silent[:5])
    assert counts[200] > SECONDS * 20, counts
    for name, n in after.items():
        kept = 30 if name == "several" else 0  # more connections to two workers than one to each
        assert n <= before[name] + kept, f"{name}: {before[name]} descriptors before, {n} after"
    for name, (early, late) in memory.items():
        assert late < early * 1.15 + 1500, f"{name}: {early} KB, then {late} KB"

    def zombies():
        return [p for p in os.listdir("/proc") if p.isdigit() and (s := stat(p))
                and s[0] == "Z" and s[1] in (*pools.values(), server.pid)]
    wait_for(lambda: not zombies(), 5, "the dead to be reaped")
    for name, pool in pools.items():
        wait_for(lambda: alive_by_log(server.log(), name) == set(children(pool)), 30,
                 f"the log and /proc to agree on the workers of {name}")
    for name in options:
        with Client(f"{env.dir}/{name}.sock") as c:
            assert c.request().status == 200
