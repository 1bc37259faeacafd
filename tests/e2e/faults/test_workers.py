"""Workers that misbehave: what their client gets, what the log says, and who replaces them."""

import json
import os
import pwd
import re
import signal
import time

import fcgi
import pytest
from fcgi import Client
from servers import ASAN, ROOT, SLOW, USER, alive, free_port, memory_kb, stat, wait_for

OBITUARY = r"\[pool www\] child %s exited on signal 9 \(SIGKILL[^)]*\) after [0-9.]+ seconds"


def check_502(answer):
    assert answer.status == 502
    assert answer.header["content-type"].startswith("text/html")
    assert b"502" in answer.body and len(answer.body) < 2000
    assert answer.protocol_status == fcgi.REQUEST_COMPLETE


@pytest.mark.parametrize("do", ["garbage", "wrong-id", "wrong-version", "endless-header",
                                "cut-header", "close", "crash", "segv", "exit&code=1"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_bad_answer_is_an_explained_502(odd, do, method):
    """502 to that client alone, a log line that says why, and service goes on."""
    server = odd(options={"pm.max_children": 1})
    with Client(server.address) as c:
        check_502(c.request(query="do=" + do, method=method))
        server.wait_log(r"(WARNING|ERROR|NOTICE): \[pool www\].*answered 502")
        for _ in range(3):
            assert c.request(method=method).status == 200


def test_endless_stderr_is_bounded(odd):
    """A worker that never stops complaining costs no memory and blocks nobody else."""
    server = odd(options={"pm.max_children": 2, "catch_workers_output": "yes"})
    with Client(server.address) as noisy, Client(server.address) as c:
        noisy.start(query="do=endless-stderr")
        for _ in range(50):
            assert c.request().status == 200
        time.sleep(1)
        if not ASAN:
            assert memory_kb(server.pool()) < 40000
    assert os.path.getsize(server.log_path) < 20 << 20


@pytest.mark.parametrize("do", ["cut-body", "no-end"])
def test_cut_response_never_looks_whole(odd, do):
    """A response that has begun and cannot end: the connection closes without END_REQUEST."""
    server = odd()
    with Client(server.address) as c:
        c.start(query="do=" + do + "&x=" + "y" * 10)
        with pytest.raises(fcgi.Closed):
            c.answer()
    with Client(server.address) as c:
        assert c.request().status == 200


def test_cut_response_beside_other_requests(odd, env):
    """Others on the same connection finish first."""
    server = odd(options={"pm.max_children": 3})
    server.wait_workers(3)
    with Client(server.address) as c:
        c.start(2, query=f"do=split&until={env.dir}/pub/go")  # the others have a second
        c.start(1, query="do=cut-body")
        while not c.answers.get(1, fcgi.Answer()).stdout.endswith(b"the first half"):
            c.take()
        with open(env.dir + "/pub/go", "wb"):
            assert c.answer(2).status == 200
        assert c.at_end() or not c.answers[1].ended
        assert not c.answers.get(1, fcgi.Answer()).ended


def test_obituary(odd):
    """One line per death: pool, pid, signal, age; then the successor's start."""
    server = odd(options={"pm.max_children": 1})
    with Client(server.address) as c:
        pid = json.loads(c.request().body)["pid"]
        server.wait_log(r"\[pool www\] child %d started" % pid)
        os.kill(pid, 9)
        server.wait_log(OBITUARY % pid + r" from start, 1 requests?")
        successor = json.loads(c.request().body)["pid"]
    assert successor != pid
    assert server.log().count(f"child {pid} exited") == 1
    server.wait_log(r"\[pool www\] child %d started" % successor)


def test_idle_worker_killed_loses_nothing(odd):
    """The death of an idle worker is seen before the next request is given to it."""
    server = odd(options={"pm.max_children": 1})
    with Client(server.address) as c:
        for _ in range(5):
            pid = json.loads(c.request().body)["pid"]
            os.kill(pid, 9)
            wait_for(lambda: not alive(pid), 5)
            server.wait_log(OBITUARY % pid)
            assert c.request().status == 200


@pytest.mark.parametrize("late", ["0", "0.02", "0.2"])
def test_worker_that_closes_after_each_request(odd, late):
    """No KEEP_CONN support: connect again, lose nothing, keep the process; also when it has to wait
    for its CPU before it can close."""
    server = odd("no-keepalive", {"pm.max_children": 1}, args=(late,))
    with Client(server.address) as c:
        answers = [json.loads(c.request(body=b"x" * 10).body) for _ in range(12)]
    assert len({a["pid"] for a in answers}) == 1


def test_post_has_a_connection_of_its_own(odd):
    """So that it is known whether it was accepted. The program leaves at the third request of a
    connection."""
    server = odd("exit-on-reuse", {"pm.max_children": 1})
    with Client(server.address) as c:
        assert len({json.loads(c.request(body=b"x").body)["pid"] for _ in range(6)}) == 1
        for i in range(30):
            assert c.request(body=b"x" * (i % 3)).status == 200


def test_worker_that_exits_after_some_requests(odd):
    """Exit 0 after N requests is intended: nothing is lost, also a POST."""
    server = odd("exits-after", {"pm.max_children": 2}, args=(3,))
    with Client(server.address) as c:
        for i in range(40):
            assert c.request(body=b"x" if i % 2 else b"").status == 200
    assert "answered 502" not in server.log()


@pytest.mark.executed
@pytest.mark.parametrize("body", [b"", b"x"], ids=["GET", "POST"])
def test_a_row_of_workers_that_leave(odd, env, body):
    """All leave, one after another, before a new one is ready: each is given the request and does
    not read it, which is no reason to give up."""
    gate, count = env.dir + "/pub/gate", 10
    server = odd("starts-without", {"pm.max_children": count}, args=(gate,))
    server.wait_workers(count, timeout=20 * SLOW)
    with open(gate, "wb"), Client(server.address, timeout=20 * SLOW) as c:
        first = time.monotonic() + 4 * SLOW
        for i in reversed(range(count)):  # each to another one, as those before work on
            assert c.request(query=f"do=exit-after&at={first + 0.5 * i}").status == 200
        # Of those that seem at work, the one that was used last is tried first.
        c.start(body=body)
        server.wait_log(r"child \d+ exited with code 0", count, timeout=15)
        os.unlink(gate)
        assert c.answer().status == 200
    # Two that have left within a pause of the machine are found dead at once.
    assert server.log().count("given to a worker again") > 6


def test_answer_without_reading_the_body(odd):
    """A whole answer while the body is still on its way is forwarded as it is."""
    server = odd("ignore-body", {"pm.max_children": 1})
    with Client(server.address) as c:
        for _ in range(5):
            answer = c.request(body=b"b" * 2000000)
            assert answer.status == 413 and answer.body == b"no\n"


# The retry rule ---------------------------------------------------------------

@pytest.mark.parametrize("method,body", [("GET", b""), ("HEAD", b""), ("OPTIONS", b"")])
def test_reused_connection_reset_is_retried(odd, method, body):
    """A worker that crashes with the request unread, on a reused connection: given to another."""
    server = odd("crash-on-reuse", {"pm.max_children": 1})
    with Client(server.address) as c:
        for _ in range(8):  # the third, fifth and seventh kill their worker
            assert c.request(method=method, body=body).status == 200
    server.wait_log(r"child \d+ exited on signal 9", 3)
    assert len(re.findall(r"child \d+ exited on signal 9", server.log())) == 3


def test_post_is_never_retried_after_a_crash(odd, env):
    """A POST that a worker accepted is a 502: it may have had an effect."""
    note = env.dir + "/pub/note"
    server = odd("notes-requests", {"pm.max_children": 2}, args=(note,))
    with Client(server.address) as c:
        check_502(c.request(query="do=crash", body=b"x"))
        assert c.request(body=b"x").status == 200
    with open(note, encoding="ascii") as f:
        assert len(f.readlines()) == 2


def test_a_request_is_retried_once_only(odd):
    """A request that kills its worker does not wander through the pool."""
    server = odd("crash-before-reading", {"pm.max_children": 4})
    with Client(server.address) as c:
        check_502(c.request())
    assert len(re.findall(OBITUARY % r"\d+", server.log())) <= 2


def test_request_read_by_the_worker_is_not_repeated(odd, env):
    """A worker that read a GET and crashed may have acted on it: one execution, one 502."""
    note = env.dir + "/pub/note"
    server = odd("notes-requests", {"pm.max_children": 2}, args=(note,))
    with Client(server.address) as c:
        check_502(c.request(query="do=crash"))
    with open(note, encoding="ascii") as f:
        assert len(f.readlines()) == 1


def test_retry_can_be_turned_off(odd):
    """request_retry = no."""
    server = odd("crash-on-reuse", {"pm.max_children": 1, "request_retry": "no"})
    with Client(server.address) as c:
        assert [c.request().status for _ in range(2)] == [200, 200]
        check_502(c.request())


# Programs that do not start -----------------------------------------------------

def test_program_that_dies_at_once_is_not_tried_in_a_loop(odd, env):
    """Then one attempt at a time, 0.5 s doubling; 503 quickly; the obituary quotes its stderr."""
    note = env.dir + "/pub/note"
    server = odd("dies-at-start", {"pm.max_children": 4}, args=(note,), wait=False)
    wait_for(lambda: os.path.exists(note), 10)
    started = time.monotonic()
    wait_for(lambda: os.path.exists(server.address), 5)
    with Client(server.address) as c:
        assert c.request().status == 503  # or the client had waited too long
    time.sleep(max(0, 3 - (time.monotonic() - started)))
    server.wait_log("cannot find the database")
    said = server.log().count("cannot find the database")
    with open(note, encoding="ascii") as f:
        at = sorted(float(line) for line in f)
    # All four at the start, then one after 0.5 s and one after another 1 s.
    soon = sum(t < at[0] + 3 for t in at)
    assert 2 <= soon <= 6, f"{soon} attempts in 3 s with four workers wanted"
    assert said <= len(at)


def script(path, interpreter, *lines):
    with open(path + ".new", "w", encoding="ascii") as f:
        f.write("\n".join([f"#!{interpreter}", *lines, ""]))
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)


def test_program_that_cannot_be_executed(anyfpm, env):
    """The log names the program and the reason; the pool goes on trying, slowly."""
    path = env.dir + "/program"
    script(path, "/nonexistent/interpreter")
    server = anyfpm(path, wait=False)
    server.wait_log(re.escape(path) + ".*No such file or directory")
    wait_for(lambda: os.path.exists(server.address), 5)
    with Client(server.address) as c:
        assert c.request().status == 503
    time.sleep(1.5)
    assert server.log().count("No such file or directory") <= 5


def test_program_that_can_be_executed_later(anyfpm, env):
    """A program that is mended while we try: the pool serves."""
    path = env.dir + "/program"
    script(path, "/nonexistent/interpreter")
    server = anyfpm(path, wait=False)
    server.wait_log("No such file or directory")
    script(path, "/bin/sh", "exec " + env.worker("echo"))

    def serves():
        with Client(server.address) as c:
            return c.request().status == 200
    wait_for(serves, 15, "the pool to serve", interval=0.2)


def test_program_that_never_accepts(odd):
    """pm.start_timeout: killed and reported; its client is answered, not kept for ever."""
    server = odd("never-accepts", {"pm.max_children": 1, "pm.start_timeout": "1s",
                                   "request_queue_timeout": "3s"}, wait=False)
    wait_for(lambda: os.path.exists(server.address), 5)
    with Client(server.address) as c:
        assert c.request().status == 503
    server.wait_log(r"\[pool www\] (?:child|template) \d+.*(start_timeout|did not accept|not ready)")


@pytest.mark.executed
def test_program_that_never_accepts_is_tried_more_and_more_slowly(odd):
    """A start that took too long counts from its kill, whatever is done until it is reaped."""
    server = odd("never-accepts", {"pm.max_children": 3, "pm.start_timeout": "300ms"}, wait=False)
    last = server.wait_log("3 starts failed in a row; the next attempt is in 2.0 seconds",
                           timeout=10)
    # All three at the start, then one after 0.5 s and one after another 1 s.
    until_then = last.string[:last.end()]
    assert len(re.findall(r"child \d+ started", until_then)) == 5
    for n in (1, 2, 3):
        assert until_then.count(f"{n} start{'s' * (n > 1)} failed in a row") == 1


def test_slow_start_is_waited_for(odd):
    """A request that comes while the first worker starts is queued, not refused."""
    server = odd("slow-start", {"pm.max_children": 1}, args=("1.5",), wait=False)
    wait_for(lambda: os.path.exists(server.address), 5)
    with Client(server.address) as c:
        assert c.request().status == 200


def test_stopped_idle_worker_is_replaced(odd):
    """SIGSTOP of an idle worker: nothing more is given to it."""
    server = odd(options={"pm.max_children": 1})
    with Client(server.address) as c:
        pid = json.loads(c.request().body)["pid"]
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: stat(pid) is None, 5 * SLOW, "the stopped worker to be removed")
        assert json.loads(c.request().body)["pid"] != pid


