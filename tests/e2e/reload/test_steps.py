"""kill -9 of each process at every step of a reload: somebody serves at once, and nothing is left.

A reload is stopped at a step by what that step waits for; where it waits for nothing, by stopping
the master while the processes below go on, or by letting one of those hang."""

import contextlib
import os
import re
import signal
import time

import pytest
from accesslog import taken_in
from fcgi import Client, Closed
from hanging import GO_ON, hang, hang_library, wait_until_said  # noqa: F401
from servers import SLOW, Anyfpm, alive, children, descendants, marked, stat, wait_for
from stalls import Stalls

SERVES = 3  # seconds within which somebody does: one, and what a busy machine adds to it
KEPT = 120  # idle connections


class Reload:
    """A reload that has begun; `old` and `new` are pool processes, 0: there is none (any more)."""

    def __init__(self, odd, env, hang, options=None):  # pylint: disable=redefined-outer-name
        self.env, self.hang = env, hang
        self.gate, self.end = env.dir + "/pub/wait", env.dir + "/pub/end"
        self.server: Anyfpm = odd("echo", options)
        self.master_is_stopped = False
        self.hung = 0
        self.old, self.new = self.server.pool(), 0
        self.client, self.kept = None, []
        # A successor that waits at the gate, while whoever takes the old one's place does not.
        self.server.change({"command": env.worker("starts-without", self.gate)})

    def begin(self):
        self.server.signal(signal.SIGUSR2)
        self.server.wait_log("Reloading in progress")

    def shut(self):
        with open(self.gate, "wb"):
            pass

    def open(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.gate)

    def find_new(self):
        self.new = wait_for(lambda: next((p for p in self.server.pools() if p != self.old), 0),
                            10 * SLOW, "a successor")
        self.env.note(self.server.pid)

    def wait_worker(self, pool):
        return wait_for(lambda: children(pool), 10 * SLOW, "a worker")[0]

    def stop_master(self):
        os.kill(self.server.pid, signal.SIGSTOP)
        wait_for(lambda: stat(self.server.pid)[0] == "T", 5)
        self.master_is_stopped = True

    def occupy(self):
        """A request for the first generation's only worker."""
        self.client = Client(self.server.address, 30)
        self.client.start(query=f"do=split&until={self.end}")
        taken_in(self.client)

    def keep(self):
        """Idle connections, which are to be handed over."""
        self.kept = [Client(self.server.address, 30) for _ in range(KEPT)]
        for c in self.kept:
            taken_in(c)

    def let_hang(self, pid):
        self.hang(pid)
        self.hung = pid

    def finish(self):
        """Let that request end."""
        with open(self.end, "wb"):
            pass

    def go_on(self):
        self.open()
        with contextlib.suppress(ProcessLookupError):
            if self.hung:
                self.hang(self.hung, GO_ON)
        self.hung = 0
        self.continue_master()

    def continue_master(self):
        if self.master_is_stopped:
            self.master_is_stopped = False
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.server.pid, signal.SIGCONT)

    def is_at_end(self):
        return re.search("reload (done|failed)", self.server.log()) is not None


# Where it is stopped ---------------------------------------------------------------

def waits_for_room(*args):
    """There is no place for the successor's worker until the first one's request has ended."""
    r = Reload(*args, {"pm.max_children": 1, "pm.max_surge": 0})
    r.occupy()
    r.begin()
    return r


def starts(*args):
    """The successor has a worker that is not ready."""
    r = Reload(*args)
    r.shut()
    r.begin()
    r.find_new()
    r.wait_worker(r.new)
    return r


def is_ready(*args):
    """It has said that it is ready, and is not told yet to take over."""
    r = starts(*args)
    r.stop_master()
    r.open()
    r.server.wait_log(f"child {r.wait_worker(r.new)} is ready")
    wait_until_said(r.new)
    return r


def is_to_accept(*args):
    """It was told to accept, and has not said that it does."""
    r = is_ready(*args)
    r.let_hang(r.new)
    r.continue_master()
    r.server.wait_log(r"DEBUG: \[pool www\] first worker", 2)
    return r


def is_to_leave(*args):
    """The successor accepts; the first one was told so, and has not said that it accepts no more."""
    r = is_ready(*args)
    r.let_hang(r.old)
    r.continue_master()
    r.server.wait_log(f"pool process {r.new} accepts\n")
    return r


def drains(*args):
    """The successor serves, the first one still has a request."""
    r = Reload(*args, {"pm.max_children": 1, "pm.max_surge": 1})
    r.occupy()
    r.begin()
    r.find_new()
    r.server.wait_log("reload done")
    assert alive(r.old)
    return r


def is_done(*args):
    r = Reload(*args)
    r.begin()
    r.find_new()
    r.server.wait_log("reload done")
    wait_for(lambda: not alive(r.old), 10 * SLOW, "the first one to end")
    r.old = 0
    return r


STEPS = [waits_for_room, starts, is_ready, is_to_accept, is_to_leave, drains, is_done]

