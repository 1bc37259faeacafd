"""Control groups: each worker has one, where the directive cgroup names one that is delegated.

They take root, and a cgroup2 mount that may be written to. Its controllers may belong to another
hierarchy: what needs those is skipped then.
"""

import glob
import json
import os
import re
import signal
import subprocess

import pytest
from cgiscripts import Scripts, noted
from fcgi import Client
from servers import ANYFPM, PYTHON, ROOT, SLOW, USER, Anyfpm, alive, wait_for
from upgrading import replace, replaceable
from watching import Within


def mount():
    """Where control groups of version 2 are, or None."""
    with open("/proc/self/mountinfo", encoding="ascii") as f:
        found = re.search(r"^(?:\S+ ){4}(\S+) .*- cgroup2 ", f.read(), re.M)
    return found and found.group(1).replace("\\040", " ")


def read(path):
    with open(path, encoding="ascii") as f:
        return f.read()


def groups_below(path):
    return sorted(os.path.relpath(p, path) for p, _, _ in os.walk(path) if p != path)


def remove(path):
    """Kill and remove a group with all below it."""
    def gone():
        for group in [*reversed(groups_below(path)), ""]:
            try:
                os.rmdir(f"{path}/{group}")
            except OSError:
                pass
        return not os.path.exists(path)
    with open(path + "/cgroup.kill", "w", encoding="ascii") as f:
        f.write("1")
    wait_for(gone, 10, f"{path} to be removed")


@pytest.fixture
def group():
    """A control group of our own, as an administrator would delegate it."""
    if not ROOT:
        pytest.skip("control groups are made by root")
    top = mount()
    if top is None:
        pytest.skip("no control groups of version 2 are mounted")
    path = f"{top}/anyfpm-test-{os.getpid()}"
    try:
        os.mkdir(path)
    except OSError as e:
        pytest.skip(f"no control group can be made in {top}: {e}")
    if not os.path.exists(path + "/cgroup.kill"):
        os.rmdir(path)
        pytest.skip("the kernel is older than 5.14")
    yield path
    remove(path)


def group_of(pid):
    return re.search(r"^0::(.*)$", read(f"/proc/{pid}/cgroup"), re.M).group(1)


def put(pid, group):
    with open(group + "/cgroup.procs", "w", encoding="ascii") as f:
        f.write(str(pid))


@pytest.fixture
def started(group, odd):
    """anyfpm with one worker and a control group that it is not in itself."""
    def start(options=None, **more):
        return odd("echo", {"pm.max_children": 1, **(options or {})},
                   global_options={"cgroup": group}, **more)
    return start


def test_each_worker_has_one(started, group):
    """A group for each slot, the pool's own processes in none of them, and nothing at the end."""
    server = started({"pm.max_children": 2})
    workers = server.wait_workers(2)
    base = os.path.relpath(group, mount())
    assert sorted(group_of(p) for p in workers) == [f"/{base}/pool-www/{n}" for n in (1, 2)]
    for pid in (server.pid, server.pool()):
        assert not group_of(pid).startswith(f"/{base}/")
    for name in glob.glob(group + "/pool-www/1/cgroup.*") + [group + "/pool-www/1"]:
        assert os.stat(name).st_uid == 0 and os.stat(name).st_mode & 0o022 == 0, name
    with Client(server.address) as c:
        assert c.request().status == 200
    server.stop()
    assert groups_below(group) == []


@pytest.mark.parametrize("files", [128, 512])
def test_few_descriptors(started, env, group, files):
    """With pm = auto there are as many of them as descriptors are enough for, beside clients."""
    server = started({"pm": "auto", "pm.max_children": None}, binary=env.few_files(files))
    most = int(server.wait_log(r"pm = auto: up to (\d+) workers, as there are only "
                               rf"{files} descriptors").group(1))
    assert 1 <= most <= files // 20
    assert len(groups_below(group + "/pool-www")) == 2 * most + 1 + 32
    with Client(server.address) as c:
        assert c.request().status == 200


def test_a_worker_cannot_leave(started, group):
    """What a worker may write to is neither its group nor another: it stays where it is."""
    worker = started().wait_workers(1)[0]
    for target in (group, group + "/anyfpm", group + "/pool-www/2"):
        got = subprocess.run(
            ["su", "-s", "/bin/sh", USER, "-c", f'echo {worker} > "{target}/cgroup.procs"'],
            capture_output=True, text=True, check=False)
        assert got.returncode != 0 and "denied" in got.stderr, got.stderr
    fds = [os.readlink(f) for f in glob.glob(f"/proc/{worker}/fd/*")]
    assert not [name for name in fds if "cgroup" in name]


@pytest.mark.parametrize("end", ["timeout", "crash"])
def test_the_whole_tree_dies(started, group, end):
    """What left the worker's group and session and has nothing of its environment dies with it, and
    so does a process with other rights, which the pool process could not kill."""
    server = started({"request_terminate_timeout": "1s"})
    with Client(server.address) as c:
        child = int(c.request(query="do=grandchild&bare=1").body)
        assert group_of(child).endswith("/pool-www/1") and alive(child)
        with subprocess.Popen(["sleep", "600"]) as other:
            put(other.pid, group + "/pool-www/1")
            if end == "timeout":
                assert c.request(query="do=sleep").status == 504
            else:
                os.kill(server.workers()[0], signal.SIGKILL)
            assert other.wait(10) == -signal.SIGKILL
        wait_for(lambda: not alive(child), 5, "what was left to be killed")
        assert c.request(query="do=hello").status == 200
        assert "/pool-www/" in group_of(server.workers()[0])