# What a worker is given -----------------------------------------------------------

@pytest.mark.executed  # Python has a copy of the environment that it was executed with
def test_environment(odd):
    """clear_env: PATH, HOME, USER, ANYFPM_POOL, ANYFPM_SLOT and env[] only."""
    server = odd(options={"env[Mixed_Case]": "value with spaces", "env[ANYFPM_TEST]": None,
                          "env[ASAN_OPTIONS]": None, "env[UBSAN_OPTIONS]": None})
    with Client(server.address) as c:
        got = json.loads(c.request(query="do=self").body)["environ"]
    got.pop("LC_CTYPE", None)  # python's own
    assert got.pop("ANYFPM_POOL") == "www"
    assert got.pop("ANYFPM_SLOT").isdigit()
    assert got.pop("Mixed_Case") == "value with spaces"
    assert set(got) <= {"PATH", "HOME", "USER"} and "PATH" in got


def test_environment_is_passed_on_request(odd, monkeypatch):
    """clear_env = no adds what anyfpm was started with; but a worker's slot is our own word."""
    monkeypatch.setenv("FROM_OUTSIDE", "yes")
    monkeypatch.setenv("ANYFPM_SLOT", "from outside")
    server = odd(options={"clear_env": "no"})
    with Client(server.address) as c:
        got = json.loads(c.request(query="do=self").body)["environ"]
    assert got["FROM_OUTSIDE"] == "yes"
    assert got["ANYFPM_SLOT"].isdigit()


def test_user_group_and_directory(odd, env):
    """Workers run as the pool's user, without root's groups, in chdir."""
    server = odd(options={"chdir": env.dir + "/pub"})
    with Client(server.address) as c:
        got = json.loads(c.request(query="do=self").body)
    assert got["cwd"] == env.dir + "/pub"
    if ROOT:
        user = pwd.getpwnam(USER)
        assert (got["uid"], got["gid"]) == (user.pw_uid, user.pw_gid)
        assert 0 not in got["groups"]
    else:
        assert got["uid"] == os.getuid()


def test_every_worker_serves(odd, env):
    """One request at a time each: as many side by side as there are workers."""
    server = odd(options={"pm.max_children": 4}, listen=f"127.0.0.1:{free_port()}")
    server.wait_workers(4)
    clients = [Client(server.address) for _ in range(4)]
    for c in clients:
        c.start(query=f"do=split&until={env.dir}/pub/go")
    for c in clients:  # all have begun before one of them ends
        while not c.take().content.endswith(b"first\n"):
            pass
    with open(env.dir + "/pub/go", "wb"):
        assert all(c.answer().status == 200 for c in clients)
    for c in clients:
        c.close()
