"""The samples of contrib/: each web server with its own, in front of programs that route."""

import os
import re
import shutil
import subprocess

import pytest
from others import Apache
from servers import ROOT, TOP, USER, WORKERLIB, WORKERS, Server, free_port
from web import fetch


class Sample(Server):
    """A web server with its sample, of which only addresses and paths are changed."""

    def __init__(self, env, name, address, edit=None, docroot=None):
        super().__init__(env)
        self.name = name
        self.port = free_port()
        self.dir = f"{env.dir}/{name}.{self.port}"
        self.docroot = docroot or self.dir + "/www"
        os.mkdir(self.dir)
        os.makedirs(self.docroot, exist_ok=True)
        suffix = "cfg" if name == "haproxy" else "conf"
        with open(f"{TOP}/contrib/{name}/anyfpm.{suffix}", encoding="ascii") as f:
            text = f.read()
        if edit:
            text = edit(text)
        assert "/run/anyfpm-www.sock" in text
        text = text.replace("/run/anyfpm-www.sock", address).replace("/srv/www", self.docroot)
        path = f"{self.dir}/server.{suffix}"
        with open(path, "w", encoding="ascii") as f:
            f.write(getattr(self, name)(text))
        self.launch({"nginx": ["/usr/sbin/nginx", "-p", self.dir, "-e", self.dir + "/error.log",
                               "-c", path],
                     "apache": ["/usr/sbin/apache2", "-DFOREGROUND", "-f", path],
                     "lighttpd": ["/usr/sbin/lighttpd", "-D", "-f", path],
                     "haproxy": ["/usr/sbin/haproxy", "-db", "-f", path]}[name])
        self.wait_listening(("127.0.0.1", self.port))

    def nginx(self, text):
        assert text.count("listen 80;") == 2
        text = text.replace("listen 80;", f"listen 127.0.0.1:{self.port};")
        shutil.copy("/etc/nginx/fastcgi_params", self.dir)
        temporary = "".join(f"{n}_temp_path {self.dir}/{n};" for n in
                            ("client_body", "fastcgi", "proxy", "uwsgi", "scgi"))
        return (f"{'user ' + USER + ';' if ROOT else ''} daemon off; pid {self.dir}/pid;"
                f"events {{}}\nhttp {{ access_log off; {temporary}\n{text}\n}}\n")

    def apache(self, text):
        assert text.count("<VirtualHost *:80>") == 1
        text = text.replace("<VirtualHost *:80>", f"<VirtualHost 127.0.0.1:{self.port}>")
        modules = "".join(f"LoadModule {n}_module {Apache.modules}/mod_{n}.so\n" for n in
                          ("mpm_event", "authz_core", "authz_host", "proxy", "proxy_fcgi"))
        account = f"User {USER}\nGroup {USER}\n" if ROOT else ""
        return (f"ServerRoot {self.dir}\nServerName localhost\nListen 127.0.0.1:{self.port}\n"
                f"PidFile {self.dir}/pid\nDefaultRuntimeDir {self.dir}\n"
                f"Mutex file:{self.dir} default\nErrorLog {self.dir}/error.log\n"
                f"{modules}{account}DocumentRoot {self.docroot}\n{text}")

    def lighttpd(self, text):
        account = f'server.username = "{USER}"\n' if ROOT else ""
        return (f'server.document-root = "{self.docroot}"\nserver.bind = "127.0.0.1"\n'
                f"server.port = {self.port}\n{account}{text}")

    def haproxy(self, text):
        assert text.count("bind :80\n") == 1
        return ("global\n    log stderr format raw daemon\n"
                + text.replace("bind :80\n", f"bind 127.0.0.1:{self.port}\n"))


def haproxy_for_rack(text):
    """As the sample says."""
    assert "    path-info ^()(/.*)$\n" in text and text.count("    #set-param ") == 2
    return text.replace("    path-info ^()(/.*)$\n", "").replace("    #set-param", "    set-param")


