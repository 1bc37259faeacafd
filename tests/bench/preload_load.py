"""The parts of tests/bench/preload that are about starting workers in time: bursts, chance."""

import collections
import json
import os
import random
import select
import shutil
import statistics
import time

import fcgi
import servers
import sharing
import statuspage

# A burst -----------------------------------------------------------------------------

BURST = 50
BURST_MS = 1000  # of each request
LOADS_MS = 500  # of the program


def one_burst(place, preload, works):
    with place() as env:
        shutil.copy(servers.WORKERS + "/loads.pl", env.shared)
        server = servers.Anyfpm(
            env, f"/usr/bin/perl {env.shared}/loads.pl {LOADS_MS} {works}",
            {"pm": "ondemand", "pm.max_children": BURST, "pm.preload": preload,
             "request_queue_timeout": "10m", "pm.start_timeout": "10m"})
        if preload == "yes":
            server.wait_log(r"template \d+ is ready", timeout=60)
        took = sharing.burst(server.address, BURST, 600, query=f"ms={BURST_MS}")
    return {"loads": works or "waits", "preload": preload, "first_s": min(took),
            "median_s": statistics.median(took), "last_s": max(took)}


def bursts(args, place):
    rows = [one_burst(place, preload, works) for works in ("", "work") for preload in ("no", "yes")]
    if args.json:
        print(json.dumps({"load_average": os.getloadavg(), "bursts": rows}, indent=1))
        return
    print(f"{BURST} requests of {BURST_MS} ms at once, no worker at first, pm.max_children = "
          f"{BURST}; the program takes {LOADS_MS} ms to load; load average "
          f"{os.getloadavg()[0]:.1f}\n")
    print(f"{'loading':10}{'pm.preload':12}{'first answer':>14}{'median':>9}{'last':>9}")
    for row in rows:
        print(f"{row['loads']:10}{row['preload']:12}{row['first_s']:12.2f} s"
              f"{row['median_s']:7.2f} s{row['last_s']:7.2f} s")


# Spare workers ------------------------------------------------------------------------

REQUEST_MS = 10
PER_SECOND = 250  # on average so many requests: 2.5 workers are busy
GROUP, GROUP_EVERY = 8, 2.5  # and so many at once every so many seconds
PLACES = 24  # pm.max_children
LOADING_MS = 100  # of CPU time, that the program takes
TOO_MANY = 500  # requests that wait: no more are sent, and are told as left out
IDLE = "1s"  # so that there is something to start


def pools():
    """(name, directives)"""
    for preload in ("no", "yes"):
        suffix = "preload" if preload == "yes" else "executed"
        yield f"ondemand, {suffix}", {"pm": "ondemand", "pm.preload": preload}
        for spare in (1, 2):
            yield f"dynamic, {spare} spare, {suffix}", {
                "pm": "dynamic", "pm.min_spare_servers": spare, "pm.start_servers": spare,
                "pm.max_spare_servers": spare + 1, "pm.preload": preload}
    yield "static", {"pm": "static"}


class Sample:
    """How many workers there are, and were started: looked at while requests come."""

    def __init__(self, address):
        self.client = fcgi.Client(address, 30)
        self.first = self.numbers()
        self.processes = []

    def numbers(self):
        return statuspage.numbers(self.client)

    def take(self):
        self.processes.append(self.numbers()["total processes"])

    def end(self):
        last = self.numbers()
        self.client.close()
        started = last["workers started"] - self.first["workers started"]
        return statistics.mean(self.processes), started


def arrivals(seconds, seed):
    """When requests come, the same for all pools."""
    chance, now, out = random.Random(seed), 0, []
    while now < seconds:
        out.append(now)
        now += chance.expovariate(PER_SECOND)
    for n in range(1, int(seconds / GROUP_EVERY)):
        out += [n * GROUP_EVERY] * GROUP
    return sorted(out)


