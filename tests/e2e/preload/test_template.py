"""pm.preload: the program is loaded once, and workers are forked of it."""

import json
import os
import re
import signal

import pytest

from fcgi import Client
from programs import PROGRAMS
from servers import SLOW, alive, stat, wait_for

PHP = "/usr/bin/php-cgi8.2"


def ask(address, **more):
    with Client(address, 15 * SLOW) as c:
        return c.request(**more)


def template(server):
    return wait_for(server.templates, 10 * SLOW, "a template")[0]


def test_workers_are_forked(odd):
    """They are children of the pool process, in their own groups, with their own slots."""
    server = odd("echo", {"pm.preload": "yes", "pm.max_children": 3})
    first = template(server)
    workers = server.wait_workers(3)
    assert first not in workers
    for pid in workers:
        assert os.getpgid(pid) == pid and stat(pid)[1] == server.pool()
        with open(f"/proc/{pid}/environ", "rb") as f:
            assert re.search(rb"\0ANYFPM_SLOT=[1-9]\d*\0", f.read())
    assert ask(server.address).status == 200


def test_template_that_is_killed(odd):
    """Workers live on, and another template is there for those that follow."""
    server = odd("echo", {"pm.preload": "yes", "pm.max_children": 2})
    first, workers = template(server), server.wait_workers(2)
    os.kill(first, signal.SIGKILL)
    server.wait_log(rf"template {first} exited on signal 9")
    second = template(server)
    assert second != first and server.workers() == workers
    os.kill(workers[0], signal.SIGKILL)
    server.wait_log(rf"child {workers[0]} exited")
    server.wait_workers(2)
    assert ask(server.address).status == 200


@pytest.mark.parametrize("sig", [signal.SIGSTOP])
def test_template_that_is_stopped(odd, sig):
    server = odd("echo", {"pm.preload": "yes", "pm.max_children": 2})
    first, workers = template(server), server.wait_workers(2)
    os.kill(first, sig)
    server.wait_log(rf"template {first} exited on signal 9 .*stopped by a signal")
    os.kill(workers[0], signal.SIGKILL)
    server.wait_log(rf"child {workers[0]} exited")
    server.wait_workers(2)
    assert ask(server.address).status == 200


def test_warmup_of_the_template(odd):
    """pm.preload_warmup: it serves one request, and all workers are forked behind that."""
    server = odd("echo", {"pm.preload": "yes", "pm.preload_warmup": "/load?all=1",
                          "pm.max_children": 2, "pm.max_requests": 1})
    first = template(server)
    reports = [json.loads(ask(server.address).body) for _ in range(6)]
    assert len({r["pid"] for r in reports}) == 6
    assert [r["count"] for r in reports] == [2] * 6
    assert server.templates() == [first]


@pytest.mark.parametrize("query,why", [
    ("do=fail", "it answered pm.preload_warmup with status 500"),
    ("do=overloaded", "it ended pm.preload_warmup without an answer"),
    ("do=close", "it closed its connection during pm.preload_warmup"),
    ("do=garbage", "its answer to pm.preload_warmup is no FastCGI"),
    ("do=crash", "exited on signal 9 .* before it had answered pm.preload_warmup"),
    ("do=exit", "exited with code .* before it had answered pm.preload_warmup"),
    ("do=sleep&ms=60000", "it did not answer pm.preload_warmup within pm.start_timeout"),
])
def test_failed_warmup_of_the_template(odd, query, why):
    """Tried again with a growing pause; and said why."""
    server = odd("echo", {"pm.preload": "yes", "pm.preload_warmup": "/load?" + query,
                          "pm.start_timeout": "3s" if "sleep" in query else None}, wait=False)
    server.wait_log(rf"ERROR: \[pool www\] template \d+ .*{why}", timeout=10)
    server.wait_log("2 starts failed in a row")
    # Before it executes the program, a template looks like a worker.
    wait_for(lambda: not server.workers(), 5, "no worker")


@pytest.mark.limit(120)
@pytest.mark.parametrize("program", [p for p in PROGRAMS if p.name in (
    "ruby-fcgi", "fcgiwrap", "php-cgi", "cgi-fast", "mapserver")], ids=repr)
def test_programs_are_warmed_up(env, anyfpm, program):
    """They serve one request, stop before the next one, and their workers serve the others."""
    options = dict(program.make(env.dir), **{
        "pm.preload": "yes", "pm.preload_warmup": "/warm?up=1", "pm.max_children": 2})
    server = anyfpm(options.pop("command"), options, wait=False)
    server.wait_log(r"template \d+ is warmed up", timeout=20)
    server.wait_log(r"template \d+ is ready", timeout=20)
    server.wait_workers(2)
    for number in range(1, 5):
        answer = ask(server.address, **program.request(number))
        assert answer.status == 200 and program.right(number, answer)
    assert len(re.findall(r"template \d+ started", server.log())) == 1