# Who is killed -----------------------------------------------------------------------

VICTIMS = {
    "old": lambda r: [r.old],
    "new": lambda r: [r.new],
    "both": lambda r: [r.old, r.new],
    "worker of old": lambda r: children(r.old)[:1],
    "worker of new": lambda r: children(r.new)[:1],
}
LACKS = {("new", waits_for_room), ("both", waits_for_room), ("worker of new", waits_for_room),
         ("old", is_done), ("both", is_done), ("worker of old", is_done)}
CASES = [(step, victim) for step in STEPS for victim in VICTIMS if (victim, step) not in LACKS]


def kill(pids):
    assert pids and all(pids)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def asks(server):
    try:
        with Client(server.address, 30) as c:
            return c.request().status == 200
    except (Closed, OSError):
        return False


def is_served(server):
    """At once, without what the machine itself was away for."""
    with Stalls() as stalls:
        began = time.monotonic()
        wait_for(lambda: asks(server), 30 * SLOW, "somebody to serve")
        took = time.monotonic() - began - stalls.since(began)
    print(f"measured: somebody serves after {took:.3f} s")
    assert took < SERVES * SLOW, f"{took:.2f} s"


def is_whole(r):
    """One generation, all processes below the master, and it can be replaced again."""
    server = r.server
    wait_for(r.is_at_end, 20 * SLOW, "the reload to end")
    wait_for(lambda: len(server.pools()) == 1, 20 * SLOW, "one generation")

    def orphans():
        return set(marked(r.env.mark)) - {server.pid} - set(descendants(server.pid))
    wait_for(lambda: not orphans(), 5 * SLOW, "nobody to be an orphan")
    before = server.pool()
    server.reload(signal.SIGUSR2)
    wait_for(lambda: not alive(before), 10 * SLOW, "the one before to end")
    assert asks(server)


@pytest.mark.parametrize("step,victim", CASES, ids=lambda v: getattr(v, "__name__", v))
def test_generation_is_killed(odd, env, hang, step, victim):  # noqa: F811
    r = step(odd, env, hang)
    kill(VICTIMS[victim](r))
    if r.master_is_stopped:
        r.go_on()
    if step is not waits_for_room or victim != "worker of old":
        is_served(r.server)
    r.go_on()
    r.finish()
    if r.client:
        with contextlib.suppress(Closed):  # an answer, or an end
            r.client.answer()
        r.client.close()
    is_whole(r)


@pytest.mark.parametrize("step", STEPS)
def test_master_is_killed(odd, env, hang, step):  # noqa: F811
    """No generation outlives it, and the next master has the address at once."""
    r = step(odd, env, hang)
    below = {pid: s[2] for pid in descendants(r.server.pid) if (s := stat(pid))}
    began = time.monotonic()
    r.server.kill()
    r.go_on()

    def left():
        return [pid for pid, start in below.items()
                if (s := stat(pid)) and s[2] == start and s[0] not in "ZX"]
    wait_for(lambda: not left(), 3 * SLOW, "all below to end")
    print(f"measured: all below have ended after {time.monotonic() - began:.3f} s")
    if r.client:
        r.client.close()
    r.server.start()
    is_served(r.server)
    assert len(r.server.pools()) == 1
    r.server.reload(signal.SIGUSR2)
    assert asks(r.server)


@pytest.mark.parametrize("victim", ["old", "new"])
@pytest.mark.parametrize("ms", [0, 1, 3, 10, 30])
def test_killed_while_connections_go_over(odd, env, hang, victim, ms):  # noqa: F811
    """Whatever of them has gone over by then, each is served or closed, and none hangs."""
    r = Reload(odd, env, hang)
    r.keep()
    r.shut()
    r.begin()
    r.find_new()
    worker = r.wait_worker(r.new)  # so its process has all that the master says to it
    r.stop_master()
    r.open()
    r.server.wait_log(f"child {worker} is ready")
    r.go_on()
    time.sleep(ms / 1000)
    with contextlib.suppress(ProcessLookupError):
        kill(VICTIMS[victim](r))
    is_served(r.server)
    for c in r.kept:
        with contextlib.suppress(Closed, ConnectionError):
            assert c.request().status == 200
        c.close()
    is_whole(r)


def test_successor_dies_before_it_accepts(odd, env, hang):  # noqa: F811
    """The reload has failed, and whoever is connected notices nothing of it."""
    r = is_to_accept(odd, env, hang)
    r.keep()
    kill([r.new])
    r.server.wait_log("reload failed: its process has ended before it took over; "
                      "it goes on with its old settings and program")
    for c in r.kept:
        assert c.request().status == 200
        c.close()
    assert r.server.pools() == [r.old]
    is_whole(r)


def test_done_means_that_the_old_one_has_left(odd, env, hang):  # noqa: F811
    """What still might accept has not been replaced."""
    r = is_to_leave(odd, env, hang)
    time.sleep(0.5)
    assert not r.is_at_end()
    r.go_on()
    r.server.wait_log("reload done")
    is_whole(r)
