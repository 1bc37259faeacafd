"""Behind Apache's mod_proxy_fcgi, event MPM, with and without enablereuse."""

import json

import pytest
import servers
from web import fetch, fetch_all, pattern


@pytest.mark.parametrize("reuse", [True, False], ids=["reuse", "no reuse"])
@pytest.mark.parametrize("listen", ["unix", "tcp"])
def test_demo(env, anyfpm, apache, listen, reuse):
    """Many requests at once, a large answer, an upload."""
    address = f"127.0.0.1:{servers.free_port()}" if listen == "tcp" else None
    front = apache(anyfpm(env.demo, {"pm.max_children": 2}, listen=address), reuse=reuse)
    for i, reply in enumerate(fetch_all(front, [f"/?n={i}" for i in range(200)])):
        assert reply.status == 200 and f"n={i}<".encode() in reply.body
    assert fetch(front, "/large?bytes=3000000").body == pattern(3000000)
    assert fetch(front, "/upload", "POST", b"u" * 2000000).body.startswith(b"bytes 2000000\n")


def test_idle_connections_of_apache_pin_no_worker(odd, apache):
    """Reused connections outnumber the workers, and everybody is still served."""
    front = apache(odd(options={"pm.max_children": 1}), reuse=True)
    replies = fetch_all(front, ["/?do=slow&ms=20"] * 60, threads=30)
    assert [r.status for r in replies] == [200] * 60
    assert json.loads(fetch(front, "/").body)["number"] == 61


@pytest.mark.parametrize("reuse", [True, False], ids=["reuse", "no reuse"])
def test_crash_is_a_502(odd, apache, reuse):
    """Apache passes our 502 on, and the next request is served."""
    front = apache(odd(), reuse=reuse)
    reply = fetch(front, "/?do=crash")
    assert reply.status == 502 and b"<html" in reply.body.lower()
    assert fetch(front, "/").status == 200
