"""php-cgi with pm.preload has one OPcache and one APCu for the whole pool, as php-fpm has: the same
story is told of both, and ends the same."""

import json
import os
import shutil

import pytest
from others import Nginx, PhpFpm
from programs import need
from servers import ASAN, SLOW, WORKERS, wait_for
from web import fetch, fetch_all

PHP = "/usr/bin/php-cgi8.2"
MANY = 8  # workers
RECYCLED = {"pm.max_children": MANY, "pm.max_requests": 20}
REQUESTS = 400 if ASAN else 2000


@pytest.fixture
def scripts(env):
    """The path of the script; what it includes is old enough for OPcache to keep it."""
    need(PHP, "/usr/sbin/php-fpm8.2", "/etc/php/8.2/cgi/conf.d/20-apcu.ini",
         "/etc/php/8.2/cgi/conf.d/10-opcache.ini")
    shutil.copy(WORKERS + "/share.php", env.dir)
    with open(env.dir + "/shared.php", "w", encoding="ascii") as f:
        f.write("<?php return 1;\n")
    os.utime(env.dir + "/shared.php", (0, 1e9))
    return env.dir + "/share.php"


class Pool:
    """A pool behind nginx, told apart from another by nothing but its name."""

    def __init__(self, env, address, script):
        self.front = Nginx(env, address, keepalive=False, script=script)
        self.meetings = 0

    def ask(self, query=""):
        return self.right(fetch(self.front, "/?" + query))

    @staticmethod
    def right(reply):
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def all(self):
        """What each of the workers says, while all of them are there."""
        self.meetings += 1
        query = f"/?do=meet&place={self.meetings}&many={MANY}&seconds={20 * SLOW}"
        said = [self.right(r) for r in fetch_all(self.front, [query] * MANY, MANY)]
        assert len({s["pid"] for s in said}) == MANY, said
        return said

    def load(self):
        """The pids that have served it, while workers were replaced; none has counted what another had."""
        said = [self.right(r) for r in fetch_all(self.front, ["/?do=count"] * REQUESTS, MANY)]
        assert {s["shared"] for s in said} == {"stored"}
        assert sorted(s["count"] for s in said) == list(range(1, REQUESTS + 1))
        return {s["pid"] for s in said}


def story(pool):
    """What happens in a pool, and what all of its workers see of it."""
    seen = []

    def all_see(what, *names):
        said = [tuple(s[name] for name in names) for s in pool.all()]
        assert len(set(said)) == 1, (what, said)
        seen.append((what, said[0]))

    all_see("at first", "shared", "cached", "resets")
    began = {s["began"] for s in pool.all()}
    assert len(began) == 1, "one OPcache"
    pool.ask("do=store&value=stored")
    all_see("what one has stored", "shared")
    pool.ask("do=use")
    all_see("what one has compiled", "cached")

    first = {s["pid"] for s in pool.all()}
    # How many serve depends on how long a successor takes: until it is there one has some more.
    assert len(pool.load()) > MANY
    later = pool.all()
    assert {s["pid"] for s in later} - first
    assert {s["began"] for s in later} == began
    all_see("by workers that were started later", "shared", "cached", "count")

    pool.ask("do=reset")
    wait_for(lambda: not pool.ask()["pending"], 10 * SLOW, "OPcache to be reset")
    all_see("what one has reset", "cached", "resets", "shared")
    pool.ask("do=use")
    all_see("what was compiled after that", "cached")
    return seen


@pytest.mark.limit(240)
def test_opcache_and_apcu_are_those_of_php_fpm(env, anyfpm, scripts):
    server = anyfpm(PHP, {**RECYCLED, "pm.preload": "yes"})
    server.wait_workers(MANY)
    ours = story(Pool(env, server.address, scripts))
    assert dict(ours)["at first"] == (False, False, 0)
    assert dict(ours)["what one has reset"] == (False, 1, "stored")
    fpm = PhpFpm(env, MANY, ini=True, options={"pm.max_requests": RECYCLED["pm.max_requests"]})
    theirs = story(Pool(env, fpm.address, scripts))
    assert ours == theirs
    assert len(server.templates()) == 1


def test_without_preload_each_worker_has_its_own(env, anyfpm, scripts):
    """What php-fpm's users would miss."""
    server = anyfpm(PHP, {"pm.max_children": 2})
    pool = Pool(env, server.address, scripts)
    pool.ask("do=store&value=stored")
    asked = [pool.right(r) for r in fetch_all(
        pool.front, ["/?do=meet&place=here&many=2&seconds=2"] * 2, 2)]
    assert {s["shared"] for s in asked} == {"stored", False}
    assert len({s["pid"] for s in asked}) == 2
