"""A changed configuration, or a changed program, comes into effect while everybody is served."""

import contextlib
import json
import os
import pwd
import signal
import socket
import stat
import threading
import time

import pytest
from accesslog import taken_in
from fcgi import Client
from servers import ROOT, SLOW, alive, children, descendants, free_port, wait_for
from statuspage import status

STATUS = {"pm.status_path": "/status"}


def pid_of(client, query="do=echo"):
    return json.loads(client.request(query=query).body)["pid"]


def ask(server, **more):
    with Client(server.address, 30) as c:
        return c.request(**more)


def test_what_is_unchanged_is_left_alone(odd):
    """SIGHUP replaces what has changed; SIGUSR2, as of a deploy, everything."""
    server = odd("hello")
    before = server.pool()
    server.reload()
    assert server.pool() == before
    server.reload(signal.SIGUSR2)
    wait_for(lambda: server.pools() and before not in server.pools(), 5 * SLOW, "the old one to end")
    assert ask(server).status == 200
    assert not alive(before)


def test_settings(odd):
    """The new ones are in effect, the master is the same, and no number begins anew."""
    server = odd("echo", dict(STATUS, **{"pm.max_children": 2}))
    master = server.pid
    for _ in range(3):
        assert ask(server).status == 200
    old = server.pool()
    server.change({"pm.max_children": 3, "env[COLOR]": "blue"})
    server.reload()
    wait_for(lambda: not alive(old), 5 * SLOW, "the old one to end")
    server.wait_workers(3)
    page = status(server.address)
    assert page["total processes"] == 3
    assert page["accepted conn"] >= 3
    assert server.pid == master and len(server.pools()) == 1
    assert json.loads(ask(server, query="do=self").body)["environ"]["COLOR"] == "blue"


def test_program(odd, env):
    """A file that the command names is another: a new generation runs it."""
    script = env.dir + "/pub/app.py"
    with open(env.shared + "/odd.py", encoding="utf-8") as f:
        text = f.read()
    with open(script, "w", encoding="utf-8") as f:
        f.write(text)
    server = odd()
    server.change({"command": f"/usr/bin/python3 -S -E {script} echo", "env[PYTHONPATH]": None,
                   "chdir": env.shared})
    server.change({"command": f"/usr/bin/env PYTHONPATH={env.shared} /usr/bin/python3 -S {script}"})
    server.reload()
    wait_for(lambda: len(server.pools()) == 1, 5 * SLOW, "the one before to end")
    first = server.pool()
    server.reload()
    assert server.pool() == first
    with open(script, "a", encoding="utf-8") as f:
        f.write("# new\n")
    server.reload()
    wait_for(lambda: not alive(first), 5 * SLOW, "the old one to end")
    assert ask(server).status == 200


def test_pools_come_and_go(odd, env):
    """A new pool starts, one that is gone finishes what it has, another is not touched."""
    server = odd()
    untouched = server.pool()
    pools = dict(server.configured)
    pools["more"] = {"command": env.worker("echo"), "listen": env.dir + "/more.sock"}
    server.rewrite(pools)
    server.reload()
    del pools["more"]
    with Client(env.dir + "/more.sock", 30) as c:
        c.start(query="do=slow&ms=1500")
        server.rewrite(pools)
        server.reload()
        assert c.answer().status == 200
    wait_for(lambda: not server.pools("more"), 10 * SLOW, "the pool to go")
    wait_for(lambda: not os.path.exists(env.dir + "/more.sock"), 5 * SLOW, "its socket to go")
    assert server.pools() == [untouched]


def test_renamed_pool_keeps_its_socket(odd):
    """Nobody who connects while a pool gets another name is refused."""
    server = odd()
    file = os.stat(server.address).st_ino
    with Knocking(server.address) as knocking:
        server.rewrite({"other": server.configured["www"]})
        server.reload()
        wait_for(lambda: not server.pools("www"), 10 * SLOW, "the old pool to go")
    assert knocking.failed == [] and knocking.answered > 0
    assert os.stat(server.address).st_ino == file
    assert server.pools("other")


class Knocking:
    """Connects and asks again and again."""

    def __init__(self, address):
        self.address, self.failed, self.answered = address, [], 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while True:
            try:
                with Client(self.address, 30) as c:
                    answer = c.request()
                if answer.status != 200:
                    self.failed.append(answer.status)
            except OSError as e:
                self.failed.append(repr(e))
            self.answered += 1
            if self.stop.is_set():
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(40)


