"""A reload that takes long says what it waits for: in the log, to who asked for it, in the status."""

import contextlib
import os
import re
import signal

import control
from fcgi import Client
from servers import SLOW, wait_for

GENERATIONS = 4  # of a pool, at the same time
LONG = 30  # seconds until it is said: ten, and some


def occupy(server, clients):
    """A request that runs for longer than the test."""
    client = clients.enter_context(Client(server.address, 60))
    client.start(query="do=sleep&ms=120000")
    wait_for(lambda: control.status(server)[1]["www"]["active processes"] > len(clients.waiting),
             10 * SLOW, "the request to run")
    clients.waiting.append(client)


class Clients(contextlib.ExitStack):
    def __init__(self):
        super().__init__()
        self.waiting = []


def is_said(server, what):
    """In all places; returns the process that waits for the reload."""
    reload = control.start(server, "reload", "-f", "--json")
    said = server.wait_log(rf"NOTICE: \[pool www\] the reload takes long: ({what})", timeout=LONG)
    state = control.status(server)[1]["www"]
    assert state["state"] == "reloading"
    assert re.match(what, state["reload waits"]), state
    assert "the reload takes long" in control.send(server, "status").stdout
    line = next(line for line in reload.stdout if "pool www: " in line)
    assert re.search(what, line), (said.group(1), line)
    return reload


def ends(server, reload):
    reload.communicate(timeout=30 * SLOW)
    assert reload.returncode == 0
    assert "reload waits" not in control.status(server)[1]["www"]
    assert server.log().count("takes long") == 1


def test_for_earlier_generations(controlled):
    """There may be four of them; requests that never end keep them, and kill ends one."""
    server = controlled(options={"pm.max_children": 2, "pm.max_surge": GENERATIONS})
    with Clients() as clients:
        for _ in range(GENERATIONS - 1):
            occupy(server, clients)
            server.reload(signal.SIGUSR2)
        occupy(server, clients)
        assert len(server.pools()) == GENERATIONS
        listed = r"\d+ \(1 request\), \d+ \(1 request\), \d+ \(1 request\)"
        reload = is_said(server, "it waits until what the processes before still have is finished: "
                         + listed + "; process_control_timeout")
        clients.waiting[0].close()
        ends(server, reload)


def test_for_a_place(controlled):
    """With one worker and no surge, the only request has to end."""
    server = controlled(options={"pm.max_children": 1, "pm.max_surge": 0})
    with Clients() as clients:
        occupy(server, clients)
        reload = is_said(server, rf"it waits for the place of one worker of process {server.pool()} "
                         r"\(1 request\); pm.max_surge")
        os.kill(server.workers()[0], signal.SIGKILL)
        ends(server, reload)
