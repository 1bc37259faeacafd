"""One truth: what the clients saw, access log, status page and metrics agree exactly."""

import collections
import json
import os
import random
import signal
import threading
import time
import urllib.request

import pytest
from accesslog import lines
from fcgi import Client, Closed
from prometheus_client.parser import text_string_to_metric_families
from servers import ASAN, free_port
import statuspage

TOTAL = 1500 if ASAN else 10000
CLIENTS = 12
# What is asked for in so many of a thousand requests; the others are good.
FAULTS = {"crash": 2, "sleep": 2, "garbage": 2, "fail": 5, "cut-body": 1, "exit&code=1": 1}
OPTIONS = {
    "pm": "static", "pm.max_children": 5, "pm.max_surge": 2,
    "pm.max_requests": 300, "request_queue_limit": 5, "request_terminate_timeout": "300ms",
    "access.log.format": "json", "pm.status_path": "/status",
}


class Caller(threading.Thread):
    """Sends requests one after the other, each with a number, and notes the answers' statuses."""

    def __init__(self, address, numbers, kinds=None):
        super().__init__()
        self.address, self.numbers, self.seen = address, numbers, {}
        self.kinds = kinds  # one for each number, or chance

    def run(self):
        rng = random.Random(self.numbers[0])
        kinds = [do for do, n in FAULTS.items() for _ in range(n)]
        kinds += ["hello"] * (1000 - len(kinds))
        client = Client(self.address, timeout=60)
        for i, number in enumerate(self.numbers):
            do = self.kinds[i] if self.kinds else rng.choice(kinds)
            try:
                answer = client.request(uri=f"/n{number}", query="do=" + do)
                self.seen[number] = answer.status
                if answer.status == 503:
                    time.sleep(0.05)  # a refusal is quick: leave some of the load to workers
            except (Closed, ConnectionError):  # a cut answer
                self.seen[number] = None
                client.close()
                client = Client(self.address, timeout=60)
        client.close()


def scrape(port):
    """{(name, other label or ""): value} of pool www."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        families = text_string_to_metric_families(reply.read().decode())
        return {(s.name, "".join(v for k, v in sorted(s.labels.items()) if k != "pool")): s.value
                for f in families for s in f.samples}


@pytest.mark.load
@pytest.mark.limit(240)
def test_everybody_counts_the_same(env, odd):
    """10,000 requests with crashes, kills, time-outs, refusals, invalid and cut answers."""
    port, log = free_port(), f"{env.dir}/access.log"
    server = odd("hello", dict(OPTIONS, **{"access.log": log}),
                 global_options={"metrics_listen": f"127.0.0.1:{port}"})
    storm = TOTAL - len(FAULTS)
    callers = [Caller(server.address, range(i, storm, CLIENTS)) for i in range(CLIENTS)]
    rng, kills = random.Random(1), 0
    for caller in callers:
        caller.start()
    while any(c.is_alive() for c in callers):
        time.sleep(0.2)
        if workers := server.workers():
            try:
                os.kill(rng.choice(workers), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass
    # In the storm each of the few that take too long may be killed or refused before.
    server.wait_workers(OPTIONS["pm.max_children"])
    calm = Caller(server.address, range(storm, TOTAL), list(FAULTS))
    calm.start()
    calm.join()
    callers.append(calm)
    seen = {n: status for c in callers for n, status in c.seen.items()}
    assert len(seen) == TOTAL

    logged = [json.loads(line) for line in lines(log, TOTAL)]
    ends = collections.Counter(line["end"] for line in logged)
    ran = sum(line["duration"] is not None for line in logged)
    waited = sum(line["wait"] is not None for line in logged)
    print("measured:", json.dumps({"ends": ends, "kills": kills, "ran": ran}))

    # The log: one line for each request, with the status that its client saw.
    assert sorted(int(line["uri"][2:]) for line in logged) == list(range(TOTAL))
    for line in logged:
        status = seen[int(line["uri"][2:])]
        assert status == line["status"] if status is not None else line["end"] != "ok", line
    for end in ("ok", "crash", "invalid", "timeout", "queue_full"):
        assert ends[end] > 0, f"the test had no {end}"

    # The status page.
    with Client(server.address) as c:
        status = statuspage.numbers(c)
    assert status["accepted conn"] == TOTAL
    by_end = {key[9:].replace(" ", "_"): n for key, n in status.items()
              if key.startswith("requests ") and isinstance(n, int)}
    assert {end: n for end, n in by_end.items() if n} == dict(ends)
    for group in range(1, 6):
        expected = sum((line["status"] or 0) // 100 == group for line in logged)
        assert status[f"responses {group}xx"] == expected
    assert status["bytes out"] == sum(line["bytes_out"] for line in logged)
    assert status["idle processes"] + status["active processes"] == status["total processes"]

    # The metrics, with their histograms.
    metrics = scrape(port)
    assert metrics["anyfpm_requests_accepted_total", ""] == TOTAL
    assert {end: metrics["anyfpm_requests_total", end] for end in ends} == dict(ends)
    assert metrics["anyfpm_request_duration_seconds_count", ""] == ran
    assert metrics["anyfpm_request_duration_seconds_bucket", "+Inf"] == ran
    assert metrics["anyfpm_queue_wait_seconds_count", ""] == waited
    total = sum(line["duration"] for line in logged if line["duration"] is not None)
    assert abs(metrics["anyfpm_request_duration_seconds_sum", ""] - total) < 0.001 * len(logged)