class Asking:
    """Requests at their times, whether or not those before have been answered."""

    def __init__(self, address):
        self.address = address
        self.idle, self.busy = [], {}
        self.poll = select.poll()
        self.took = []
        self.left_out = 0

    def send(self):
        if len(self.busy) > TOO_MANY:
            self.left_out += 1
            return
        client = self.idle.pop() if self.idle else fcgi.Client(self.address, 30)
        began = time.monotonic()
        client.start(query=f"ms={REQUEST_MS}")
        self.busy[client.sock.fileno()] = client, began
        self.poll.register(client.sock, select.POLLIN)

    def receive(self, seconds):
        for fd, _ in self.poll.poll(max(0, 1000 * seconds)):
            client, began = self.busy.pop(fd)
            self.poll.unregister(fd)
            answer = client.answer()
            assert answer.status == 200, bytes(answer.stdout[:300])
            self.took.append(1000 * (time.monotonic() - began))
            self.idle.append(client)

    def run(self, times, sample):
        began, next_sample = time.monotonic(), 0
        for due in times:
            while (left := began + due - time.monotonic()) > 0:
                self.receive(left)
            self.send()
            if due >= next_sample:
                sample.take()
                next_sample = due + 0.1
        while self.busy:
            self.receive(30)
        for client in self.idle:
            client.close()


def waits_ms(path):
    with open(path, encoding="ascii") as f:
        return [int(line) / 1000 for line in f if line.rstrip().isdigit()]  # not of the status page


def quantiles(values):
    values = sorted(values)
    return [values[min(len(values) - 1, int(q * len(values)))] for q in (0.5, 0.99, 0.999)]


def one_pool(place, directives, binary, seconds, seed):
    with place() as env:
        shutil.copy(servers.WORKERS + "/loads.pl", env.shared)
        log = env.dir + "/access.log"
        options = {"pm.max_children": PLACES, "pm.process_idle_timeout": IDLE,
                   "pm.status_path": "/status", "access.log": log,
                   "access.format": '"%{microseconds}w"', **directives}
        server = servers.Anyfpm(env, f"/usr/bin/perl {env.shared}/loads.pl {LOADING_MS} work",
                                options, binary=binary, global_options={"log_level": "notice"})
        Asking(server.address).run([n / 50 for n in range(50)], Sample(server.address))  # warm
        sample, asking = Sample(server.address), Asking(server.address)
        before = len(waits_ms(log))
        asking.run(arrivals(seconds, seed), sample)
        servers.wait_for(lambda: len(waits_ms(log)) >= before + len(asking.took), 10, "the log")
        processes, started = sample.end()
        waits = waits_ms(log)[before:]
    return {"waits": waits, "took": asking.took, "processes": processes, "started": started,
            "left_out": asking.left_out, "seconds": seconds}


def spares(args, place):
    """Rounds of a few seconds, each pool and build in turn, so that what else the machine does hits
    all alike."""
    builds = {"this": servers.ANYFPM, **{path: os.path.abspath(path) + "/anyfpm"
                                         for path in args.against}}
    kept = collections.defaultdict(list)
    rounds = 3
    for seed in range(rounds):
        for name, directives in pools():
            if args.pool not in name:
                continue
            for build, binary in builds.items():
                kept[name, build].append(one_pool(place, directives, binary,
                                                  max(5, args.seconds), seed))
    rows = []
    for (name, build), parts in kept.items():
        seconds = sum(part["seconds"] for part in parts)
        waits = quantiles([w for part in parts for w in part["waits"]])
        took = quantiles([t for part in parts for t in part["took"]])
        rows.append({"pool": name, "build": build, "wait_ms": waits,
                     "answer_ms": took, "workers": statistics.mean(p["processes"] for p in parts),
                     "starts_per_s": sum(part["started"] for part in parts) / seconds,
                     "left_out": sum(part["left_out"] for part in parts)})
    if args.json:
        print(json.dumps({"load_average": os.getloadavg(), "spares": rows}, indent=1))
        return
    print(f"{PER_SECOND} requests of {REQUEST_MS} ms a second by chance and {GROUP} at once every "
          f"{GROUP_EVERY} s; the program takes {LOADING_MS} ms to load; pm.max_children = "
          f"{PLACES}, pm.process_idle_timeout = {IDLE}; {rounds} x {max(5, args.seconds)} s, load "
          f"average {os.getloadavg()[0]:.1f}\n")
    print(f"{'':28}{'wait in the queue, ms':>24}{'to the answer, ms':>24}{'workers':>9}"
          f"{'starts/s':>9}{'left out':>9}")
    print(f"{'':28}" + f"{'p50':>8}{'p99':>8}{'p99.9':>8}" * 2)
    for row in rows:
        where = "" if row["build"] == "this" else "  " + row["build"]
        print(f"{row['pool']:28}" + "".join(f"{n:8.1f}" for n in row["wait_ms"] + row["answer_ms"])
              + f"{row['workers']:9.1f}{row['starts_per_s']:9.1f}{row['left_out']:9}{where}")
