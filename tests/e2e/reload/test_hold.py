"""A pool process that is to follow another: it shows that it can serve before it accepts."""

import os
import re
import signal

import pytest

from fcgi import Client
from servers import SLOW, alive, wait_for

EXIT_CONFIG = 78
MANAGERS = {
    "static": {"pm": "static", "pm.max_children": 3},
    "dynamic": {"pm": "dynamic", "pm.max_children": 3, "pm.start_servers": 3,
                "pm.min_spare_servers": 1, "pm.max_spare_servers": 3},
    "ondemand": {"pm": "ondemand", "pm.max_children": 3},
}
SERVES_WITH = {"static": 3, "dynamic": 3, "ondemand": 1}


@pytest.mark.parametrize("pm", MANAGERS)
def test_one_worker_until_it_accepts(seat, pm):
    """Whatever pm is it starts one, accepts nobody; told to, it accepts and starts the others."""
    s = seat("hello", MANAGERS[pm])
    held = s.serve(hold=True)
    assert held.said("BEGUN")
    assert held.said("READY")[0][0] == held.wait_workers(1)[0]
    with Client(s.address, 30) as c:
        c.start(uri="/")
        with pytest.raises(TimeoutError):
            c.sock.settimeout(0.3)
            c.sock.recv(1)
        assert len(held.workers()) == 1
        c.sock.settimeout(30)
        held.say("ACCEPT")
        held.wait_said("ACCEPTING")
        assert c.answer().body == b"hello\n"
        held.wait_workers(SERVES_WITH[pm])
    assert len(held.said("READY")) == 1


def test_warms_up_first(seat, env):
    """Ready is what has answered pm.warmup."""
    mended = env.dir + "/pub/mended"
    s = seat("starts-with", {"pm.warmup": "/warm-up", "pm": "ondemand"}, args=(mended,))
    held = s.serve(hold=True, ready=False)
    held.wait_said("BEGUN")
    held.wait_workers(1)
    assert not held.said("READY")
    with open(mended, "wb"):
        pass
    held.wait_ready()
    assert not held.said("FAILED")


FAILURES = {
    "no such command": ({"command": "/nonexistent/program"}, r"its first worker did not start: .*"
                        r"/nonexistent/program.*No such file"),
    "exits": ("dies-at-start", r"its first worker exited with code 3 before it was ready: "
              r"cannot find the database$"),
    "never accepts": ("never-accepts", {"pm.start_timeout": "300ms"},
                      r"before it was ready; stopped: .*pm\.start_timeout"),
    "warm-up fails": ("fail", {"pm.warmup": "/"}, r"; stopped: it answered pm\.warmup with status"),
}


@pytest.mark.parametrize("pm", ["static", "ondemand"])
@pytest.mark.parametrize("name", FAILURES)
def test_cannot_serve(seat, name, pm):
    """It says why, does not try again, and ends with a code of its own; its place stays free."""
    how, expected = FAILURES[name][:-1], FAILURES[name][-1]
    behavior = "hello" if isinstance(how[0], dict) else how[0]
    options = dict(how[-1] if isinstance(how[-1], dict) else {}, pm=pm)
    command = options.pop("command", None)
    s = seat(behavior, options)
    if command:
        s.reconfigure("command", command)
    held = s.serve(hold=True, ready=False)
    held.exit_code = EXIT_CONFIG
    assert held.wait_exit() == EXIT_CONFIG
    why = held.wait_said("FAILED")[1].decode()
    assert re.search(expected, why), why
    assert not held.said("READY")
    assert "next attempt" not in s.log()
    assert s.log().count("started\n") <= 1


def test_dies_before_it_accepts(seat):
    """Ready, and then gone while it is held back: it cannot follow either."""
    s = seat("hello")
    held = s.serve(hold=True)
    held.exit_code = EXIT_CONFIG
    os.kill(held.workers()[0], signal.SIGSEGV)
    assert held.wait_exit() == EXIT_CONFIG
    assert b"signal 11" in held.wait_said("FAILED")[1]


@pytest.mark.parametrize("how", ["STOP", "DRAIN", "HAND_OVER", "end of file"])
def test_ends_at_once(seat, how):
    """Told to end while it is held back it does, and leaves who waits at its address to others."""
    s = seat("hello")
    held = s.serve(hold=True)
    workers = held.workers()
    with Client(s.address, 30) as c:
        c.start(uri="/")
        if how == "end of file":
            held.sock.close()
        else:
            held.say(how)
        assert held.wait_exit() == 0
        wait_for(lambda: not any(map(alive, workers)), 5 * SLOW)
        s.serve()
        assert c.answer().body == b"hello\n"
