"""Real programs under reload: no request fails or runs twice, whatever the program is like."""

import itertools
import json
import signal
import time

import pytest
from generations import Echo
from load import Load, all_right
from programs import PROGRAMS
from servers import SLOW, alive, wait_for

RELOADS = 3


def replace(server):
    """A new generation, and the end of the one before."""
    before = server.pools()
    server.reload(signal.SIGUSR2, timeout=30)
    wait_for(lambda: not any(map(alive, before)), 30 * SLOW, "the one before to end")


@pytest.mark.limit(400)  # it may have to compile
@pytest.mark.parametrize("program", PROGRAMS, ids=repr)
def test_nobody_is_lost(env, anyfpm, program):
    options = dict(program.make(env.dir), **{"pm.max_children": 4})
    server = anyfpm(options.pop("command"), options, global_options={"log_level": "notice"})
    with Load(server.address, program, itertools.count()) as load:
        for _ in range(RELOADS):
            replace(server)
    all_right(load, program)


# What programs do that make it hard: arguments of the misbehaving worker, directives, and how many
# seconds one generation takes at least to follow the other.
HARD = {
    "ignores SIGTERM": (("ignores-term",), {"pm.stop_timeout": "500ms"}, 0),
    "loads for 3 s": (("slow-start", "3"), {}, 3),
    "leaks": (("echo",), {"pm.max_memory": "40M"}, 0),
}


class Leaking(Echo):
    """Each request takes a MB that is never given back."""

    def request(self, number, ms=0):
        more = super().request(number, ms)
        return dict(more, query=more["query"] + "&do=leak")

    def right(self, number, answer):
        return json.loads(answer.body)["rss_kb"] > 0


@pytest.mark.parametrize("name", HARD)
def test_hard_ones(odd, name):
    args, options, seconds = HARD[name]
    server = odd(args[0], {"pm.max_children": 2, **options}, args=args[1:])
    began = time.monotonic()
    program = Leaking() if name == "leaks" else Echo()
    with Load(server.address, program, clients=4, pause=0.01) as load:
        for _ in range(RELOADS):
            replace(server)
    all_right(load)
    assert time.monotonic() - began >= seconds * RELOADS
