"""What a worker leaves behind is killed when the worker has ended, and not before."""

import os
import signal
import time

import pytest
from fcgi import Client
from servers import SLOW, alive, stat, wait_for

LEFT = r"killed (\d+) process(?:es)? that child %d had left in the background"


def job(server, env, bare=False):
    """Have a worker leave its only child to us, in a session of its own; returns both pids."""
    path = f"{env.dir}/pub/worker"
    with Client(server.address) as c:
        child = int(c.request(query="do=grandchild" + "&bare=1" * bare + f"&note={path}").body)
    worker = int(read_pids(path)[-1])
    env.note(child)
    assert alive(child)
    return worker, child


def gone(*pids):
    for pid in pids:
        wait_for(lambda pid=pid: not alive(pid), 5 * SLOW, f"the end of {pid}")


def read_pids(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as f:
        return [int(line) for line in f]


def end_by_limit(server, _):
    with Client(server.address) as c:
        assert c.request(query="do=sleep").status == 504


def end_by_recycling(server, _):
    with Client(server.address) as c:
        for _ in range(8):
            assert c.request(query="do=hello").status == 200


def end_by_crash(_, worker):
    os.kill(worker, signal.SIGSEGV)


def end_by_itself(_, worker):
    os.kill(worker, signal.SIGTERM)


@pytest.mark.parametrize("bare", [False, True], ids=["marked", "bare"])
@pytest.mark.parametrize("end", [end_by_limit, end_by_recycling, end_by_crash, end_by_itself])
def test_leftovers_end_with_their_worker(odd, env, end, bare):
    """Orphans in a session of their own, with and without the worker's environment: dead when the
    worker is, whatever its end; the log says how many, and whose."""
    server = odd(options={"pm.max_children": 1, "request_terminate_timeout": "1s",
                          "pm.max_requests": 8, "pm.max_surge": 0})
    worker, child = job(server, env, bare)
    end(server, worker)
    gone(worker, child)
    if not bare:
        assert server.wait_log(LEFT % worker).group(1) == "1"
    else:
        server.wait_log(r"killed 1 process that .*had left")
    with Client(server.address) as c:
        assert c.request().status == 200


def test_children_in_sessions_of_their_own(odd, env):
    """Those whose parent is the worker itself are killed with it as well."""
    note = env.dir + "/pub/children"
    server = odd(options={"pm.max_children": 1, "request_terminate_timeout": "1s"})
    with Client(server.address) as c:
        assert c.request(query=f"do=children&session=1&n=5&note={note}").status == 504
    pids = read_pids(note)
    assert len(pids) == 5
    gone(*pids)


def test_generations_without_end(odd, env):
    """A tree that grows while it is killed, each of it an orphan in a session of its own: what is
    born later has no better chance."""
    note = env.dir + "/pub/spread"
    server = odd(options={"pm.max_children": 1})
    worker = server.wait_workers(1)[0]
    with Client(server.address) as c:
        c.start(query=f"do=spread&depth=5&note={note}")
        wait_for(lambda: len(read_pids(note)) > 2, 5 * SLOW, "it to grow")
        os.kill(worker, signal.SIGKILL)
        assert c.answer().status == 502
        gone(*read_pids(note))
        assert c.request().status == 200
    wait_for(lambda: not any(alive(pid) for pid in read_pids(note)), 5 * SLOW, "the rest")
    server.wait_log(r"killed \d+ process(?:es)? that")


def test_job_of_a_living_worker_goes_on(odd, env):
    """The job of one worker survives the death of another, and dies with its own."""
    server = odd(options={"pm.max_children": 2})
    server.wait_workers(2)
    first, child = job(server, env)
    other = next(pid for pid in server.workers() if pid != first)
    os.kill(other, signal.SIGKILL)
    server.wait_log(f"child {other} exited on signal 9")
    server.wait_workers(3, ready=False)  # two, and the child
    assert alive(child)
    os.kill(first, signal.SIGKILL)
    gone(first, child)
    server.wait_log(LEFT % first)


def test_bare_orphan_may_be_anybodys(odd, env):
    """Nothing says whose it is: it lives until every worker that may have started it is dead."""
    server = odd(options={"pm.max_children": 2})
    old = server.wait_workers(2)
    worker, child = job(server, env, bare=True)
    # One that is started in the same tick of the clock might have started it, too.
    tick = os.sysconf("SC_CLK_TCK")
    wait_for(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) * tick > stat(child)[2] + 2, 5 * SLOW,
             "the clock")
    other = next(pid for pid in old if pid != worker)
    os.kill(worker, signal.SIGKILL)
    server.wait_log(f"child {worker} exited on signal 9")
    server.wait_workers(3, ready=False)  # two, and the child
    assert alive(child)
    os.kill(other, signal.SIGKILL)
    gone(child)
