"""Reload, upgrade and the end of a pool with pm.preload: a new generation has a template of its own."""

import json
import os
import signal

import pytest
import upgrading
from fcgi import Client
from generations import Echo
from load import Load, all_right
from servers import SLOW, alive, wait_for
from statuspage import status

OPTIONS = {"pm.preload": "yes", "pm.max_children": 2, "pm.status_path": "/status"}


def ask(server, **more):
    with Client(server.address, 30 * SLOW) as c:
        return c.request(**more)


def template(server):
    """One that can fork workers, of a pool that has that one only."""
    return wait_for(lambda: len(server.templates()) == 1
                    and status(server)["template state"] == "ready" and server.templates(),
                    20 * SLOW, "a template that is ready")[0]


def test_new_generation_has_its_own(env, odd):
    """Under load; the old one ends with its pool process."""
    server = odd("echo", OPTIONS)
    seen = {template(server)}
    with Load(server.address, Echo()) as load:
        for _ in range(3):
            server.reload(signal.SIGUSR2)
            wait_for(lambda: len(server.pools()) == 1, 20 * SLOW, "the old one to end")
            seen.add(template(server))
    all_right(load)
    assert len(seen) == 4
    wait_for(lambda: [p for p in seen if alive(p)] == server.templates(), 5 * SLOW, "one template")


def test_preload_is_turned_on_and_off(odd):
    server = odd("echo", {**OPTIONS, "pm.preload": "no"})
    for value, count in (("yes", 1), ("no", 0), ("yes", 1)):
        server.change({"pm.preload": value})
        server.reload()
        wait_for(lambda: len(server.pools()) == 1 and len(server.templates()) == count, 20 * SLOW,
                 f"{count} template")
        assert ask(server).status == 200
        assert status(server).get("preload") == ("in effect" if count else None)


FAILURES = {
    "missing": ("/nonexistent/program", r"/nonexistent/program.*No such file"),
    "exits": ("dies-at-start", r"template \d+ exited with code 3 .*before it was ready"),
    "never accepts": ("never-accepts", r"it accepted no connection within pm.start_timeout"),
    "was killed": ("killed", r"template \d+ exited on signal 9 .*before it was ready"),
}


@pytest.mark.parametrize("how", FAILURES)
def test_held_successor_whose_template_fails(env, odd, how):
    """The old generation goes on, with its template and its workers."""
    server = odd("echo", OPTIONS)
    program, reason = FAILURES[how]
    before = server.pool(), template(server), server.wait_workers(2)
    if how == "was killed":
        server.change({"command": env.worker("slow-start", 20)})
        server.signal(signal.SIGHUP)
        new = wait_for(lambda: set(server.templates()) - {before[1]}, 20 * SLOW, "a template")
        os.kill(new.pop(), signal.SIGKILL)
        server.wait_log("reload failed")
    else:
        server.change({"command": program if program[0] == "/" else env.worker(program),
                       "pm.start_timeout": "1s" if how == "never accepts" else None})
        server.reload(fails=True)
    server.wait_log(reason)
    wait_for(lambda: len(server.pools()) == 1, 10 * SLOW, "the successor to end")
    assert (server.pool(), template(server), server.workers()) == before
    assert ask(server).status == 200
    server.change({"command": env.worker("hello"), "pm.start_timeout": None})
    server.reload()
    assert ask(server).body == b"hello\n"


def test_process_max_counts_no_template(env, odd):
    """As many workers as it allows, before and after a reload."""
    server = odd("echo", OPTIONS, global_options={"process.max": 2})
    for _ in range(2):
        server.wait_workers(2)
        assert template(server)
        with Load(server.address, Echo()) as load:
            server.reload(signal.SIGUSR2)
        all_right(load)
        wait_for(lambda: len(server.pools()) == 1, 20 * SLOW, "the old one to end")


def test_template_ends_before_requests_in_the_queue(odd):
    """QUIT: what waits is answered, also by workers that are forked for it; nothing stays."""
    server = odd("echo", {**OPTIONS, "pm.max_requests": 1})
    made = template(server)
    clients = [Client(server.address, 60 * SLOW) for _ in range(12)]
    for c in clients:
        c.start(query="do=slow&ms=600")
    wait_for(lambda: status(server)["listen queue"] > 4, 10 * SLOW, "a queue")
    server.signal(signal.SIGQUIT)
    assert [c.answer().status for c in clients] == [200] * len(clients)
    for c in clients:
        c.close()
    assert server.wait_exit(20 * SLOW) == 0
    wait_for(lambda: not alive(made), 5 * SLOW, "its end")


def test_quit_while_the_template_loads(odd):
    """Nobody waits for it where nobody asks."""
    server = odd("slow-start", OPTIONS, args=[30], wait=False)
    made = wait_for(server.templates, 20 * SLOW, "a template")[0]
    server.signal(signal.SIGQUIT)
    assert server.wait_exit(20 * SLOW) == 0
    wait_for(lambda: not alive(made), 5 * SLOW, "its end")


def test_request_that_waits_for_the_template(odd):
    """It is answered as soon as there is a worker, and not refused."""
    server = odd("slow-start", OPTIONS, args=[1], wait=False)
    wait_for(lambda: os.path.exists(server.address), 10 * SLOW, "its socket")
    assert ask(server, query="do=hello").status == 200


def test_upgrade(env, odd):
    """Each pool has a template of its new process."""
    server = upgrading.replaceable(env, odd, options=OPTIONS)
    before = template(server)
    with Load(server.address, Echo()) as load:
        for _ in range(2):
            upgrading.replace(server)
    all_right(load)
    assert template(server) != before
    wait_for(lambda: not alive(before), 5 * SLOW, "the end of the first")
    assert json.loads(ask(server).body)["pid"] in server.workers()
