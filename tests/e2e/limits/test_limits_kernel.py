"""Limits of the kernel: what of rlimit_*, process.priority and the like a worker has."""

import json
import os
import re
import resource
import signal
import subprocess

import pytest
from fcgi import Client
from servers import ASAN, ROOT, children, status_of, wait_for


def proc(pid, name):
    with open(f"/proc/{pid}/{name}", encoding="latin-1") as f:
        return f.read()


def limit_of(pid, name):
    """(soft, hard) as /proc shows them."""
    line = re.search(rf"^{name}\s+(\S+)\s+(\S+)", proc(pid, "limits"), re.M)
    return line.group(1), line.group(2)


def nice_of(pid):
    return int(proc(pid, "stat").rpartition(")")[2].split()[16])


def test_limits_of_the_kernel(odd):
    """rlimit_*, process.priority, oom_score_adj, umask and no_new_privs are seen in /proc."""
    server = odd(options={
        "pm.max_children": 1, "rlimit_as": "512M", "rlimit_files": 333, "rlimit_core": 0,
        "process.priority": 7, "oom_score_adj": 500, "umask": "027", "no_new_privs": "yes"})
    pid = server.wait_workers(1)[0]
    with Client(server.address) as c:
        assert c.request().status == 200
    size = str(512 << 20)
    assert limit_of(pid, "Max address space") == (size, size)
    assert limit_of(pid, "Max open files") == ("333", "333")
    assert limit_of(pid, "Max core file size") == ("0", "0")
    assert nice_of(pid) == 7
    assert nice_of(server.pool()) == os.getpriority(os.PRIO_PROCESS, 0)
    assert proc(pid, "oom_score_adj").strip() == "500"
    assert int(status_of(pid)["Umask"], 8) == 0o027
    assert status_of(pid)["NoNewPrivs"] == "1"


@pytest.mark.parametrize("options, dumps", [
    ({}, False), ({"process.dumpable": "yes"}, True), ({"rlimit_core": "unlimited"}, True)])
def test_core_dumps(odd, env, options, dumps):
    """None unless it is asked for: the obituary says whether there was one. A limit of 1 also keeps
    one from being piped."""
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    if ASAN:
        pytest.skip("AddressSanitizer allows no core dumps")
    before = resource.getrlimit(resource.RLIMIT_CORE)
    if before[1] != resource.RLIM_INFINITY:
        pytest.skip("no core dumps here")
    resource.setrlimit(resource.RLIMIT_CORE, unlimited)
    try:
        got = subprocess.run(["sh", "-c", "kill -SEGV $$"], cwd=env.dir + "/pub", check=False)
        possible = os.listdir(env.dir + "/pub")
        for name in possible:
            os.remove(f"{env.dir}/pub/{name}")
        server = odd(options={"pm.max_children": 1, "chdir": env.dir + "/pub", **options})
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    assert got.returncode == -signal.SIGSEGV
    pid = server.wait_workers(1)[0]
    assert limit_of(pid, "Max core file size") == ("unlimited" if dumps else "1", "unlimited")
    os.kill(pid, signal.SIGSEGV)
    line = server.wait_log(rf"child {pid} exited on signal 11 \((.*?)\)").group(1)
    if possible or not dumps:
        assert ("core dumped" in line) == dumps


def test_defaults_of_the_kernel(odd):
    """Without them: the limits anyfpm was started with, oom_score_adj 300, umask 022."""
    server = odd(options={"pm.max_children": 1})
    pid = server.wait_workers(1)[0]
    with Client(server.address) as c:
        assert c.request().status == 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert limit_of(pid, "Max open files") == (str(soft), str(hard))
    assert limit_of(pid, "Max address space")[0] == "unlimited"
    assert proc(pid, "oom_score_adj").strip() == "300"
    assert int(status_of(pid)["Umask"], 8) == 0o022
    assert status_of(pid)["NoNewPrivs"] == "0"
    assert proc(server.pool(), "oom_score_adj").strip() == proc(os.getpid(),
                                                                 "oom_score_adj").strip()


STARTER = """#!/bin/sh
sleep 600 </dev/null >/dev/null 2>&1 &
echo $! >{note}.new; mv {note}.new {note}
while [ ! -e {go} ]; do sleep 0.01; done
exec {worker}
"""


def test_oom_score_holds_from_the_start(env, anyfpm):
    """A worker that does not accept yet, and what it has forked by then, have it; the pool process
    has its own again."""
    note, go, program = env.dir + "/pub/note", env.dir + "/pub/go", env.dir + "/program"
    with open(program, "w", encoding="ascii") as f:
        f.write(STARTER.format(note=note, go=go, worker=env.worker("echo")))
    os.chmod(program, 0o755)
    server = anyfpm(program, {"pm.max_children": 1, "oom_score_adj": 400}, wait=False)
    wait_for(lambda: os.path.exists(note), 10, "the worker to start")
    with open(note, encoding="ascii") as f:
        pids = [int(f.read()), children(server.pool())[0]]
    own = proc("self", "oom_score_adj").strip()
    assert [proc(pid, "oom_score_adj").strip() for pid in pids] == ["400", "400"]
    wait_for(lambda: proc(server.pool(), "oom_score_adj").strip() == own, 5, "its own again")
    with open(go, "w", encoding="ascii"):
        pass
    with Client(server.address) as c:
        assert c.request().status == 200


