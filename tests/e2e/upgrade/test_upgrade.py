"""Another binary takes the master's place while everybody is served, or nothing changes."""

import json
import os
import re
import signal
import subprocess

import accesslog
import control
import pytest
import servers
from fcgi import Client
from generations import Echo
from load import Load
from servers import ROOT, SLOW, alive, children, free_port, wait_for
from statuspage import status
from upgrading import exe, install, replaceable, settled, upgrade

STATUS = {"pm.status_path": "/status"}


@pytest.fixture
def installed(env, odd):
    """A server of a binary of its own, which can be replaced: installed("behavior", ...)."""
    def start(*args, **more):
        return replaceable(env, odd, *args, **more)
    return start


def script(server, text):
    path = server.binary + ".script"
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    install(server, path)


def descriptors(pid):
    return sorted(re.sub(r":.*|-[^-/]{6}$", "", path) for path in servers.descriptors(pid).values())


def ask(server, **more):
    with Client(server.address, 30) as c:
        return c.request(**more)


def test_master_is_another_in_the_same_process(installed):
    """Binary and pool process are new; process id, files and numbers are the same."""
    server = installed(options=STATUS)
    for _ in range(3):
        assert ask(server).status == 200
    files = [server.pid_path, server.address, server.control_path]
    inodes = [os.stat(path).st_ino for path in files]
    before, old = server.pools(), server.pid
    install(server)
    assert exe(old).endswith(" (deleted)")
    upgrade(server)
    assert exe(old) == server.binary and server.pid == old
    settled(server, before)
    if ROOT:  # nobody else may look into a pool process
        assert exe(server.pool()) == server.binary
    assert [os.stat(path).st_ino for path in files] == inodes
    with open(f"/proc/{old}/comm", encoding="ascii") as f:
        assert f.read() == "anyfpm\n"
    with open(server.pid_path, encoding="ascii") as f:
        assert int(f.read()) == old
    assert status(server.address)["accepted conn"] == 3
    assert ask(server).status == 200
    assert "ANYFPM_UPGRADE" not in json.loads(ask(server, query="do=self").body)["environ"]


def test_again_and_again(installed):
    """Nothing is left over: no descriptor, no process, no thread."""
    port = free_port()
    server = installed(global_options={"metrics_listen": f"127.0.0.1:{port}"})
    upgrade(server)
    wait_for(lambda: len(children(server.pid)) == 2, 10 * SLOW)
    seen = []

    def is_at_rest():  # the command's connection may just be closing
        seen.append(descriptors(server.pid))
        return seen[-3:].count(seen[-1]) == 3
    wait_for(is_at_rest, 10 * SLOW, "the master to be at rest", interval=0.2)
    before, threads = seen[-1], len(os.listdir(f"/proc/{server.pid}/task"))
    for _ in range(4):
        install(server)
        upgrade(server)
        wait_for(lambda: len(children(server.pid)) == 2, 10 * SLOW, "the old ones to end")
    wait_for(lambda: descriptors(server.pid) == before, 5 * SLOW,
             f"as many descriptors as before: {before}, {descriptors(server.pid)}")
    assert len(os.listdir(f"/proc/{server.pid}/task")) == threads
    assert servers.accepts(("127.0.0.1", port))


def test_signals_and_stop(installed):
    """The new master does what the old one did."""
    server = installed()
    upgrade(server)
    server.reload(signal.SIGUSR2)
    first = server.pool()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: server.pools() and first not in server.pools(), 10 * SLOW)
    server.wait_workers(2)
    os.rename(server.log_path, server.log_path + ".1")
    assert control.send(server, "reopen").returncode == 0
    server.wait_log("re-opened")
    assert control.send(server, "quit").returncode == 0
    assert server.wait_exit() == 0
    for path in server.pid_path, server.address, server.control_path:
        assert not os.path.exists(path)


