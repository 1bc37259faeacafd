"""The limits of a pool reach a script of anyfpm-cgi, and what it has started."""

import os
import signal
import subprocess

import pytest
from cgiscripts import Scripts, body, noted
from fcgi import Client
from others import SpawnFcgi
from servers import ASAN, PYTHON, ROOT, alive, marked, wait_for

EATS = "b = bytearray(200_000_000)\nimport time\ntime.sleep(1000)"


def below(text):
    """A script whose child and grandchild note their pids; the grandchild does something."""
    return (f"sh -c 'echo $$ >>$PIDS; ({text}) & echo $! >>$PIDS; wait' &\n"
            "echo $$ >>$PIDS; wait; echo")


LIMITS = {
    "time": ("", {"request_terminate_timeout": "3s"}, "sleep 1000", 504),
    "cpu": ("-c 1", {}, "while :; do :; done", 503),
    "memory": ("-m 100M", {}, f'exec {PYTHON} -c "$EATS"', 503),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_limit(anyfpm, env, limit):
    """The client is told, the whole tree is gone, and the others go on."""
    option, options, text, status = LIMITS[limit]
    scripts = Scripts(env)
    greedy, hello = scripts.add("greedy", below(text)), scripts.page("hello", "echo hello")
    server = anyfpm(f"{scripts.command} {option}", options)
    pids = env.dir + "/pub/pids"
    with Client(server.address, timeout=60) as client, Client(server.address) as other:
        client.start(SCRIPT_FILENAME=greedy, PIDS=pids, EATS=EATS)
        started = noted(pids, 3)
        assert body(other.request(SCRIPT_FILENAME=hello)) == b"hello\n"
        answer = client.answer()
        assert answer.status == status
        if option:
            told = {"cpu": "CPU time"}.get(limit, limit)
            assert answer.stderr.decode() == (
                f"anyfpm-cgi: {greedy}: it was ended without an answer: it has used more {told} "
                "than it may\n")
            assert body(client.request(SCRIPT_FILENAME=hello)) == b"hello\n"
    wait_for(lambda: not any(map(alive, started)), 5, "the end of the script")


def test_limit_behind_a_part_of_the_answer(anyfpm, env):
    """It is cut, so that nobody takes it for whole; the log is told, and the worker serves on."""
    scripts = Scripts(env)
    script = scripts.page("a", "echo part; while :; do :; done")
    server = anyfpm(f"{scripts.command} -c 1", {"pm.max_children": 1})
    workers = server.wait_workers(1)
    with Client(server.address, timeout=60) as client:
        client.start(SCRIPT_FILENAME=script)
        assert client.answer_or_cut() is None
        told, = client.answers.values()
        assert told.stdout.endswith(b"part\n")
        assert told.stderr.decode() == (
            f"anyfpm-cgi: {script}: it was ended: it has used more CPU time than it may\n")
    server.wait_log("closed its connection in the middle of a request.*cut short")
    with Client(server.address) as client:
        hello = scripts.page("hello", "echo hello")
        assert body(client.request(SCRIPT_FILENAME=hello)) == b"hello\n"
    assert server.workers() == workers


STORM = f"""#!{PYTHON}
import os, time
taken = bytearray(3_000_000)
if os.fork() == 0:
    for _ in range(3000):
        if os.fork() == 0:
            break
time.sleep(1000)
"""


def test_limit_while_it_forks(env):
    """What is started while the script is ended is ended, too."""
    scripts = Scripts(env)
    server = SpawnFcgi(env, f"{scripts.command} -m 60M", 1)
    script = scripts.add("storm", STORM)
    for _ in range(3):
        with Client(server.address, timeout=30) as client:
            assert client.request(SCRIPT_FILENAME=script, flags=0).status == 503
        wait_for(lambda: marked(env.mark) == server.pids, 5, "the end of all that it has started")


@pytest.mark.skipif(ASAN, reason="its shadow memory is more than any limit")
def test_limit_of_each_process(anyfpm, env):
    """rlimit_as of the pool: the allocation fails in the script, which answers for that itself."""
    scripts = Scripts(env)
    script = scripts.page("a", f'{PYTHON} -c "$EATS" 2>&1')
    server = anyfpm(scripts.command, {"rlimit_as": "150M"})
    with Client(server.address) as client:
        assert b"MemoryError" in client.request(SCRIPT_FILENAME=script, EATS=EATS).stdout


def test_worker_killed(anyfpm, env):
    """Nothing of a script outlives its worker, however that ends."""
    scripts = Scripts(env)
    server = anyfpm(scripts.command, {"pm.max_children": 1})
    worker, = server.wait_workers(1)
    with Client(server.address) as client:
        client.start(SCRIPT_FILENAME=scripts.add("a", below("sleep 1000")),
                     PIDS=env.dir + "/pub/pids")
        started = noted(env.dir + "/pub/pids", 3)
        os.kill(worker, signal.SIGKILL)
        assert client.answer().status == 502
    wait_for(lambda: not any(map(alive, started)), 5, "the end of the script")


@pytest.mark.skipif(not ROOT, reason="mounting takes root")
@pytest.mark.skipif(ASAN, reason="sanitizers read /proc themselves")
def test_no_proc(env):
    """Where nothing can be measured, as in a chroot, limits are refused and not forgotten."""
    program = Scripts(env).program
    hide = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
    if subprocess.run([*hide, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted")
    for limit, told in (([], "descriptor 0 is no listening socket"), (["-m", "1M"], "-m and -c take"),
                        (["-c", "1"], "-m and -c take /proc with")):
        done = subprocess.run([*hide, program, *limit, "-r", "/"], capture_output=True,
                              stdin=subprocess.DEVNULL, text=True, check=False)
        assert done.returncode == 1 and told in done.stderr, limit


def test_no_descriptors(anyfpm, env):
    """The worker cannot have pipes to a script: what the system lacks at present is a 503."""
    scripts = Scripts(env)
    hello = scripts.page("hello", "echo hello")
    with Client(anyfpm(scripts.command, {"rlimit_files": 8}).address) as client:
        answer = client.request(SCRIPT_FILENAME=hello)
    assert answer.status == 503 and answer.body.startswith(b"503 Service Unavailable")
    assert answer.stderr.decode().startswith(f"anyfpm-cgi: {hello}: ")
    assert b"Too many open files" in answer.stderr


@pytest.mark.skipif(not ROOT, reason="a user without processes takes root")
@pytest.mark.skipif(ASAN, reason="LeakSanitizer starts a process")
@pytest.mark.parametrize("processes, told", [
    (1, "it cannot be executed: Resource temporarily unavailable"),
    (2, "it was ended without an answer: there can be no thread that passes its body on")])
def test_no_processes(env, processes, told):
    """No script can be started; or it can, and no thread that feeds it: it is ended."""
    scripts = Scripts(env)
    script = scripts.add("a", f"echo $$ >{env.dir}/pub/pid; exec sleep 1000")
    # The kernel counts a process of a user for some time after its end: another one each time.
    uid = 20000 + 2 * (os.getpid() % 20000) + processes
    server = SpawnFcgi(env, f"/usr/bin/prlimit --nproc={processes} setpriv --reuid={uid} "
                            f"--clear-groups --regid={uid} {scripts.command}", 1)
    with Client(server.address) as client:
        answer = client.request(SCRIPT_FILENAME=script, body=b"a body")
    assert answer.status == 503
    assert answer.stderr.decode() == f"anyfpm-cgi: {script}: {told}\n"