def test_another_address(odd, env):
    """The new one is listened on, the old one no more; what was sent there is answered."""
    server = odd()
    old = server.address
    with Client(old, 30) as c:
        c.start(query="do=slow&ms=1000")
        time.sleep(0.2)
        server.change({"listen": env.dir + "/new.sock"})
        server.reload()
        with Client(env.dir + "/new.sock", 30) as other:
            assert other.request().status == 200
        assert c.answer().status == 200
    wait_for(lambda: not os.path.exists(old), 5, "the old socket to go")


def test_address_in_use(odd, env):
    """What cannot be had is said, and nothing has changed."""
    with socket.socket(socket.AF_INET) as s:
        s.bind(("127.0.0.1", free_port()))
        s.listen(1)
        server = odd()
        before = server.pool()
        pools = dict(server.configured)
        pools["www"] = dict(pools["www"], **{"pm.max_children": 4})
        pools["more"] = {"command": env.worker(), "listen": f"127.0.0.1:{s.getsockname()[1]}"}
        server.rewrite(pools)
        server.reload(fails=True)
    server.wait_log("address already in use")
    assert server.pool() == before and len(server.workers()) == 2
    assert ask(server).status == 200
    server.reload()
    server.wait_workers(6)


def test_rights_of_the_socket(odd):
    """They change on the file that is there, so that nobody is refused."""
    server = odd()
    before = os.stat(server.address)
    server.change({"listen.mode": "0600", "listen.backlog": 7})
    server.reload()
    after = os.stat(server.address)
    assert stat.S_IMODE(after.st_mode) == 0o600 and after.st_ino == before.st_ino


@pytest.mark.skipif(not ROOT, reason="only root can change users")
def test_user(odd):
    server = odd("self")
    server.change({"user": "nobody", "group": "nogroup"})
    server.reload()
    assert json.loads(ask(server, query="do=self").body)["uid"] == pwd.getpwnam("nobody").pw_uid


def test_global_settings(odd, env):
    """Log level and error log are others at once; what takes a restart is said."""
    server = odd("hello")
    server.wait_workers(2)
    other = env.dir + "/other.log"
    server.rewrite(global_options={"log_level": "notice", "error_log": other, "daemonize": "yes"})
    server.signal(signal.SIGHUP)
    wait_for(lambda: os.path.exists(other) and "reload done" in open(other, encoding="ascii").read(),
             10 * SLOW)
    server.wait_log("'daemonize' has changed, which takes effect when anyfpm is stopped")
    server.signal(signal.SIGUSR1)
    wait_for(lambda: "re-opened" in open(other, encoding="ascii").read(), 5 * SLOW)
    assert "DEBUG" not in open(other, encoding="ascii").read()


def test_a_slow_request_delays_nobody(odd, env):
    """It is finished by the generation that has it; new ones are the new one's at once."""
    server = odd("echo", {"pm.max_children": 2})
    with Client(server.address, 60) as c:
        c.start(query=f"do=split&until={env.dir}/pub/end")
        taken_in(c)
        with Knocking(server.address) as knocking:
            server.reload(signal.SIGUSR2)
            time.sleep(1)
        assert knocking.failed == []
        with open(env.dir + "/pub/end", "wb"):
            pass
        assert c.answer().status == 200


def test_connection_is_handed_on(odd):
    """A client that keeps its connection is served by the new generation on the same one."""
    server = odd()
    old = server.pool()
    with Client(server.address, 30) as c:
        first = pid_of(c)
        server.reload(signal.SIGUSR2)
        wait_for(lambda: not alive(old), 10 * SLOW, "the old one to end")
        assert pid_of(c) != first
        server.reload(signal.SIGUSR2)
        assert c.request().status == 200


@pytest.mark.parametrize("number,surge", [(1, 0), (1, 1), (3, 1), (3, 0), (3, 3)])
def test_number_of_workers(odd, number, surge):
    """pm.max_children and pm.max_surge hold over both generations, idle or at work."""
    server = odd("echo", {"pm.max_children": number, "pm.max_surge": surge})
    most, stop = [0], threading.Event()

    def count():
        before = set()
        while not stop.is_set():
            now = {w for pool in server.pools() for w in children(pool)}
            most[0] = max(most[0], len(now & before))  # these were there at the same time
            before = now
    thread = threading.Thread(target=count)
    thread.start()
    try:
        with Knocking(server.address) as knocking:
            for _ in range(3):
                server.reload(signal.SIGUSR2, timeout=30)
    finally:
        stop.set()
        thread.join()
    assert knocking.failed == []
    # Those that were asked to end are about to: with a surge they do not count. With one place in
    # all, what waited at the one before when it was to go is served there by one worker more.
    only = number + surge == 1
    assert number <= most[0] <= number + surge + (number if surge else 0) + only


