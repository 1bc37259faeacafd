"""Stopping, crashing, and what must never be left behind."""

import os
import signal
import time

import pytest
from accesslog import taken_in
from fcgi import Client, Closed
from servers import SLOW, alive, cmdline, cpu_ticks, descendants, stat, wait_for


def everything(server):
    """Pid and start time of the master and all below it."""
    return starts([server.pid] + descendants(server.pid))


def starts(pids):
    return {p: s[2] for p in pids if (s := stat(p))}


def all_gone(processes, seconds=3):
    """Wait until none of them is left; returns how long that took."""
    started = time.monotonic()

    def left():
        return [p for p, start in processes.items()
                if (s := stat(p)) and s[2] == start and s[0] not in "ZX"]
    try:
        wait_for(lambda: not left(), seconds * SLOW)
        return time.monotonic() - started
    except AssertionError:
        raise AssertionError(f"still there: {[(p, cmdline(p)) for p in left()]}") from None


def serves(server):
    try:
        with Client(server.address, timeout=5) as c:
            return c.request().status == 200
    except (OSError, Closed):
        return False


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT],
                         ids=lambda s: s.name)
def test_idle_server_stops(odd, sig):
    """Exit 0, `exiting, bye-bye!`, socket removed, nobody left."""
    server = odd()
    server.wait_workers(2)
    processes = everything(server)
    server.signal(sig)
    assert server.wait_exit(5 * SLOW) == 0
    all_gone(processes)
    assert "exiting, bye-bye!" in server.log()
    assert ("Finishing ..." if sig == signal.SIGQUIT else "Terminating ...") in server.log()
    assert not os.path.exists(server.address)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_stop_at_once(odd, sig):
    """TERM and INT wait for no request, and its client is not left hanging."""
    server = odd(options={"pm.max_children": 1})
    with Client(server.address) as c:
        c.request()
        c.start(query="do=slow&ms=30000")
        taken_in(c)
        started = time.monotonic()
        server.signal(sig)
        try:
            assert c.answer().status >= 500
        except Closed:
            pass  # an answer too
        assert server.wait_exit(5 * SLOW) == 0
        took = time.monotonic() - started
        print(f"measured: ended after {took:.3f} s")
        assert took < 8 * SLOW, "it waited for the request"


def test_quit_finishes_queued_requests(odd):
    """QUIT: what was accepted is answered, queued requests too; then exit 0."""
    server = odd(options={"pm.max_children": 1})
    clients = [Client(server.address) for _ in range(5)]
    clients[0].request()
    for i, c in enumerate(clients):
        c.start(query="do=slow&ms=300", body=b"x" * 10 if i % 2 else b"")
        taken_in(c)
    server.signal(signal.SIGQUIT)
    assert [c.answer().status for c in clients] == [200] * 5
    assert server.wait_exit(5 * SLOW) == 0
    for c in clients:
        c.close()


def test_quit_closes_idle_connections(odd):
    """Kept idle client connections do not hold up a graceful stop."""
    server = odd()
    clients = [Client(server.address) for _ in range(20)]
    for c in clients:
        c.request()
    started = time.monotonic()
    server.signal(signal.SIGQUIT)
    assert server.wait_exit(10 * SLOW) == 0
    assert time.monotonic() - started < 5 * SLOW
    for c in clients:
        c.close()


def test_quit_does_not_wait_for_a_warm_up(odd):
    """Nobody waits for it any more: the request that the worker was started for is gone."""
    server = odd("warms-up", {"pm": "ondemand", "pm.max_children": 1, "pm.warmup": "/warm-up"},
                 args=("burn",))
    with Client(server.address) as c:
        c.start()
        worker = server.wait_workers(1, ready=False)[0]
        wait_for(lambda: cpu_ticks(worker) > 50 * SLOW, 20, "the warm-up to run")
    server.signal(signal.SIGQUIT)
    assert server.wait_exit(5 * SLOW) == 0


def ends_in_time(server, sig, seconds):
    """Told by that signal, it takes a worker that ignores SIGTERM along."""
    with Client(server.address) as c:
        c.request()
    processes = everything(server)
    started = time.monotonic()
    server.signal(sig)
    assert server.wait_exit(2 * seconds * SLOW) == 0
    assert time.monotonic() - started < seconds * SLOW
    all_gone(processes)


def test_worker_that_ignores_sigterm(odd):
    """SIGKILL follows: 0.5 s after TERM."""
    ends_in_time(odd("ignores-term", {"pm.max_children": 2}), signal.SIGTERM, 3)


def test_worker_that_ignores_sigterm_at_quit(odd):
    """pm.stop_timeout bounds a graceful stop."""
    ends_in_time(odd("ignores-term", {"pm.max_children": 2, "pm.stop_timeout": "1s"}),
                 signal.SIGQUIT, 5)


def test_worker_that_ignores_sigterm_while_it_starts(odd):
    """It has nothing to finish: pm.stop_timeout is not for it."""
    server = odd("never-accepts", {"pm": "ondemand", "pm.max_children": 1, "pm.stop_timeout": "1h",
                                   "catch_workers_output": "yes"}, args=("deaf",))
    with Client(server.address) as c:
        c.start()
        server.wait_log("deaf now")
    processes = everything(server)
    server.signal(signal.SIGQUIT)
    assert server.wait_exit(10 * SLOW) == 0
    all_gone(processes)


