"""contrib/adapters/wsgi: applications of Flask and Django, watched by wsgiref.validate; their
templates, pm.max_concurrency, hooks."""

import hashlib
import http.cookiejar
import json
import os
import random
import re
import signal
import urllib.parse
import urllib.request

import pytest
import sharing
import web
from fcgi import Client
from servers import TOP
from wsgi import pool

SITE = TOP + "/tests/bench/programs/site_of_django.py"
STATIC = "/usr/lib/python3/dist-packages/django/contrib/admin/static/admin/css/base.css"


class Browser:
    """It keeps cookies and follows redirects."""

    def __init__(self, front):
        self.url = f"http://127.0.0.1:{front.port}"
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.cookies))

    def open(self, path, form=None):
        data = urllib.parse.urlencode(form).encode() if form else None
        with self.opener.open(self.url + path, data, timeout=60) as reply:
            return reply.status, reply.read().decode()


def form_with(body, name, value):
    """A multipart form with a field and a file, as the body and its type."""
    boundary = "anyfpm"
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'
    return ((part % (name, "") + value + "\r\n" + part % ("file", '; filename="f"')).encode()
            + body + f"\r\n--{boundary}--\r\n".encode(),
            {"Content-Type": f"multipart/form-data; boundary={boundary}"})


@pytest.mark.parametrize("concurrency", [1, 4])
def test_flask(env, nginx, concurrency):
    """Sessions, forms, streams, files, errors; with threads the same."""
    large = env.dir + "/large"
    content = random.Random(1).randbytes(1_000_000)
    with open(large, "wb") as f:
        f.write(content)
    server = pool(env, "wsgiflask", "--threads", str(concurrency), "--script-name", "/shop",
                  options={"env[LARGE_FILE]": large, "catch_workers_output": "yes",
                           "pm.max_concurrency": concurrency})
    front = nginx(server, request_buffering=False)
    browser = Browser(front)
    for count in (1, 2):
        assert json.loads(browser.open("/shop/")[1]) == {
            "count": count, "url": "/shop/upload", "root": "/shop", "secure": False}
    body, headers = form_with(content, "name", "caf\u00e9")
    reply = web.fetch(front, "/shop/upload", "POST", body, headers)
    assert reply.body.decode() == f"caf\u00e9 {hashlib.sha1(content).hexdigest()}"
    # Both ways at once, which nginx does not do.
    right = content[::65536] + hashlib.sha1(content).hexdigest().encode()
    for more in ({}, {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}):
        with Client(server.address) as c:
            assert c.request(uri="/shop/stream", method="PUT", body=content, **more).body == right
    replies = web.fetch_all(front, ["/shop/file"] * 20, threads=8)
    assert [r.body == content for r in replies] == [True] * 20
    reply = web.fetch(front, "/shop/file", headers={"Range": "bytes=100-299"})
    assert reply.status == 206 and reply.body == content[100:300]
    reply = web.fetch(front, "/shop/file", headers={"If-None-Match": reply.headers["ETag"]})
    assert reply.status == 304 and reply.body == b""
    assert [web.fetch(front, "/shop/" + path).status for path in ("none", "nothing", "error")] == [
        410, 404, 500]
    server.wait_log("RuntimeError: raised by a view")


HOOKS = """
import os

from wsgidjango import HERE, prepare


def note(what):
    with open(f"{HERE}/{what}", "x") as f:
        f.write(str(os.getpid()))


def when_ready():
    prepare()
    note("ready")


def post_fork(slot):
    note(f"fork.{slot}")


def worker_exit(slot):
    note(f"exit.{slot}")
"""


def test_django(env, nginx):
    """The administration: log in, make a user, read static files; a view that raises. Loaded once,
    and what its first request loads too, with the hooks in their places."""
    notes = env.dir + "/pub"
    with open(env.dir + "/hooks.py", "w", encoding="ascii") as f:
        f.write(HOOKS)
    server = pool(env, "wsgidjango", "--hooks", "hooks.py", options={
        "env[SITE_DIRECTORY]": notes, "catch_workers_output": "yes", "pm.preload": "yes",
        "pm.preload_warmup": "/admin/login/", "pm.max_children": 2})
    front = nginx(server)
    browser = Browser(front)
    status, page = browser.open("/admin/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page).group(1)
    form = {"csrfmiddlewaretoken": token, "username": "admin", "password": "secret",
            "next": "/admin/auth/user/add/"}
    status, page = browser.open("/admin/login/?next=/admin/auth/user/add/", form)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page).group(1)
    form = {"csrfmiddlewaretoken": token, "username": "second", "password1": "a-long-one-7",
            "password2": "a-long-one-7"}
    status, page = browser.open("/admin/auth/user/add/", form)
    assert status == 200 and "was added successfully" in page, server.log()[-3000:]
    with open(STATIC, "rb") as f:
        css = f.read()
    replies = web.fetch_all(front, ["/static/admin/css/base.css"] * 20, threads=4)
    assert all(r.body == css and r.headers["Content-Length"] == str(len(css)) for r in replies)
    assert web.fetch(front, "/error").status == 500
    server.wait_log("RuntimeError: raised by a view")
    assert "pm.preload has no effect" not in server.log()
    workers = {str(pid) for pid in server.wait_workers(2)}
    template = server.templates()
    server.stop(signal.SIGQUIT)  # which leaves them the time to run their hooks
    found = {}
    for name in os.listdir(notes):
        if name.partition(".")[0] in ("ready", "fork", "exit"):
            with open(f"{notes}/{name}", encoding="ascii") as f:
                found[name] = f.read()
    assert found.pop("ready") == str(template[0])
    assert {pid for name, pid in found.items() if name.startswith("fork")} == workers
    assert {pid for name, pid in found.items() if name.startswith("exit")} == workers


def test_preload_shares_memory(env, anyfpm, nginx):
    """Of four workers of Django, with and without, all of which have served requests."""
    sizes = {}
    for name, more in (("executed", {}), ("forked", {"pm.preload": "yes",
                                                     "pm.preload_warmup": "/"})):
        server = pool(env, "site_of_django", source=SITE,
                      options={"pm.max_children": 4, **more})
        workers = sharing.serve_each(nginx(server), "/", 4, 20, 60)
        sizes[name] = sharing.pss_kb(workers + server.templates(), sharing.OWN) / 1000
    print(f"measured: MB of four workers: {sizes}")
    assert sizes["forked"] < 0.6 * sizes["executed"]


def test_requests_at_once(env):
    """pm.max_concurrency: one worker has as many as it has threads, and says how many it takes."""
    server = pool(env, "wsgiapp", "--threads", "2",
                  options={"pm.max_children": 1, "pm.max_concurrency": 2})
    with Client(server.address) as one, Client(server.address) as other:
        for _ in range(5):
            for c in (one, other):
                c.start(uri="/meet")
            assert {bytes(c.answer().body) for c in (one, other)} == {b"anyfpm-0", b"anyfpm-1"}
    assert len(server.workers()) == 1