def test_request_that_runs(installed):
    """It is finished by the worker that has it, and the connection is kept."""
    server = installed(options=STATUS)
    with Client(server.address, 30) as slow, Client(server.address, 30) as kept:
        pid = json.loads(kept.request(query="do=echo", flags=1).body)["pid"]
        slow.start(query="do=sleep&ms=3000")
        wait_for(lambda: status(server.address)["active processes"] >= 1, 10 * SLOW)
        upgrade(server)
        answer = kept.request(2, query="do=echo", flags=1)
        assert answer.status == 200 and json.loads(answer.body)["pid"] != pid
        assert slow.answer().status == 200


@pytest.mark.limit(180)
def test_under_load(installed):
    """No request fails, of those on kept connections, on new ones, with bodies."""
    server = installed(options={"pm.max_children": 4})
    with Load(server.address, Echo()) as load:
        for _ in range(3):
            served = load.served
            wait_for(lambda: load.served > served + 50, 30 * SLOW)  # pylint: disable=cell-var-from-loop
            install(server)
            upgrade(server)
    assert load.failed == []


def test_all_that_there_can_be(env, installed):
    """Several pools, addresses of each kind, logs, permits, and what was ordered before."""
    ports = [free_port() for _ in range(2)]
    more = {"command": env.worker("echo"), **STATUS, "pm.max_children": 2}
    pools = {"first": {**more, "listen": f"{env.dir}/first.sock", "ping.path": "/ping",
                       "access.log": f"{env.dir}/first.access.log",
                       "pm.status_listen": f"127.0.0.1:{ports[0]}"},
             "second": {**more, "listen": f"127.0.0.1:{ports[1]}", "pm": "dynamic",
                        "pm.start_servers": 1, "pm.min_spare_servers": 1,
                        "pm.max_spare_servers": 1, "slowlog": f"{env.dir}/second.slow.log",
                        "request_slowlog_timeout": "10s"}}
    server = installed(pools=pools, global_options={"process.max": 6})
    assert control.send(server, "drain", "-w", "first").returncode == 0
    for _ in range(2):
        before = server.pools()
        upgrade(server)
        settled(server, before)
        for address in server.address, ("127.0.0.1", ports[1]):
            with Client(address, 30) as c:
                assert c.request().status == 200
        assert status(("127.0.0.1", ports[0]))["pool"] == "first"
        with Client(server.address, 30) as c:
            assert c.request(uri="/ping", SCRIPT_NAME="/ping").status == 503
    log = f"{env.dir}/first.access.log"
    wait_for(lambda: accesslog.read(log).count(b"\n") >= 2, 5, "its lines")
    assert control.status(server)[1]["first"]["drained"]


def test_reload_is_awaited(installed):
    """The one that runs is finished first; whoever asked for it is told, too."""
    server = installed()
    before = server.pools()
    reload = control.start(server, "reload", "-f")
    server.wait_log("Reloading in progress")
    install(server)
    upgrade(server)
    out, err = reload.communicate(timeout=30 * SLOW)
    assert reload.returncode == 0, out + err
    settled(server, before)
    log = server.log()
    assert log.index("reload done") < log.index("takes the master's place")
    assert ask(server).status == 200


def test_pool_that_fails(env, installed):
    """The new master runs, and that pool goes on as it was; it is told so."""
    server = installed()
    before = server.pools()
    server.change({"command": env.worker("warms-up", "fail"), "pm.warmup": "/warm-up"})
    result = upgrade(server, fails=True)
    assert "the new master runs" in result.stderr
    wait_for(lambda: server.pools() == before, 10 * SLOW, "the bad one to end")
    assert ask(server).status == 200