@pytest.mark.executed
def test_higher_oom_score_stays(odd):
    """What anyfpm was started with is higher than oom_score_adj: workers keep that."""
    server = odd(options={"pm.max_children": 1, "oom_score_adj": 100})
    before = server.workers()[0]
    with open(f"/proc/{server.pid}/oom_score_adj", "w", encoding="ascii") as f:
        f.write("600")
    with open(f"/proc/{server.pool()}/oom_score_adj", "w", encoding="ascii") as f:
        f.write("600")
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: server.workers() not in ([], [before]), 10, "another worker")
    assert proc(server.workers()[0], "oom_score_adj").strip() == "600"


@pytest.mark.parametrize("scheduling,policy", [(None, os.SCHED_BATCH), ("batch", os.SCHED_BATCH),
                                               ("other", os.SCHED_OTHER)])
def test_scheduling(odd, scheduling, policy):
    """process.scheduling is the workers'; the pool process is SCHED_BATCH in any case."""
    options = {"process.scheduling": scheduling} if scheduling else {}
    server = odd(options=dict(options, **{"pm.max_children": 1}))
    assert os.sched_getscheduler(server.wait_workers(1)[0]) == policy
    assert os.sched_getscheduler(server.pool()) == os.SCHED_BATCH


@pytest.mark.parametrize("scheduling", ["batch", "other"])
def test_inherited_scheduling_is_kept(odd, scheduling):
    """A policy that whoever started anyfpm has chosen stays, of the pool process and of workers."""
    server = odd(options={"pm.max_children": 1, "process.scheduling": scheduling})
    os.sched_setscheduler(server.pid, os.SCHED_IDLE, os.sched_param(0))
    pool = server.pool()
    os.kill(pool, signal.SIGKILL)  # the next one has the master's policy
    wait_for(lambda: server.pools() not in ([], [pool]), 20, "another pool process")
    with Client(server.address, timeout=80) as c:  # it runs when nobody else wants to
        assert c.request().status == 200
    assert os.sched_getscheduler(server.pool()) == os.SCHED_IDLE
    assert os.sched_getscheduler(server.workers()[0]) == os.SCHED_IDLE


def may_raise_limits():
    """Whether we have CAP_SYS_RESOURCE (24), which a container's root may lack."""
    return ROOT and int(status_of("self")["CapEff"], 16) >> 24 & 1


@pytest.mark.skipif(not may_raise_limits(), reason="needs root with CAP_SYS_RESOURCE")
def test_privileged_settings(odd):
    """A negative priority and higher limits than ours: rights that the pool process drops."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = odd(options={"pm.max_children": 1, "process.priority": -5, "rlimit_core": "unlimited",
                          "rlimit_files": hard})
    pid = server.wait_workers(1)[0]
    with Client(server.address) as c:
        assert c.request().status == 200
    assert nice_of(pid) == -5
    assert limit_of(pid, "Max core file size") == ("unlimited", "unlimited")
    assert limit_of(pid, "Max open files") == (str(hard), str(hard))


@pytest.mark.skipif(ASAN or not may_raise_limits(), reason="needs root with CAP_SYS_RESOURCE")
def test_rlimit_as_above_our_own(odd):
    """The hard limit of whoever started anyfpm is raised for the workers, as the others are."""
    server = odd(options={"pm.max_children": 1, "rlimit_as": "16G"})
    own = 8 << 30
    resource.prlimit(server.pid, resource.RLIMIT_AS, (own, own))
    server.wait_workers(1)
    pool = server.pool()
    os.kill(pool, signal.SIGKILL)  # the next one has the master's limit
    wait_for(lambda: server.pools() not in ([], [pool]), 5, "another pool process")
    with Client(server.address) as c:
        assert c.request().status == 200
    size = str(16 << 30)
    assert limit_of(server.workers()[0], "Max address space") == (size, size)
    assert limit_of(server.pool(), "Max address space") == (str(own), size)


def test_global_limits_hold_for_pools_without_their_own(env, anyfpm):
    """rlimit_files and process.priority in [global], one pool that has its own."""
    server = anyfpm(None, pools={
        "one": {"command": env.worker("echo"), "listen": env.dir + "/one.sock"},
        "two": {"command": env.worker("echo"), "listen": env.dir + "/two.sock",
                "rlimit_files": 222, "process.priority": 14}},
        global_options={"rlimit_files": 444, "process.priority": 9})
    server.wait_workers(4)
    for name, files, nice in (("one", "444", 9), ("two", "222", 14)):
        with Client(f"{env.dir}/{name}.sock") as c:
            pid = json.loads(c.request().body)["pid"]
        assert limit_of(pid, "Max open files")[0] == files and nice_of(pid) == nice


def test_failed_allocation_is_survived(odd):
    """rlimit_as: a program that handles a failed allocation keeps running."""
    server = odd(options={"pm.max_children": 1, "rlimit_as": "256M"})
    with Client(server.address) as c:
        pids = set()
        for mb, got in ((10, 10), (1000, -1), (10, 10), (400, -1), (20, 20)):
            report = json.loads(c.request(query=f"do=try&mb={mb}").body)
            assert report["got_mb"] == got
            pids.add(report["pid"])
    assert len(pids) == 1, "the worker died of it"
    assert "exited" not in server.log()
