"""Under load through nginx: nothing is lost, and with killed workers everything is explained."""

import os
import random
import re
import signal
import threading

import pytest
from servers import ASAN, wait_for
from web import fetch
from wrk import count

REQUESTS = 20_000 if ASAN else 60_000


@pytest.mark.load
@pytest.mark.limit(300)
def test_every_answer_is_200(env, anyfpm, nginx):
    """Many requests, 64 clients, 4 workers, keep-alive: not one that is not 200."""
    server = anyfpm(env.demo, {"pm.max_children": 4}, global_options={"log_level": "notice"})
    front = nginx(server)
    statuses, errors = count(front, "/", env, REQUESTS)
    assert set(statuses) == {200} and errors == 0, (statuses, errors)
    assert sum(statuses.values()) >= REQUESTS


@pytest.mark.load
@pytest.mark.limit(300)
def test_killed_workers_are_explained(env, anyfpm, nginx):
    """Workers are killed at random: each failure is a 502 with its line in the log."""
    server = anyfpm(env.demo, {"pm.max_children": 4}, global_options={"log_level": "notice"})
    front = nginx(server)
    stop = threading.Event()
    killed = set()

    def killer():
        rng = random.Random(1)
        while not stop.wait(0.5 if ASAN else 0.1):  # or it kills what still starts
            workers = server.workers()
            if workers:
                pid = rng.choice(workers)
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
                except ProcessLookupError:
                    pass
    thread = threading.Thread(target=killer)
    thread.start()
    try:
        statuses, errors = count(front, "/", env, REQUESTS // 2)
    finally:
        stop.set()
        thread.join()
    failed = statuses.get(502, 0)
    assert len(killed) > 5
    assert set(statuses) <= {200, 502} and errors == 0, (statuses, errors)
    assert failed <= len(killed), "a kill costs one request at most"
    wait_for(lambda: len(re.findall(r"\[pool www\].*\b502\b", server.log())) >= failed, 5,
             f"an explanation for each of {failed} failures")
    line = re.compile(r"child (\d+) exited on signal 9 \(SIGKILL\) after")
    wait_for(lambda: set(map(int, line.findall(server.log()))) == killed, 5,
             "an obituary for each worker that was killed")
    wait_for(lambda: len(server.workers()) == 4, 10, "all workers to be back")
    assert fetch(front, "/").status == 200
