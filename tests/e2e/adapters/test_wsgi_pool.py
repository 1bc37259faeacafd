"""contrib/adapters/wsgi in a pool: web servers, limits, workers side by side, pm.preload."""

import hashlib
import http.client
import json
import select
from urllib.parse import unquote_to_bytes

import others
import pytest
import web
from concurrency import AtOnce
from fronts import Front, need, socket_of
from servers import SLOW, memory_kb, wait_for
from statuspage import status
from wsgi import command, pool

CUT = (http.client.HTTPException, ConnectionError)


def told(front, path="/tell"):
    return json.loads(web.fetch(front, path).body)


def plain_lighttpd(env, server):
    def edit(text):
        assert text.count('"fix-root-scriptname" => "enable"') == 1
        return text.replace('"fix-root-scriptname" => "enable"', '"bin-copy-environment" => ()')
    return Front(env, "lighttpd", edit=edit)


FRONTS = {  # that divide no path, or not where the application is
    "nginx": lambda env, server: others.Nginx(env, server.address),
    "nginx, both": lambda env, server: others.Nginx(
        env, server.address, more="fastcgi_param PATH_INFO $fastcgi_script_name;"),
    "apache": lambda env, server: others.Apache(env, server.address),
    "apache, SetHandler": lambda env, server: others.Apache(env, server.address, handler=True),
    "lighttpd": plain_lighttpd,
    "haproxy": lambda env, server: others.Haproxy(env, server.address, multiplex=False),
}


@pytest.mark.parametrize("name", FRONTS)
def test_web_servers_as_they_are(env, name):
    """The path is PATH_INFO; below the top where that is told. Large bodies, HEAD, failures."""
    need(name.partition(",")[0])
    top = ("--script-name", "/") if name == "lighttpd" else ()  # it divides at the second slash
    server = pool(env, "wsgiapp", *top, listen=socket_of(env),
                  options={"pm.max_children": 2, "listen.mode": "0666"})
    front = FRONTS[name](env, server)
    for path in ("/", "/tell", "/tell/", "/tell/a%20b/%C3%BC?q=1", "/tell/tell"):
        found = told(front, path)["env"]
        right = unquote_to_bytes(path.partition("?")[0]).decode("latin-1")
        assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == ("", right)
        assert found["QUERY_STRING"] == path.partition("?")[2]
    body = b"0123456789" * 100_000
    reply = web.fetch(front, "/digest?read", "POST", body)
    assert reply.body.split()[:2] == [b"1000000", hashlib.sha1(body).hexdigest().encode()]
    assert len(web.fetch(front, "/large?5*100096").body) == 500_480
    # Apache leaves it out.
    assert web.fetch(front, "/head", "HEAD").headers["Content-Length"] in ("5", None)
    assert [web.fetch(front, path).status for path in (
        "/head_body?204_None", "/head_body?304_None", "/raises", "/hello")] == [204, 304, 500, 200]
    server.change({"command": command(env.dir, "wsgiapp", "--script-name", "/app")})
    server.reload()
    for path in ("/app", "/app/", "/app/tell/%20"):
        found = told(front, path)["env"]
        assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == \
            ("/app", path[4:].replace("%20", " "))


def test_failures_behind_nginx(env, nginx):
    """A 500 with its traceback in the log; an answer that breaks off is cut; nobody is replaced."""
    server = pool(env, options={"pm.max_children": 1, "catch_workers_output": "yes"})
    front = nginx(server)
    pid = told(front)["pid"]
    assert web.fetch(front, "/raises").status == 500
    server.wait_log("RuntimeError: raised before")
    with pytest.raises(CUT):
        web.fetch(front, "/raises_late")
    server.wait_log(r'ended its response to "GET /raises_late" before it was whole: cut short')
    assert told(front)["pid"] == pid


