"""The status page beside that of php-fpm, after the same requests."""

import re
import xml.etree.ElementTree as xml

import pytest
from fcgi import Client
from others import PhpFpm
from servers import wait_for
from statuspage import FORMS, page, status


@pytest.fixture
def both(env, anyfpm):
    """anyfpm with php-cgi, and php-fpm, after the same requests."""
    script = env.shared + "/hello.php"
    ours = anyfpm("/usr/bin/php-cgi8.2 -n", {"pm.max_children": 2, "pm.status_path": "/status",
                                             "ping.path": "/ping", "clear_env": "no",
                                             "env[PHP_FCGI_MAX_REQUESTS]": "0"})
    theirs = PhpFpm(env, workers=2, options={"pm.status_path": "/status", "ping.path": "/ping"})
    for server in (ours, theirs):
        for _ in range(5):
            with Client(server.address) as c:
                answer = c.request(flags=0, uri="/hello.php", query="a=b", SCRIPT_FILENAME=script,
                                   REMOTE_USER="me")
                assert answer.status == 200
    return ours, theirs


def test_headers_as_php_fpm(both):
    ours, theirs = both

    def headers(query, uri="/status", **more):
        answer = page(theirs, query, uri, **more).header
        answer.pop("x-powered-by", None)  # php.ini's
        return answer
    for query in FORMS:
        mine = page(ours, query).header
        assert ("content-security-policy" in mine) == ("html" in query)
        mine.pop("content-security-policy", None)
        assert mine == headers(query), query
    assert page(ours, uri="/ping").header == headers("", "/ping")
    assert page(ours, uri="/ping").body == page(theirs, uri="/ping").body == b"pong"
    for query in FORMS:
        answer = page(ours, query, method="HEAD")
        assert answer.body == b"" and answer.header == page(ours, query).header


def test_json_as_php_fpm(both):
    def idle_one(server):  # php-fpm's may still be putting its last request away
        s = status(server)
        return s if any(p["state"] == "Idle" for p in s["processes"]) else None
    ours, theirs = (wait_for(lambda s=s: idle_one(s), 5, "an idle worker") for s in both)
    keys = list(theirs)
    assert keys[-1] == "processes" and list(ours)[-1] == "processes"
    assert list(ours)[:len(keys) - 1] == keys[:-1]
    for key in keys:
        assert type(ours[key]) is type(theirs[key]), key
    for key in ("pool", "process manager", "listen queue", "max listen queue",
                "max children reached", "slow requests"):
        assert ours[key] == theirs[key], key
    # php-fpm counts the request for the page, and the worker that runs it.
    assert ours["accepted conn"] == 5 < theirs["accepted conn"]
    assert ours["active processes"] == 0 < theirs["active processes"]
    their_rows = [p for p in theirs["processes"] if p["state"] == "Idle"]
    for row in ours["processes"]:
        keys = list(their_rows[0])
        assert list(row)[:len(keys)] == keys
        for key in keys:
            assert type(row[key]) is type(their_rows[0][key]), key
    assert sum(p["requests"] for p in ours["processes"]) == 5
    row = max(ours["processes"], key=lambda p: p["requests"])
    their = [p for p in their_rows if p["request uri"].startswith("/hello")]
    for key in ("state", "request method", "request uri", "content length", "script"):
        for p in their:
            assert row[key] == p[key], key


def test_text_and_xml_as_php_fpm(both):
    ours, theirs = both
    for query in ("", "full"):
        mine = page(ours, query).body.decode().splitlines()
        other = page(theirs, query).body.decode().splitlines()
        head = [re.match(r"(?:[^:]*: *)?", line)[0] for line in other]
        top = head.index("") if "" in head else len(head)
        assert [re.match(r"(?:[^:]*: *)?", line)[0] for line in mine][:top] == head[:top]
        if query:
            block = mine.index("*" * 24)
            their_block = other.index("*" * 24)
            assert mine[block - 1] == other[their_block - 1] == ""
            for i in range(1, 14):
                assert mine[block + i][:22] == other[their_block + i][:22]
        for line in mine:
            if line.startswith("start time:"):
                assert re.fullmatch(r"start time: +\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", line)
    mine = xml.fromstring(page(ours, "xml&full").body)
    other = xml.fromstring(page(theirs, "xml&full").body)
    names = [e.tag for e in other if e.tag != "processes"]
    assert mine.tag == other.tag and [e.tag for e in mine][:len(names)] == names
    names = [e.tag for e in other.find("processes")[0]]
    assert [e.tag for e in mine.find("processes")[0]][:len(names)] == names


def test_openmetrics_as_php_fpm(both):
    def metrics(server):
        lines = page(server, "openmetrics").body.decode().splitlines()
        return [(line.split()[2], line.split()[3]) for line in lines if line.startswith("# TYPE")]
    ours, theirs = (metrics(s) for s in both)
    assert ours[:len(theirs)] == theirs
    assert all(name.startswith("anyfpm_") for name, _ in ours[len(theirs):])
