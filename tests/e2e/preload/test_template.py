"""pm.preload: the program is loaded once, and workers are forked of it."""

import os
import re
import signal

import pytest

from fcgi import Client
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
