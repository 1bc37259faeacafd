"""The slow log: many at once, and whatever ends while a worker is looked at."""

import os
import signal
import subprocess
import threading
import time

import pytest
from fcgi import Client
from servers import ANYFPM, PYTHON, SLOW, alive, stat, wait_for
from slowlog import (ask, ask_until_whole, build, catch_helper, program, slow,  # noqa: F401
                     stacks, tracers)


# Many, and their ends ---------------------------------------------------------

@stacks
def test_storm(slow):
    """Many slow requests at once: an entry for each, and never more than one helper."""
    count = 24
    server = slow({"pm.max_children": count})
    server.wait_workers(count)
    most, stop = [0], threading.Event()

    def watch():
        while not stop.is_set():
            most[0] = max(most[0], len(tracers(server)))
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with Client(server.address, timeout=30) as c:
            for n in range(1, count + 1):
                c.start(n, uri=f"/{n}", query="ms=2500")
            for n in range(1, count + 1):
                assert c.answer(n).status == 200
    finally:
        stop.set()
        watcher.join()
    entries = server.wait_entries(count)
    assert sorted(e.fields["script_filename"] for e in entries) == \
        sorted(f"/srv/{n}" for n in range(1, count + 1))
    assert most[0] <= 1
    print("with a stack:", sum(bool(e.threads) for e in entries))
    assert any("innermost" in f for e in entries for f in e.functions)


@stacks
@pytest.mark.limit(60)
def test_terminated_while_looked_at(slow):
    """Termination at every moment of the look: an entry for each request, nothing hangs."""
    rounds = 20
    server = slow({"request_terminate_timeout": "220ms", "pm.max_children": 2}, threads=20)
    for n in range(rounds):
        assert ask(server, "ms=5000").status == 504
    entries = server.wait_entries(rounds)
    for entry in entries:
        assert entry.threads or entry.fields["stack"].startswith("none: ")
    server.wait_log("the request is answered 504", rounds)
    assert server.log().count("the request is answered 504") == rounds
    server.wait_workers(2)
    # Any request that takes longer than 220 ms is terminated, were it for a stall of the machine.
    wait_for(lambda: ask(server, "ms=0").status == 200, 10, "the pool to serve")


@stacks
@pytest.mark.limit(60)
def test_terminated_as_it_becomes_slow(slow):
    server = slow({"request_terminate_timeout": "200ms"})
    assert ask(server, "ms=5000").status == 504
    entry, = server.wait_entries(1)
    assert entry.duration >= 0.2


@stacks
@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP])
@pytest.mark.limit(60)
def test_signal_while_looked_at(slow, sig):
    """The worker is killed, crashes or is stopped at any moment of the look."""
    # Only one that is stopped is ended by it.
    limit = "2s" if sig == signal.SIGSTOP else "20s"
    server = slow({"request_terminate_timeout": limit}, threads=20)
    for n in range(6):
        pid = server.wait_workers(1)[0]
        with Client(server.address) as c:
            c.start(uri="/page", query="ms=5000")
            wait_for(lambda: tracers(server) or len(server.entries()) > n, 5, "a helper",
                     interval=0.0005)
            time.sleep(n * 0.002)
            os.kill(pid, sig)
            status = c.answer().status
        assert status in ((504,) if sig == signal.SIGSTOP else (502,)), status
        server.wait_entries(n + 1)
        wait_for(lambda pid=pid: not alive(pid), 5, "the worker's end")
    assert len(server.entries()) == 6
    server.wait_workers(1)
    assert ask(server, "ms=0").status == 200