def grandchild(server, env, query="do=grandchild"):
    """Start a process that left its worker's group and session; returns its pid."""
    with Client(server.address) as c:
        pid = int(c.request(query=query).body)
    env.note(pid)
    assert alive(pid)
    return pid


@pytest.mark.parametrize("victim", ["worker", "pool", "master", "stop"])
def test_children_that_left_the_group(odd, env, victim):
    """They end with their worker, and with their pool, however it ends."""
    server = odd(options={"pm.max_children": 1})
    pid = grandchild(server, env)
    processes = everything(server)
    processes[pid] = stat(pid)[2]
    if victim == "worker":
        os.kill(server.workers()[0], signal.SIGKILL)
        all_gone({pid: processes[pid]})
        wait_for(lambda: serves(server), 5)
        server.stop()
    elif victim == "pool":
        os.kill(server.pool(), signal.SIGKILL)
        del processes[server.pid]
        all_gone(processes)
        wait_for(lambda: serves(server), 5)
        return
    elif victim == "master":
        server.kill()
    else:
        server.stop()
    all_gone(processes)


@pytest.mark.parametrize("victim", ["pool", "master"])
def test_children_that_nothing_marks(odd, env, victim):
    """Neither their group, their session nor their environment says that they are a pool's."""
    server = odd(options={"pm.max_children": 1})
    pid = grandchild(server, env, "do=grandchild&bare=1")
    processes = {pid: stat(pid)[2]}
    os.kill(server.pool() if victim == "pool" else server.pid, signal.SIGKILL)
    all_gone(processes, 2)
    if victim == "pool":
        wait_for(lambda: serves(server), 5)
    else:
        server.kill()


@pytest.mark.load
def test_kill_master(odd):
    """kill -9 of the master: everything is gone within 1 s, a restart serves within 1 s."""
    server = odd(options={"pm.max_children": 3})
    gone, back = [], []
    for _ in range(3):  # the best of three: a machine may stall
        server.wait_workers(3)
        with Client(server.address) as c:
            c.start(query="do=slow&ms=20000")
            taken_in(c)
            processes = everything(server)
            server.kill()
            gone.append(all_gone(processes))
        started = time.monotonic()
        server.start()
        assert serves(server)
        back.append(time.monotonic() - started)
    print(f"measured: all gone after {min(gone):.3f} s, serves {min(back):.3f} s after a start")
    assert min(gone) < 1.2 * SLOW, gone
    assert min(back) < 1 * SLOW, f"the stale socket is replaced at once: {back}"


@pytest.mark.load
def test_kill_pool_process(odd):
    """kill -9 of a pool process: its workers go with it, the pool serves again within 1 s."""
    server = odd(options={"pm.max_children": 3})
    server.wait_workers(3)
    for limit in (1.5, 5, 5):  # a pool that dies again and again is started more slowly
        old = server.pool()
        processes = starts([old] + descendants(old))
        started = time.monotonic()
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: serves(server), 10 * SLOW, "the pool to serve again")
        took = time.monotonic() - started
        print(f"measured: the pool serves after {took:.3f} s")
        assert took < limit * SLOW
        all_gone(processes)
        assert server.pool() != old
        server.wait_workers(3)
    assert server.process.poll() is None


def test_kill_pool_process_harms_no_other(env, anyfpm):
    """Another pool does not notice."""
    server = anyfpm(None, pools={
        name: {"command": env.worker("echo"), "listen": f"{env.dir}/{name}.sock"}
        for name in ("one", "two")})
    two = server.pool("two")
    with Client(f"{env.dir}/two.sock") as c:
        c.start(query="do=slow&ms=600")
        os.kill(server.pool("one"), signal.SIGKILL)
        assert c.answer().status == 200
    assert server.pool("two") == two
    wait_for(lambda: serves(server), 5)


def test_kill_worker(odd, env):
    """kill -9 of a busy worker: its client gets 502, the pool serves on."""
    note = env.dir + "/pub/note"
    server = odd("notes-requests", {"pm.max_children": 1}, args=(note,))
    with Client(server.address) as c:
        c.start(query="do=slow&ms=20000")
        # Killed before it has read a GET it would not be the only one that got it.
        wait_for(lambda: os.path.exists(note), 10, "the worker to have read it")
        started = time.monotonic()
        os.kill(server.workers()[0], signal.SIGKILL)
        assert c.answer().status == 502
        assert time.monotonic() - started < 2 * SLOW
        assert c.request().status == 200


def test_pool_process_is_a_child_of_the_master(odd):
    """Its title says which pool it is; workers are its children."""
    server = odd(options={"pm.max_children": 2})
    server.wait_workers(2)
    assert cmdline(server.pool("www")) == "anyfpm: pool www"
    assert stat(server.pool())[1] == server.pid


def test_silent_clients_survive_a_pool_restart_of_others(odd):
    """The kernel's backlog is kept by the master: a client that connects while no pool process
    exists is served by the next one."""
    server = odd()
    os.kill(server.pool(), signal.SIGKILL)
    with Client(server.address) as c:
        assert c.request().status == 200
