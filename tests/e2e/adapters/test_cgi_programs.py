"""gitweb and cgit behind nginx as under fcgiwrap; scripts under recycling and through a reload."""

import os
import re
import time

import pytest
from cgiscripts import Scripts, without_time
from load import Load, all_right
from others import Apache, Nginx, SpawnFcgi
from programs import Gitweb, Program, need
from servers import SLOW, TOP, WORKERS
from web import fetch, fetch_all

GITWEB, CGIT = "/usr/share/gitweb/gitweb.cgi", "/usr/lib/cgit/cgit.cgi"
FCGIWRAP = "/usr/sbin/fcgiwrap"
GITWEB_PAGES = ["/", "/?p=test.git", "/?p=test.git;a=log", "/?p=test.git;a=tree",
                "/?p=test.git;a=blob_plain;f=file6", "/?p=test.git;a=snapshot;sf=tgz;h=HEAD",
                "/?a=opml", "/?p=none.git", "/?p=test.git;a=none"]
CGIT_PAGES = ["/", "/test.git/", "/test.git/log/", "/test.git/tree/", "/test.git/plain/file6",
              "/test.git/commit/", "/test.git/snapshot/test-HEAD.tar.gz", "/none.git/",
              "/test.git/atom/"]


def normal(reply):
    """An answer without what tells the time."""
    headers = [(name, value) for name, value in reply.headers.items()
               if name not in ("Date", "Expires", "Last-Modified")]
    return reply.status, headers, without_time(reply.body)


def same_as_under_fcgiwrap(env, anyfpm, script, pages, parameters):
    need(script, FCGIWRAP, "/usr/sbin/nginx")
    scripts = Scripts(env, ["-p", script])
    server = anyfpm(scripts.command)
    usual = SpawnFcgi(env, FCGIWRAP, 2)
    replies = []
    for address in (server.address, usual.address):
        # A connection that is kept would have a process of spawn-fcgi's for itself.
        front = Nginx(env, address, script=script, more=parameters,
                      keepalive=address == server.address)
        replies.append(fetch_all(front, pages, threads=2,
                                 headers={"Host": "git.example.org"}))
    for page, ours, theirs in zip(pages, *replies):
        (*ours, text), (*theirs, other) = normal(ours), normal(theirs)
        assert ours == theirs, page
        assert text.split(b"\n") == other.split(b"\n"), page
    return replies[0]


def test_gitweb(env, anyfpm):
    program = Gitweb("gitweb", [])
    program.make(env.dir)
    replies = same_as_under_fcgiwrap(env, anyfpm, GITWEB, GITWEB_PAGES,
                                     f"fastcgi_param GITWEB_CONFIG {program.config};")
    assert [r.status for r in replies] == [200] * 7 + [404, 400]
    assert replies[4].body == program.content(6).encode()


def test_cgit(env, anyfpm):
    program = Gitweb("gitweb", [])
    program.make(env.dir)
    with open(env.dir + "/cgitrc", "w", encoding="ascii") as f:
        f.write("virtual-root=/\nsnapshots=tar.gz\nrepo.url=test.git\n"
                f"repo.path={env.dir}/projects/test.git\n")
    replies = same_as_under_fcgiwrap(
        env, anyfpm, CGIT, CGIT_PAGES,
        f"fastcgi_param CGIT_CONFIG {env.dir}/cgitrc;"
        "fastcgi_param PATH_INFO $fastcgi_script_name;")
    assert [r.status for r in replies] == [200] * 7 + [404, 200]
    assert replies[4].body == program.content(6).encode()


@pytest.mark.parametrize("name", ["nginx", "apache"])
def test_page_of_the_runner(env, anyfpm, name):
    """What its README says about web servers: the script, and what follows it, as it was asked for."""
    need({"nginx": "/usr/sbin/nginx", "apache": "/usr/sbin/apache2"}[name])
    with open(TOP + "/contrib/adapters/cgi/README.md", encoding="ascii") as f:
        block = re.search(rf"^```{name}\n(.*?)^```$", f.read(), re.M | re.S).group(1)
    scripts = Scripts(env)
    scripts.page("cgi-bin/a b", 'echo "$SCRIPT_NAME $PATH_INFO $SCRIPT_FILENAME"')
    server = anyfpm(scripts.command)
    for old, new in (("/run/cgi.sock", server.address), ("/usr/lib", scripts.path),
                     ("include ", "include /etc/nginx/")):
        assert old in block or name != "nginx"
        block = block.replace(old, new)
    front = {"nginx": Nginx, "apache": Apache}[name](env, server.address, more=block)
    reply = fetch(front, "/cgi-bin/a%20b/c%20d/e?f")
    assert reply.status == 200
    assert reply.body.decode() == f"/cgi-bin/a b /c d/e {scripts.path}/cgi-bin/a b\n"
    assert fetch(front, "/cgi-bin/none").status == 404


def test_recycled_and_reloaded(env, anyfpm):
    """1,000 requests, uploads among them, while workers are replaced and the pool is."""
    scripts = Scripts(env)
    program = Program("anyfpm-cgi", [], None)
    program.directory, program.source = scripts.path, "echo.cgi"
    with open(f"{WORKERS}/echo.cgi", encoding="ascii") as f:
        scripts.add("echo.cgi", f.read())
    program.runs_path = env.dir + "/pub/runs"
    server = anyfpm(f"{scripts.command} -e RUNS", {
        "pm.max_children": 4, "pm.max_requests": 20, "env[RUNS]": program.runs_path})
    with Load(server.address, program) as load:
        reloads = 0
        deadline = time.monotonic() + 100 * SLOW
        while (load.served < 1000 or reloads < 2) and time.monotonic() < deadline:
            if load.served > 300 * (reloads + 1):
                server.change({"env[AGAIN]": str(reloads)})
                server.reload()
                reloads += 1
            time.sleep(0.02)
    assert reloads >= 2 and load.served >= 1000
    all_right(load, program)
    assert len(re.findall("exited with code 0.*pm.max_requests", server.log())) > 10
    assert os.path.exists(program.runs_path)
