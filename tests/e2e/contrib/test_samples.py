"""The configurations of web servers in contrib/, in front of programs that route."""

import os
import subprocess

import pytest
from fronts import SERVERS, Front, need, place, socket_of
from servers import PYTHON, WORKERLIB, WORKERS
from web import fetch
from wsgi import INSTALLED, install


def haproxy_for_rack(text):
    """As the sample says."""
    assert "    path-info ^()(/.*)$\n" in text and text.count("    #set-param ") == 2
    return text.replace("    path-info ^()(/.*)$\n", "").replace("    #set-param", "    set-param")


PROGRAMS = {
    "plack": (["/usr/bin/plackup", "-s", "FCGI", "-E", "deployment"], "route.psgi"),
    "rack": (["/usr/bin/ruby"], "route.rb"),
    "wsgi": (["/usr/bin/python3"], "route.py"),
    "anyfpm-wsgi": ([PYTHON, "{0}/" + INSTALLED, "--chdir", "{0}"], "route.py"),
}
# HAProxy has no PATH_INFO for it, and might just as well not have divided the path.
UNDIVIDED = {("haproxy", "anyfpm-wsgi", "/app"): "top [] [/app] []"}
# What is asked for, the route that is right, and SCRIPT_NAME, PATH_INFO and QUERY_STRING there.
ROUTES = [
    ("/", "top [] [/] []"),
    ("/other?a=b", "top [] [/other] [a=b]"),
    ("/hello", "hello [/hello] [] []"),
    ("/hello/", "hello [/hello] [/] []"),
    ("/hello/w%20x%25/%C3%BC?q=1", "hello [/hello] [/w x%/\u00fc] [q=1]"),
    ("/application", "top [] [/application] []"),
    ("/app", "top [/app] [] []"),
    ("/app/", "top [/app] [/] []"),
    ("/app/hello/x%3Fy?z", "hello [/app/hello] [/x?y] [z]"),
    ("/app/application", "top [/app] [/application] []"),
]


def routing(env, anyfpm, program):
    argv, source = PROGRAMS[program]
    if program == "rack" and subprocess.run(["/usr/bin/ruby", "-e", 'require "rack"'],
                                            capture_output=True, check=False).returncode != 0:
        pytest.skip("there is no ruby-rack")
    install(env.dir, f"{WORKERS}/{source}", *WORKERLIB)
    return anyfpm(" ".join([*argv, f"{env.dir}/{source}"]).format(env.dir),
                  {"pm.max_children": 1, "pm.status_path": "/status", "listen.mode": "0666",
                   "pm.status_listen": socket_of(env, "www-status")},
                  listen=socket_of(env))


@pytest.mark.parametrize("program,kind", [(program, "minimal") for program in PROGRAMS]
                         + [("wsgi", "production")])
@pytest.mark.parametrize("name", SERVERS)
def test_applications_route(env, anyfpm, name, program, kind):
    """Mounted at the top and at /app: the whole decoded path, and what is behind /app."""
    need(name)
    routing(env, anyfpm, program)
    front = Front(env, name, kind,
                  haproxy_for_rack if (name, program) == ("haproxy", "rack") else None)
    for path, right in ROUTES:
        reply = fetch(front, path)
        right = UNDIVIDED.get((name, program, path), right)
        assert (reply.status, reply.body.decode()) == (200, right), path
    reply = fetch(front, "/status?json")
    assert reply.status == 200 and b'"accepted conn"' in reply.body


@pytest.mark.parametrize("name,kind,edit", [(name, kind, None) for name in SERVERS
                                            for kind in ("minimal", "production")]
                         + [("haproxy", "minimal", haproxy_for_rack)])
def test_parameters_come_once(odd, env, name, kind, edit):
    """Programs differ in which one they take where there are two."""
    need(name)
    odd(options={"listen.mode": "0666"}, listen=socket_of(env))
    front = Front(env, name, kind, edit)
    for path in ("/a", "/app/a"):
        names = fetch(front, path + "?do=names").body.decode().split()
        assert "PATH_INFO" in names and len(set(names)) == len(names), path


PHP = """<?php
header("Content-Type: text/plain");
echo basename(__FILE__), " [$_SERVER[SCRIPT_NAME]] [", $_SERVER["PATH_INFO"] ?? "", "]";
"""


@pytest.mark.parametrize("name", ["nginx", "apache"])
def test_php_cgi(env, anyfpm, name):
    """Its scripts are files, and what follows them is PATH_INFO."""
    need(name)
    anyfpm("/usr/bin/php-cgi8.2 -n", {"listen.mode": "0666"}, listen=socket_of(env))
    docroot = place("/srv/www", env)
    os.makedirs(docroot + "/sub")
    for path in ("/index.php", "/sub/a.php"):
        with open(docroot + path, "w", encoding="ascii") as f:
            f.write(PHP)
    front = Front(env, name, "php")
    code, said = front.check()
    assert code == 0, said
    host = {"Host": "php.example.org"}
    for path, right in (("/index.php", "index.php [/index.php] []"),
                        ("/sub/a.php?x", "a.php [/sub/a.php] []"),
                        ("/sub/a.php/b%20c.php/d", "a.php [/sub/a.php] [/b c.php/d]")):
        reply = fetch(front, path, headers=host)
        assert (reply.status, reply.body.decode()) == (200, right), path
    if name == "nginx":
        reply = fetch(front, "/sub/none.php", headers=host)
        assert reply.status == 404 and b"nginx" in reply.body