def test_storm(odd):
    """However often it is asked for: in the end there is one generation, and nobody was lost."""
    server = odd("echo")
    master = server.pid
    with Knocking(server.address) as knocking:
        for _ in range(25):
            os.kill(server.pid, signal.SIGUSR2)
            time.sleep(0.001)
        server.wait_log("reload done")
        for _ in range(100):
            os.kill(server.pid, signal.SIGHUP)
            time.sleep(0.01)
        server.reload(signal.SIGUSR2, timeout=30)
        wait_for(lambda: len(server.pools()) == 1, 20 * SLOW, "one generation")
    assert knocking.failed == []
    assert server.process.poll() is None and server.pid == master


@pytest.mark.load
def test_a_thousand_in_ten_seconds(env, anyfpm):
    """SIGUSR2 after SIGUSR2 under load: one generation in the end, the same master, all served."""
    server = anyfpm(env.demo, {"pm.max_children": 3}, global_options={"log_level": "notice"})
    master = server.pid
    before = server.pool()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Knocking(server.address)) for _ in range(4)]
        for n in range(1000):
            os.kill(master, signal.SIGUSR2)
            time.sleep(max(0, began + (n + 1) / 100 - time.monotonic()))
        server.reload(signal.SIGUSR2, timeout=30)
        wait_for(lambda: len(server.pools()) == 1, 20 * SLOW, "one generation")
    assert [c.failed for c in clients] == [[]] * 4 and all(c.answered for c in clients)
    assert server.process.poll() is None and server.pid == master and not alive(before)
    assert "reload failed" not in server.log()
    server.wait_workers(3, ready=False)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGQUIT])
def test_end_during_a_reload(odd, env, sig):
    """Whatever is under way, nothing is left."""
    server = odd("starts-without", args=(env.dir + "/pub/no",))
    with open(env.dir + "/pub/no", "wb"):
        pass
    server.signal(signal.SIGUSR2)
    wait_for(lambda: len(server.pools()) == 2, 5 * SLOW, "a successor")
    server.signal(sig)
    assert server.wait_exit(5 * SLOW) == 0


def start_many(server, count, ms):
    """Clients whose requests were all taken in."""
    clients = [Client(server.address, 60) for _ in range(count)]
    for c in clients:
        c.start(query=f"do=slow&ms={ms}")
        taken_in(c)
    return clients


@pytest.mark.parametrize("during", ["nothing", "a reload", "what a reload has left"])
def test_quit_answers_all(odd, env, during):
    """4 requests that run and 20 that wait: all 24 are answered, whoever has them."""
    gate = env.dir + "/pub/wait"
    server = odd("starts-without", {"pm.max_children": 4, "pm.max_surge": 4}, args=(gate,))
    server.wait_workers(4)
    clients = start_many(server, 24, 300)
    if during == "a reload":
        with open(gate, "wb"):
            pass
        server.signal(signal.SIGUSR2)
        wait_for(lambda: len(server.pools()) == 2, 5 * SLOW, "a successor")
    elif during != "nothing":
        server.reload(signal.SIGUSR2)
    server.signal(signal.SIGQUIT)
    assert [c.answer().status for c in clients] == [200] * 24
    assert server.wait_exit(10 * SLOW) == 0
    for c in clients:
        c.close()


@pytest.mark.parametrize("gated", [False, True], ids=["drains", "starts"])
def test_term_leaves_nobody(odd, env, gated):
    """Two generations with requests end within a second, beyond what a busy machine adds."""
    gate = env.dir + "/pub/wait"
    server = odd("starts-without", {"pm.max_children": 2}, args=(gate,))
    clients = start_many(server, 2, 60000)
    if gated:
        with open(gate, "wb"):
            pass
        server.signal(signal.SIGUSR2)
        wait_for(lambda: len(server.pools()) == 2, 5 * SLOW, "a successor")
    else:
        server.reload(signal.SIGUSR2)
    below = descendants(server.pid)
    assert len(server.pools()) == 2
    began = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.wait_exit(5 * SLOW) == 0
    wait_for(lambda: not any(map(alive, below)), 3 * SLOW, "all to end")
    took = time.monotonic() - began
    print(f"measured: all have ended after {took:.3f} s")
    assert took < 3 * SLOW
    for c in clients:
        c.close()


def test_asked_for_during_the_start(odd, env):
    """It is done when the start has ended."""
    gate = env.dir + "/pub/wait"
    server = odd("starts-with", args=(gate,), wait=False)
    wait_for(lambda: os.path.exists(server.log_path) and "child" in server.log(), 10 * SLOW)
    server.signal(signal.SIGUSR2)
    with open(gate, "wb"):
        pass
    server.wait_ready()
    server.wait_log("reload done")
    assert ask(server).status == 200
