"""A program that speaks the protocol of preload/template.h itself, and does one thing wrong."""

import re
import shlex
import shutil

import pytest
from fcgi import Client
from servers import PYTHON, SLOW, TOP, WORKERLIB, WORKERS, wait_for


def command(env, what):
    return shlex.join([PYTHON, env.dir + "/owntemplate.py", what])


@pytest.fixture
def wrong(env, anyfpm):
    def start(what, **more):
        for path in (TOP + "/contrib/preload/anyfpm_preload.py", WORKERS + "/owntemplate.py", *WORKERLIB):
            shutil.copy(path, env.dir)
        return anyfpm(command(env, what), {"pm.preload": "yes", "pm.max_children": 1,
                                           "catch_workers_output": "yes"}, **{"wait": False, **more})
    return start


def test_worker_that_cannot_become_one(wrong):
    """It says so itself: nobody waits for it, and the template is as good as before."""
    server = wrong("child-fails")
    server.wait_log("2 starts failed in a row")
    server.wait_workers(1)
    log = server.log()
    assert log.count("a child could not be forked: No space left on device") == 2
    assert len(re.findall(r"template \d+ started", log)) == 1 and "does not fork" not in log
    with Client(server.address, 15 * SLOW) as c:
        assert c.request().body == b"hello\n"


@pytest.mark.parametrize("what,why", [
    ("babbles", "it says what nobody understands"),
    ("lies", "who says that it is a worker is no child of ours, or is one already"),
])
def test_template_that_talks_nonsense(wrong, what, why):
    """It is said once, and is its end."""
    server = wrong(what)
    server.wait_log("2 starts failed in a row")
    log = server.log()
    said = re.findall(rf"ERROR: \[pool www\] template (\d+) is of no use: {why}\n", log)
    assert len(said) >= 2 and len(set(said)) == len(said)
    server.wait_log(rf"template {said[0]} exited on signal 9 .*; stopped: {why}")
    # Before it executes the program, a template looks like a worker.
    wait_for(lambda: not server.workers(), 5, "no worker")


def test_template_that_cannot_hear_orders(wrong):
    """It is ended, and no start of a worker is said to have failed because of that."""
    server = wrong("closes")
    server.wait_log("2 starts failed in a row")
    log = server.log()
    assert len(re.findall(r"template \d+ exited on signal 9 .* before its first worker", log)) >= 2
    assert "cannot start a child" not in log


@pytest.mark.parametrize("what,line", [
    ("child-prints", r'child (\d+) said into stderr: "before it is one'),
    ("template-prints", r'template (\d+) said into stdout: "last words'),
])
def test_who_has_said_it(wrong, what, line):
    """A worker that is not known yet, and a template that is not there any more."""
    server = wrong(what)
    server.wait_log(line)
    pid = re.search(line, server.log()).group(1)
    server.wait_log(rf"(child|template) {pid} started")  # it may say something before that is known


@pytest.mark.parametrize("what", ["child-fails", "babbles", "lies", "closes"])
def test_successor_that_is_wrong(env, wrong, what):
    """It is held until its first worker is ready: the old generation serves on."""
    server = wrong("nothing", wait=True)
    before = server.pools()
    server.change({"command": command(env, what)})
    server.reload(fails=True)
    wait_for(lambda: server.pools() == before, 20 * SLOW, "the successor to end")
    with Client(server.address, 15 * SLOW) as c:
        assert c.request().body == b"hello\n"