@stacks
@pytest.mark.limit(60)
def test_helper_killed(slow):
    """The helper dies at any moment: the entry says so, and the worker never notices."""
    server = slow(threads=20)
    pid = server.wait_workers(1)[0]
    for n in range(8):
        with Client(server.address) as c:
            c.start(uri="/page", query="ms=1500")
            wait_for(lambda: tracers(server) or len(server.entries()) > n, 5, "a helper",
                     interval=0.0005)
            time.sleep(n * 0.0005)
            for helper in tracers(server):
                try:
                    os.kill(helper, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            answer = c.answer()
        assert answer.status == 200 and int(answer.body.split()[0]) == pid
        entry = server.wait_entries(n + 1)[n]
        assert entry.threads or "signal 9 (SIGKILL)" in entry.fields["stack"]


@stacks
@pytest.mark.limit(90)
def test_helper_hangs(slow):
    """Its time is bounded; others get an entry meanwhile, and are looked at after it."""
    server = slow({"pm.max_children": 2}, timeout="100ms")
    workers = server.wait_workers(2)
    with Client(server.address, timeout=30) as c:
        for missed in range(6):
            c.start(1, uri="/first", query="ms=8000")
            if helper := catch_helper(server, workers, missed):
                break
            assert c.answer(1).status == 200
        c.start(2, uri="/second", query="ms=1500")
        assert c.answer(2).status == 200
        second = server.wait_entries(missed + 1)[missed]
        assert second.fields["stack"] == \
            "none: the request ended while other slow ones came first"
        assert c.answer(1).status == 200
    first = server.wait_entries(missed + 2)[missed + 1]
    assert "the helper was killed after 5 seconds" in first.fields["stack"]
    assert not alive(helper)
    ask_until_whole(server)


# The helper alone -------------------------------------------------------------

class Victim:
    """A process that writes the time of each of its ticks, and the helper that looks at it."""

    def __init__(self, env, hold):
        library = build("hold.c", env.dir + "/hold.so", "-shared", "-fPIC", "-ldl")
        self.process = subprocess.Popen(
            [PYTHON, "-S", "-c", "import time\nwhile True: print(time.monotonic(), flush=True);"
             "time.sleep(0.001)"], stdout=open(env.dir + "/ticks", "wb"))
        self.ticks_path = env.dir + "/ticks"
        wait_for(self.ticks, 5, "a tick")
        more = {"LD_PRELOAD": library, "HOLD": hold,
                "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
        self.helper = subprocess.Popen(["anyfpm: trace", str(self.process.pid), "20"],
                                       executable=ANYFPM, env=dict(env.environment(), **more),
                                       stdout=subprocess.PIPE)

    def ticks(self):
        with open(self.ticks_path, encoding="ascii") as f:
            return [float(line) for line in f.read().split("\n")[:-1]]

    def state(self):
        return stat(self.process.pid)[0]

    def end(self):
        for process in (self.helper, self.process):
            process.kill()
            process.wait()
        self.helper.stdout.close()


@stacks
def test_worker_outlives_helper(env):
    """Killed while the worker is stopped, the helper leaves a worker that runs on."""
    victim = Victim(env, "detach")
    try:
        wait_for(lambda: victim.state() == "t", 10, "the victim to be stopped")
        before = len(victim.ticks())
        victim.helper.kill()
        wait_for(lambda: victim.state() in "RS", 5, "the victim to run on")
        wait_for(lambda: len(victim.ticks()) > before + 10, 5, "ticks")
    finally:
        victim.end()


@stacks
def test_stopped_for_a_bounded_time(env):
    """An unwinder that finds no end does not keep the worker from running on."""
    victim = Victim(env, "unwind")
    try:
        started = time.monotonic()
        victim.helper.wait(20 * SLOW)
        wait_for(lambda: victim.ticks()[-1] > started + 0.2, 5, "ticks")
        ticks = victim.ticks()
        gap = max(b - a for a, b in zip(ticks, ticks[1:]))
        print("largest gap", gap)
        assert 0.025 < gap < 2, "it looked for the end of the stack for four seconds"
        output = victim.helper.stdout.read().decode()
        assert "let go before its stack was complete" in output
    finally:
        victim.end()