BAD = {
    "missing": (lambda s: os.unlink(s.binary), "cannot open"),
    "no_file": (lambda s: (os.unlink(s.binary), os.mkdir(s.binary)), "no file that can be executed"),
    "not_executable": (lambda s: (install(s), os.chmod(s.binary, 0o644)),
                       "no file that can be executed"),
    "for_everybody": (lambda s: (install(s), os.chmod(s.binary, 0o777)), "everybody can write it"),
    "foreign": (lambda s: install(s, "/bin/true"), "is no anyfpm"),
    "fails": (lambda s: install(s, "/bin/false"), "exited with code 1"),
    "no_program": (lambda s: script(s, "hello\n"), "cannot be executed"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_binary(installed, name):
    """It is told why, and nothing is changed."""
    server = installed()
    break_it, why = BAD[name]
    before, old_exe = server.pools(), os.stat(f"/proc/{server.pid}/exe").st_ino
    break_it(server)
    result = upgrade(server, fails=True)
    assert why in result.stderr, result.stderr
    server.wait_log("upgrade failed: .*; everything goes on as it was")
    assert server.pools() == before and os.stat(f"/proc/{server.pid}/exe").st_ino == old_exe
    assert ask(server).status == 200
    if os.path.isdir(server.binary):
        os.rmdir(server.binary)
    install(server)
    upgrade(server)
    assert ask(server).status == 200


def test_bad_configuration(installed):
    """The test fails; what runs goes on, with its settings."""
    server = installed()
    before = server.pools()
    server.change({"pm": "whatever"})
    assert "exited with code 78: " in (told := upgrade(server, fails=True).stderr)
    assert "[pool www] pm: " in told
    server.wait_log(r"\] ERROR: .*\[pool www\] pm: ")
    assert server.pools() == before and ask(server).status == 200


def test_killed_test(installed):
    """Who kills the test changes nothing else."""
    server = installed()
    config = server.config_path
    os.rename(config, config + ".real")
    os.mkfifo(config)  # it is read for as long as nobody writes it
    process = control.start(server, "upgrade")

    def tester():
        return [p for p in children(server.pid) if b"-t" in servers.cmdline(p).encode().split()]
    pid, = wait_for(tester, 10 * SLOW, "the test to run")
    server.env.note(server.pid)
    os.kill(pid, signal.SIGKILL)
    err = process.communicate(timeout=30 * SLOW)[1]
    assert process.returncode == 1 and "on signal 9" in err
    os.rename(config + ".real", config)
    assert ask(server).status == 200
    upgrade(server)


def test_stop_during_the_test(installed):
    """The end does not wait for it, and the client is told."""
    server = installed()
    os.rename(server.config_path, server.config_path + ".real")
    os.mkfifo(server.config_path)
    process = control.start(server, "upgrade")
    server.wait_log("upgrade: testing")
    server.env.note(server.pid)
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    err = process.communicate(timeout=30 * SLOW)[1]
    assert process.returncode == 1 and "stopped" in err


@pytest.mark.parametrize("log", ["file", "syslog"])
def test_daemon(env, installed, log):
    """It does not go to the background again, and logs where it did. Nobody waits for the end of
    the standard error that it was started with."""
    server = installed()
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    if log == "syslog":
        server.rewrite(global_options={**server.configured_global, "error_log": "syslog"})
    subprocess.run([server.binary, "-D", "-y", server.config_path], check=True, cwd=env.dir,
                   env=env.environment(), stdin=subprocess.DEVNULL, capture_output=True,
                   timeout=30 * SLOW)
    with open(server.pid_path, encoding="ascii") as f:
        pid = int(f.read())
    env.note(pid)
    try:
        install(server)
        result = control.send(server, "upgrade")
        assert result.returncode == 0, result.stderr
        assert exe(pid) == server.binary and os.getsid(pid) != os.getsid(0)
        assert ask(server).status == 200
        env.note(pid)
        for fd in (0, 1, 2) if log == "syslog" else (0,):
            assert os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null"
        server.change({"pm": "whatever"})
        result = control.send(server, "upgrade")
        assert result.returncode == 1 and "[pool www] pm: " in result.stderr, result.stderr
    finally:
        assert control.send(server, "stop").returncode == 0
    wait_for(lambda: not alive(pid), 10 * SLOW)
