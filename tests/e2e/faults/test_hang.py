"""A process of anyfpm's own that hangs has not died, and yet it serves nobody: it is noticed."""

import http.client
import os
import re
import signal
import time

import pytest
from fcgi import Client
from hanging import GO_ON, hang, hang_library  # noqa: F401
from scraping import metrics_pid
from servers import SLOW, alive, stat, status_of, wait_for

HANGS = r"ERROR.*{} {} hangs: it has not answered for [\d.]+ seconds \(process_hang_timeout\)"


def test_a_pool_process_that_hangs_is_replaced(hang, metrics):  # noqa: F811
    """Health checks know it first; whoever waits at its address is served by the next one."""
    server, endpoint = metrics(global_options={"process_hang_timeout": "4s"})
    server.wait_workers(2)
    pid, workers = server.pool(), server.workers()
    assert endpoint.health()[0] == 200
    began = time.monotonic()
    hang(pid)
    with Client(server.address, timeout=60) as c:
        c.start()
        wait_for(lambda: endpoint.health()[0] == 503, 10 * SLOW, "health to tell of it")
        assert "pool www: its process does not answer" in endpoint.health()[1]
        assert alive(pid)
        server.wait_log(HANGS.format("pool process", pid), timeout=20)
        assert time.monotonic() - began > 3.5, "it had less time than it may take"
        assert c.answer().status == 200
    assert re.search(rf"WARNING.*pool process {pid} has not answered for 1\.0 seconds",
                     server.log())
    server.wait_log(rf"pool process {pid} exited on signal 9")
    assert server.pool() != pid
    wait_for(lambda: endpoint.health()[0] == 200, 10 * SLOW, "the next one to be healthy")
    wait_for(lambda: not any(alive(w) for w in workers), 5, "its workers to end")


def test_one_that_answers_again_stays(hang, metrics):  # noqa: F811
    server, endpoint = metrics(global_options={"process_hang_timeout": "12s"})
    pid = server.pool()
    hang(pid)
    wait_for(lambda: endpoint.health()[0] == 503, 40, "health to tell of it")
    hang(pid, GO_ON)
    server.wait_log(f"pool process {pid} answers again")
    wait_for(lambda: endpoint.health()[0] == 200, 5 * SLOW, "it to be healthy")
    with Client(server.address) as c:
        assert c.request().status == 200
    assert server.pool() == pid and "hangs" not in server.log()


def test_a_metrics_process_that_hangs_is_replaced(hang, metrics):  # noqa: F811
    server, endpoint = metrics(global_options={"process_hang_timeout": "2s"})
    pid = metrics_pid(server)
    hang(pid)
    server.wait_log(HANGS.format("metrics process", pid), timeout=20)
    wait_for(lambda: endpoint.health()[0] == 200, 10 * SLOW, "the next one to serve")
    assert metrics_pid(server) != pid


def test_a_reload_changes_the_timeout(hang, metrics):  # noqa: F811
    """What was silent is unasked with 0, and whoever runs then is asked again."""
    server, endpoint = metrics(global_options={"process_hang_timeout": "40m"})

    def reload(timeout):
        with open(server.config_path, encoding="utf-8") as f:
            text = f.read()
        with open(server.config_path, "w", encoding="utf-8") as f:
            f.write(re.sub(r"process_hang_timeout = .*", f"process_hang_timeout = {timeout}", text))
        server.signal(signal.SIGHUP)

    def health():
        try:
            return endpoint.health()[0]
        except (OSError, http.client.HTTPException):
            return None  # the process that tells it was replaced meanwhile

    pid = server.pool()
    hang(pid)
    reload("12s")
    wait_for(lambda: health() == 503, 20, "health to tell of it")
    reload("0")
    wait_for(lambda: health() == 200, 20, "nobody to ask")
    reload("2s")
    server.wait_log(HANGS.format("pool process", pid), timeout=20)
    with Client(server.address) as c:
        assert c.request().status == 200


def test_time_that_stood_still_does_not_count(metrics):
    """All are stopped and go on, as at a suspend: nobody was at fault."""
    server, endpoint = metrics(global_options={"process_hang_timeout": "2s"})
    pids = [server.pid, server.pool(), metrics_pid(server)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda pid=pid: stat(pid)[0] == "T", 5, "it to stop")
    time.sleep(5)  # longer than they may hang
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    time.sleep(3)
    wait_for(lambda: endpoint.health()[0] == 200, 10 * SLOW, "all of them to answer")
    assert [server.pid, server.pool(), metrics_pid(server)] == pids
    assert "hangs" not in server.log()


def test_one_that_is_stopped_goes_on_at_once(odd):
    """The kernel tells of that one: no time has to pass."""
    server = odd(global_options={"process_hang_timeout": "1d"})
    pid = server.pool()
    os.kill(pid, signal.SIGSTOP)
    server.wait_log(f"pool process {pid} was stopped by signal 19; continuing it")
    with Client(server.address) as c:
        assert c.request().status == 200
    assert server.pool() == pid


@pytest.mark.parametrize("timeout,asked", [("0", False), ("1s", True)])
def test_who_is_asked(odd, timeout, asked):
    """An idle pool process runs only to answer, now and then, and with 0 not even for that."""
    server = odd(options={"pm": "ondemand"}, global_options={"process_hang_timeout": timeout})

    def runs():
        return int(status_of(server.pool())["voluntary_ctxt_switches"])

    def rests(seconds):
        before = runs()
        time.sleep(seconds)  # nothing is waited for: this is about what does not happen
        return runs() == before

    wait_for(lambda: rests(0.5), 10, "it to be idle")
    if asked:
        before = runs()
        wait_for(lambda: runs() >= before + 2, 20, "it to be asked")
    else:  # one that is idle is asked at every eighth tick at least
        wait_for(lambda: rests(3), 10, "it to rest")