def test_slots_are_used_again(started, group):
    """Many workers one after the other, and no more groups than at the start."""
    server = started({"pm.max_requests": 1})
    before = groups_below(group)
    seen = set()
    with Client(server.address) as c:
        for _ in range(60):
            seen.add(int(json.loads(c.request(query="do=self").body)["pid"]))
    assert len(seen) > 50
    assert groups_below(group) == before
    assert "does not die" not in server.log()


def test_pool_process_dies(started, group):
    """The master kills what is in the pool's groups, and the next pool process uses them again."""
    server = started()
    pool = server.pool()
    with Client(server.address) as c:
        child = int(c.request(query="do=grandchild&bare=1").body)
    with subprocess.Popen(["sleep", "600"]) as other:
        put(other.pid, group + "/pool-www/1")
        os.kill(pool, signal.SIGKILL)
        assert other.wait(10) == -signal.SIGKILL
    wait_for(lambda: not alive(child), 5, "what was left to be killed")
    wait_for(lambda: server.pools() not in ([], [pool]), 10, "another pool process")
    assert "/pool-www/" in group_of(server.wait_workers(1)[0])
    server.stop()
    assert groups_below(group) == []


def test_what_a_crash_left_is_cleared(started, group):
    """Groups of an earlier anyfpm, with what is in them, are gone after the next start."""
    os.makedirs(group + "/pool-old/3/own")
    with subprocess.Popen(["sleep", "600"]) as left:
        put(left.pid, group + "/pool-old/3/own")
        server = started()
        assert left.wait(10) == -signal.SIGKILL
    assert not os.path.exists(group + "/pool-old")
    server.stop()
    assert groups_below(group) == []


def test_own_group(group, env):
    """cgroup = own: the service goes into a group below, so that controllers can be turned on, and
    back at its end."""
    Within.home = group
    server = Within(env, env.worker(), {"pm.max_children": 1}, global_options={"cgroup": "own"})
    base = "/" + os.path.relpath(group, mount())
    worker = server.wait_workers(1)[0]
    assert group_of(server.pid) == group_of(server.pool()) == base + "/anyfpm"
    assert group_of(worker) == base + "/pool-www/1"
    assert read(group + "/cgroup.procs") == ""
    server.stop()
    assert groups_below(group) == []


@pytest.mark.parametrize("fails", [False, True])
def test_in_the_background(group, env, fails):
    """-D: whoever waits for the daemon is out of the way too, and a start that fails when it is in
    the background (it may not change its user) leaves nothing."""
    path, pid_path = env.dir + "/test.conf", env.dir + "/pid"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"[global]\nerror_log = {env.dir}/log\npid = {pid_path}\ncgroup = own\n"
                f"[www]\nuser = {USER}\ncommand = {env.worker()}\nlisten = {env.dir}/www.sock\n"
                f"pm = static\npm.max_children = 1\nenv[ANYFPM_TEST] = {env.mark}\n"
                + "".join(f"env[{k}] = {v}\n" for k, v in env.sanitizer_options().items()))
    without = ["setpriv", "--bounding-set", "-setuid,-setgid"] if fails else []
    got = subprocess.run(["sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', group, *without,
                          ANYFPM, "-D", "-y", path], capture_output=True, text=True, timeout=60,
                         env=env.environment(), check=False)
    assert got.returncode == (78 if fails else 0), got.stderr + read(env.dir + "/log")
    if not fails:
        pid = int(read(pid_path))
        env.note(pid)
        assert group_of(pid) == "/" + os.path.relpath(group, mount()) + "/anyfpm"
        assert read(group + "/cgroup.procs") == ""
        assert os.path.exists(group + "/pool-www/1")
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not alive(pid), 10, "the daemon to end")
    wait_for(lambda: groups_below(group) == [], 10, "all groups to be removed")


@pytest.mark.parametrize("own", [True, False], ids=["own", "another"])
def test_upgrade(group, env, own):
    """The groups go on: in them are the workers of the next generation, what the last one left is
    killed, nobody else may use them, and the end removes all of them."""
    Within.home = group
    server = replaceable(env, Within if own else Anyfpm, env, env.worker(),
                         {"pm.max_children": 2},
                         global_options={"cgroup": "own" if own else group})
    server.wait_workers(2)
    home, base = group_of(server.pid), "/" + os.path.relpath(group, mount())
    assert (home == base + "/anyfpm") == own
    for _ in range(3):
        with Client(server.address) as c:
            child = int(c.request(query="do=grandchild&bare=1").body)
        assert alive(child)
        replace(server)
        workers = server.wait_workers(2)
        assert group_of(server.pid) == group_of(server.pool()) == home
        for worker in workers:
            assert re.fullmatch(base + r"/pool-www/\d+", group_of(worker))
        assert len({group_of(worker) for worker in workers}) == 2
        wait_for(lambda: not alive(child), 10 * SLOW, "what was left to be killed")  # pylint: disable=cell-var-from-loop
    second = Anyfpm(env, env.worker(), global_options={"cgroup": group}, wait=False)
    second.exit_code = 78
    assert second.wait_exit() == 78
    assert f"another anyfpm uses the control group {group}" in second.said() + second.log()
    pool = server.pool()
    os.kill(pool, signal.SIGKILL)
    wait_for(lambda: server.pools() not in ([], [pool]), 10 * SLOW, "another pool process")
    assert group_of(server.wait_workers(2)[0]).startswith(base + "/pool-www/")
    server.stop()
    assert groups_below(group) == []


