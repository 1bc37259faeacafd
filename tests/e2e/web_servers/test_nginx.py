"""Behind nginx: the three kinds of worker, unix socket and TCP, keep-alive or not."""

import http.client
import json
import time

import pytest
import servers
from web import fetch, fetch_all


@pytest.mark.parametrize("keepalive", [True, False], ids=["kept", "not kept"])
@pytest.mark.parametrize("listen", ["unix", "tcp", "tcp6"])
def test_demo(env, anyfpm, nginx, listen, keepalive):
    """The libfcgi demo on every kind of address."""
    address = {"unix": None, "tcp": f"127.0.0.1:{servers.free_port()}",
               "tcp6": f"[::1]:{servers.free_port('::1')}"}[listen]
    server = anyfpm(env.demo, {"pm.max_children": 4}, listen=address)
    upstream = ("[::1]", server.address[1]) if listen == "tcp6" else server.address
    front = nginx(upstream, keepalive=keepalive)
    replies = fetch_all(front, [f"/?n={i}" for i in range(200)])
    assert all(r.status == 200 for r in replies)
    for i, reply in enumerate(replies):
        assert f"<td>n={i}</td>".encode() in reply.body
    reply = fetch(front, "/upload", "POST", b"x" * 300000)
    assert reply.body.startswith(b"bytes 300000\n")


def test_perl(env, anyfpm, nginx):
    """Perl's FCGI module: GET, POST, many at once."""
    server = anyfpm(f"/usr/bin/perl {env.shared}/hello.pl", {"pm.max_children": 3})
    front = nginx(server)
    for reply in fetch_all(front, [f"/{i}" for i in range(100)]):
        assert reply.status == 200 and reply.body.startswith(b"perl ")
    reply = fetch(front, "/", "POST", b"b" * 70000)
    assert reply.body.endswith(b" POST 70000\n")


def test_php_cgi_recycles_without_a_lost_request(env, anyfpm, nginx):
    """php-cgi leaves by itself after three requests; nobody notices."""
    server = anyfpm("/usr/bin/php-cgi8.2 -n", {
        "pm.max_children": 2, "env[PHP_FCGI_MAX_REQUESTS]": "3", "env[PHP_FCGI_CHILDREN]": "0"})
    front = nginx(server, script=env.shared + "/hello.php")
    replies = fetch_all(front, [f"/{i}" for i in range(60)], threads=4)
    assert [r.status for r in replies] == [200] * 60, server.log()[-3000:]
    pids = {r.body.split()[1] for r in replies}
    assert len(pids) >= 10
    posts = [fetch(front, "/", "POST", b"p" * 10) for _ in range(20)]
    assert [r.status for r in posts] == [200] * 20, "a POST is safe when the worker exited with 0"


def test_php_settings_by_parameter(env, anyfpm, nginx):
    """PHP_ADMIN_VALUE is php-fpm's: php-cgi ignores it, and the log says so once. What the manual
    has in its place does hold, and no script changes it."""
    path = env.dir + "/limit.php"
    with open(path, "w", encoding="ascii") as f:
        f.write('<?php ini_set("memory_limit", "99M"); echo ini_get("memory_limit");')
    with open(env.dir + "/own.ini", "w", encoding="ascii") as f:
        f.write(f"[PATH={env.dir}]\nmemory_limit = 55M\n")
    setting = 'fastcgi_param PHP_ADMIN_VALUE "memory_limit=33M";'
    for more, limit in (({}, b"99M"), ({"env[PHPRC]": env.dir + "/own.ini"}, b"55M")):
        server = anyfpm("/usr/bin/php-cgi8.2", {"pm.max_children": 1, **more})
        front = nginx(server, script=path, more=setting)
        assert [fetch(front, "/x").body for _ in range(3)] == [limit] * 3
        server.wait_log(r'WARNING: \[pool www\] "GET /x" came with PHP_ADMIN_VALUE, ')
        assert server.log().count("came with") == 1


def test_worker_sees_what_nginx_sent(odd, nginx):
    """Parameters, query, headers and body arrive unchanged."""
    front = nginx(odd())
    reply = fetch(front, "/a%20b?c=d&e", "PUT", b"\0\xff" * 1000, {"X-Odd": "va:l; ue=\"1\""})
    got = json.loads(reply.body)
    assert got["params"]["REQUEST_METHOD"] == "PUT"
    assert got["params"]["QUERY_STRING"] == "c=d&e"
    assert got["params"]["HTTP_X_ODD"] == "va:l; ue=\"1\""
    assert got["body"].encode("latin-1") == b"\0\xff" * 1000


def test_unbuffered_answer_arrives_in_pieces(odd, nginx):
    """The first part of a slow answer is not held back until the second."""
    front = nginx(odd(), buffering=False)
    conn = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
    started = time.monotonic()
    conn.request("GET", "/?do=split&ms=4000")
    reply = conn.getresponse()
    assert reply.read1(6) == b"first\n"
    assert time.monotonic() - started < 3.5
    assert reply.read() == b"second\n"
    conn.close()


def test_head_and_no_content(env, anyfpm, nginx):
    """HEAD works and the connection stays usable."""
    front = nginx(anyfpm(env.demo))
    for _ in range(5):
        reply = fetch(front, "/", "HEAD")
        assert reply.status == 200 and reply.body == b""