def test_no_memory_is_a_500(env, nginx):
    """rlimit_as: each kind of allocation that fails; the worker lives on, and others go on."""
    server = pool(env, options={"pm.max_children": 2, "rlimit_as": "200M",
                                "catch_workers_output": "yes"})
    front = nginx(server)
    pids = {told(front)["pid"] for _ in range(3)}
    for query in ("large", "small", "large"):
        busy = web.in_background(web.fetch, front, "/hog?" + query)
        while not busy.done():
            assert web.fetch(front, "/hello").status == 200
        assert busy.result().status == 500
    server.wait_log("MemoryError")
    pids |= {told(front)["pid"] for _ in range(3)}
    assert len(pids) <= 2 and "exited" not in server.log()


def test_endless_request(env, nginx):
    """request_terminate_cpu: answered 503, and the other worker goes on."""
    server = pool(env, options={"pm.max_children": 2, "request_terminate_cpu": "1s"})
    front = nginx(server)
    busy = web.in_background(web.fetch, front, "/endless")
    count = 0
    while not busy.done():
        assert web.fetch(front, "/hello").status == 200
        count += 1
    assert busy.result().status == 503 and count > 10
    server.wait_log("it exceeded request_terminate_cpu")
    assert web.fetch(front, "/hello").status == 200


def test_leaking_application(env, nginx):
    """pm.max_memory: a worker is replaced after the request that made it too large."""
    server = pool(env, options={"pm.max_children": 2, "pm.max_memory": "80M"})
    front = nginx(server)
    replies = web.fetch_all(front, ["/leak?10", "/hello"] * 40, threads=4)
    assert [r.status for r in replies] == [200] * 80
    server.wait_log(r"pm\.max_memory", 2)


@pytest.mark.parametrize("workers", [1, 2])
def test_requests_that_compute(env, nginx, workers):
    """Two at once: side by side in two workers, one after the other in one. How long that takes is
    told by tests/bench/wsgi."""
    front = nginx(pool(env, options={"pm.max_children": workers}))
    replies = web.fetch_all(front, ["/cpu?1"] * 2, threads=2)
    (one, began, ended), (other, began2, ended2) = (json.loads(r.body) for r in replies)
    assert (one != other) == (workers == 2)
    assert (max(began, began2) < min(ended, ended2)) == (workers == 2)


def test_one_ahead(env):
    """--ahead: the clock of the second request begins when it is read, and what the first one does
    to its worker does not cost the second its answer."""
    server = pool(env, "severalwsgi", "--ahead", options={
        "pm.max_children": 1, "pm.max_concurrency": 2, "pm.status_path": "/status",
        "request_terminate_timeout": "3s"})

    def running():
        return status(server.address)["running requests"]

    def both(first, second):
        """The statuses, and how many requests the worker had at once."""
        with AtOnce(server, [first]) as one:
            wait_for(lambda: running() == 1, 10 * SLOW, "the first to be there")
            with AtOnce(server, [second]) as other:
                most = 0
                while not select.select([one.clients[0].sock], [], [], 0.02)[0]:
                    most = max(most, running())
                return [batch.answers()[0].status for batch in (one, other)], most

    def learned():
        """Three requests: the third is what a further connection is tried for."""
        with AtOnce(server, ["ms=100"] * 3) as batch:
            batch.answers()
        return both("ms=200", "ms=0") == ([200, 200], 2)
    wait_for(learned, 10 * SLOW, "a request ahead")
    assert both("ms=2000", "ms=2000") == ([200, 200], 2)
    assert both("ms=300&do=abort", "ms=0") == ([502, 200], 2)


def test_large_upload(env, nginx):
    """100 MB, as they come and by their end alone; the worker grows by no part of them."""
    server = pool(env, options={"pm.max_children": 1})
    front = nginx(server, request_buffering=False)
    pid = told(front)["pid"]
    before = memory_kb(pid, "VmHWM")
    block = bytes(range(256)) * 4096
    sha = hashlib.sha1()
    for _ in range(100):
        sha.update(block)
    for headers in ({"Content-Length": str(100 << 20)}, {}):  # without, it is chunked
        reply = web.fetch(front, "/digest?read", "POST", (block for _ in range(100)), headers)
        assert reply.body.split()[:2] == [str(100 << 20).encode(), sha.hexdigest().encode()]
    assert memory_kb(pid, "VmHWM") - before < 8000
    assert told(front)["pid"] == pid