def test_cpu_of_the_whole_tree(started, group):
    """request_terminate_cpu sees a process that has left the worker's session."""
    server = started({"request_terminate_cpu": "500ms"})
    with Client(server.address) as c:
        child = int(c.request(query="do=grandchild&burn=1").body)
        assert c.request(query="do=sleep&ms=60000").status == 503
    server.wait_log("exceeded request_terminate_cpu")
    wait_for(lambda: not alive(child), 5, "the child to be killed")


@pytest.mark.parametrize("what, size, text", [
    ("cpu", "500ms", "while :; do :; done"),
    ("memory", "100M", f'exec {PYTHON} -c "b = bytearray(200_000_000); import time; time.sleep(999)"')])
def test_script_of_anyfpm_cgi(group, anyfpm, env, what, size, text):
    """The pool's limits reach what a CGI script has started in a session of its own."""
    if what == "memory" and what not in read(group + "/cgroup.controllers").split():
        pytest.skip("the controller memory is not there")
    scripts = Scripts(env)
    script = scripts.add("greedy", "echo $$ >$PIDS\n"
                         f"setsid sh -c 'echo $$ >>$PIDS; {text}' & wait")
    server = anyfpm(scripts.command, {f"request_terminate_{what}": size, "pm.max_children": 1},
                    global_options={"cgroup": group})
    pids = env.dir + "/pub/pids"
    with Client(server.address, timeout=60) as c:
        answer = c.request(SCRIPT_FILENAME=script, PIDS=pids)
    assert answer.status == 503
    server.wait_log(f"exceeded request_terminate_{what}")
    started = noted(pids, 2)
    wait_for(lambda: not any(map(alive, started)), 5, "the end of the script")


def test_two_services(started, group):
    """A second anyfpm must not kill the first one's workers: it is refused."""
    started()
    second = started(wait=False)
    second.exit_code = 78
    assert second.wait_exit() == 78
    assert f"another anyfpm uses the control group {group}" in second.said() + second.log()
    assert os.path.exists(group + "/pool-www/1")


def refused(odd, cgroup, options=None):
    """What -t says, which the start says too."""
    server = odd("echo", {"pm.max_children": 1, **(options or {})},
                 global_options={"cgroup": cgroup}, wait=False)
    server.exit_code = 78
    assert server.wait_exit() == 78
    got = subprocess.run([ANYFPM, "-t", "-y", server.config_path], capture_output=True, text=True,
                         env=server.env.environment(), check=False)
    assert got.returncode == 78, got.stderr
    said = [re.search(r"ERROR: (.*cgroup.*)", text)
            for text in (got.stderr, server.said() + server.log())]
    assert said[0] and said[1] and said[0].group(1) == said[1].group(1)
    return said[0].group(1)


def test_refused_without_a_group(odd, env):
    assert "cannot open /no/such/group: No such file" in refused(odd, "/no/such/group")
    assert f"{env.dir} is no control group of version 2" in refused(odd, env.dir)


def test_refused_at_the_root(group, odd):
    assert "is the root of all control groups" in refused(odd, mount())
    assert groups_below(group) == []


def test_refused_without_rights(group, env):
    """Not delegated to the ordinary user who starts anyfpm."""
    path = env.dir + "/test.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"[global]\nerror_log = stderr\ncgroup = {group}\n[www]\ncommand = /bin/cat\n"
                f"listen = {env.dir}/www.sock\npm.max_children = 1\n")
    for option in ("-t", "-F"):
        got = subprocess.run(
            ["su", "-s", "/bin/sh", USER, "-c", f'exec "{ANYFPM}" {option} -y "{path}"'],
            env=env.environment(), capture_output=True, text=True, timeout=60, check=False)
        assert got.returncode == 78, got.stderr
        assert f"cgroup: cannot write to {group}/.: Permission denied" in got.stderr
    assert groups_below(group) == []


def test_refused_without_controller(group, odd):
    there = read(group + "/cgroup.controllers").split()
    missing = {name: value for name, value in (("memory", "64M"), ("pids", 20))
               if name not in there}
    if not missing:
        pytest.skip("all controllers are there")
    for name, value in missing.items():
        said = refused(odd, group, {f"cgroup.{name}.max": value})
        assert f'cgroup.{name}.max requires the controller "{name}", which {group}/' in said