def apache_for_php(text):
    """The lines in the comment, in place of those for an application."""
    text, found = re.subn(r"(?m)^#   ", "", text)
    assert found == 4
    text, found = re.subn(r"(?s)\t# An application.*?(?=\t# pm\.status)", "", text)
    assert found == 1
    return text


PROGRAMS = {
    "plack": (["/usr/bin/plackup", "-s", "FCGI", "-E", "deployment"], "route.psgi"),
    "rack": (["/usr/bin/ruby"], "route.rb"),
    "wsgi": (["/usr/bin/python3"], "route.py"),
}
SERVERS = ["nginx", "apache", "lighttpd", "haproxy"]
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


def need(name):
    path = {"nginx": "/usr/sbin/nginx", "apache": "/usr/sbin/apache2"}.get(
        name, "/usr/sbin/" + name)
    if not os.path.exists(path):
        pytest.skip(f"{path} is missing (tests/run installs it)")


def routing(env, anyfpm, program):
    argv, source = PROGRAMS[program]
    if program == "rack" and subprocess.run(["/usr/bin/ruby", "-e", 'require "rack"'],
                                            capture_output=True, check=False).returncode != 0:
        pytest.skip("there is no ruby-rack")
    for path in (f"{WORKERS}/{source}", *WORKERLIB):
        shutil.copy(path, env.dir)
    return anyfpm(" ".join([*argv, f"{env.dir}/{source}"]),
                  {"pm.max_children": 1, "pm.status_path": "/status", "listen.mode": "0666"})


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", SERVERS)
def test_applications_route(env, anyfpm, name, program):
    """Mounted at the top and at /app: the whole decoded path, and what is behind /app."""
    need(name)
    server = routing(env, anyfpm, program)
    front = Sample(env, name, server.address,
                   haproxy_for_rack if (name, program) == ("haproxy", "rack") else None)
    for path, right in ROUTES:
        reply = fetch(front, path)
        assert (reply.status, reply.body.decode()) == (200, right), path
    reply = fetch(front, "/status?json")
    assert reply.status == 200 and b'"accepted conn"' in reply.body


@pytest.mark.parametrize("name,edit", [(name, None) for name in SERVERS]
                         + [("haproxy", haproxy_for_rack)])
def test_parameters_come_once(odd, env, name, edit):
    """Programs differ in which one they take where there are two."""
    need(name)
    server = odd(options={"listen.mode": "0666"})
    front = Sample(env, name, server.address, edit)
    for path in ("/a", "/app/a"):
        names = fetch(front, path + "?do=names").body.decode().split()
        assert "PATH_INFO" in names and len(set(names)) == len(names), path


PHP = """<?php
header("Content-Type: text/plain");
echo basename(__FILE__), " [$_SERVER[SCRIPT_NAME]] [", $_SERVER["PATH_INFO"] ?? "", "]";
"""


@pytest.mark.parametrize("name,edit", [("nginx", None), ("apache", apache_for_php)])
def test_php_cgi(env, anyfpm, name, edit):
    """Its scripts are files, and what follows them is PATH_INFO."""
    need(name)
    server = anyfpm("/usr/bin/php-cgi8.2 -n", {"listen.mode": "0666"})
    docroot = env.dir + "/pub/www"
    os.makedirs(docroot + "/sub")
    for path in ("/index.php", "/sub/a.php"):
        with open(docroot + path, "w", encoding="ascii") as f:
            f.write(PHP)
    front = Sample(env, name, server.address, edit, docroot)
    host = {"Host": "php.example.org"}
    for path, right in (("/index.php", "index.php [/index.php] []"),
                        ("/sub/a.php?x", "a.php [/sub/a.php] []"),
                        ("/sub/a.php/b%20c.php/d", "a.php [/sub/a.php] [/b c.php/d]")):
        reply = fetch(front, path, headers=host)
        assert (reply.status, reply.body.decode()) == (200, right), path
    if name == "nginx":
        reply = fetch(front, "/sub/none.php", headers=host)
        assert reply.status == 404 and b"nginx" in reply.body
