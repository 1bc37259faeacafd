"""contrib/migrate.md: each block is loaded by the program that it is for, each new pool serves."""

import getpass
import grp
import os
import re
import shutil
import subprocess

import pytest
import wsgi
from fcgi import Client
from servers import ANYFPM, ROOT, TOP, USER, Anyfpm, Server, alive, free_port, wait_for
from web import fetch

with open(TOP + "/contrib/migrate.md", encoding="utf-8") as page:
    PAGE = page.read()
with open(TOP + "/conf/anyfpm.conf.5", encoding="utf-8") as page:
    MANUAL = page.read()
SECTIONS = {text.partition("\n")[0]: text for text in PAGE.split("\n## ")[1:]}
TOOLS = ["php-fpm", "spawn-fcgi", "supervisord", "mod_fcgid", "uWSGI", "gunicorn"]
KINDS = ["anyfpm", "apache", "nginx", *(t.lower() for t in TOOLS)]
MODULES = "/usr/lib/apache2/modules"

PERL = r"""#!/usr/bin/perl
use FCGI;
my $env = $ENV{APP_ENV};
my $request = FCGI::Request();
while ($request->Accept() >= 0) {
	print "Content-Type: text/plain\r\n\r\n$env [$ENV{SCRIPT_NAME}] [$ENV{PATH_INFO}]",
	    $ENV{HTTP_AUTHORIZATION} // '';
}
"""
PHP = """<?php
header("Content-Type: text/plain");
echo getenv("APP_ENV"), " ", ini_get("memory_limit"), " ", ini_get("upload_max_filesize");
"""
WSGI = """import os
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = [environ[n] for n in ("SCRIPT_NAME", "PATH_INFO", "wsgi.url_scheme", "REMOTE_ADDR")]
    return [f"{os.environ['APP_ENV']} {names} {os.getcwd()}".encode()]
"""


def blocks(tool):
    """(kind, text) of each block of a section."""
    return re.findall(r"^```\w+ (\S+)\n(.*?)^```$", SECTIONS[tool], re.M | re.S)


def block(tool, kind, number=0):
    return [text for k, text in blocks(tool) if k == kind][number]


def need(path):
    if not os.path.exists(path):
        pytest.skip(f"{path} is missing (tests/run installs it)")


class Place:
    """A directory in which the paths and users of the page are found."""

    def __init__(self, env):
        self.env, self.dir = env, env.dir
        for name in ("run", "log", "srv", "pool.d"):
            os.mkdir(f"{self.dir}/{name}")
        for name, text in (("app.pl", PERL), ("app.fcgi", PERL), ("index.php", PHP),
                           ("app.py", WSGI)):
            self.write(f"srv/{name}", text)
            os.chmod(f"{self.dir}/srv/{name}", 0o755)
        shutil.copy(env.demo, self.dir + "/srv/app")
        wsgi.install(self.dir)
        self.socket = self.dir + "/run/app.sock"

    def write(self, name, text):
        with open(f"{self.dir}/{name}", "w", encoding="utf-8") as f:
            f.write(text)
        return f"{self.dir}/{name}"

    def text(self, text):
        """A block of the page, with what is here in place of what it names."""
        user = USER if ROOT else getpass.getuser()
        group = USER if ROOT else grp.getgrgid(os.getegid()).gr_name
        text = re.sub(r"((?:group|gid)\W+|-[gG] |:)(?:webapp|www-data)", r"\g<1>" + group, text)
        for old, new in (("/srv/app", self.dir + "/srv"), ("/run/", self.dir + "/run/"),
                         ("/var/log/", self.dir + "/log/"), ("webapp", user), ("www-data", user),
                         ("127.0.0.1:9191", f"127.0.0.1:{free_port()}"),
                         ("/usr/local/sbin/anyfpm", ANYFPM),
                         ("/usr/local/bin/anyfpm-wsgi", f"{self.dir}/{wsgi.INSTALLED}")):
            text = text.replace(old, new)
        return text

    def run(self, *argv, **more):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False,
                              cwd=self.dir, env=self.env.environment(), **more)
        assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def place(env):
    return Place(env)


class Migrated(Anyfpm):
    """anyfpm with a block of the page as a file in pool.d."""

    def __init__(self, place, tool, wait=True):
        self.place, self.tool = place, tool
        super().__init__(place.env, None, pools={"app": {"listen": place.socket}}, wait=wait)

    def config(self, pools, global_options):
        more = {"ANYFPM_TEST": self.env.mark, **self.env.sanitizer_options()}
        self.place.write("pool.d/app.conf", self.place.text(block(self.tool, "anyfpm"))
                         + "".join(f"env[{k}] = {v}\n" for k, v in more.items()))
        return (f"[global]\nerror_log = {self.log_path}\ndaemonize = no\n"
                f"include = {self.place.dir}/pool.d/*.conf\n")

    def start(self, wait=True):
        program = re.search(r"^command = (\S+)", block(self.tool, "anyfpm"), re.M)[1]
        if not program.startswith("/usr/local/"):
            need(program if program.startswith("/usr/") else "/usr/share/perl5/CGI/Fast.pm")
        self.place.run(ANYFPM, "-t", "-y", self.config_path)
        super().start(wait)


class Front(Server):
    """A web server with a block of the page."""

    name = "front"

    def __init__(self, place, argv):
        super().__init__(place.env)
        self.port = place.port
        self.launch(argv)
        self.wait_listening(("127.0.0.1", self.port))


def nginx(place, text):
    """Write a configuration with this block; returns the command line."""
    need("/usr/sbin/nginx")
    place.port = free_port()
    text = place.text(text)
    if "server {" not in text:
        text = f"server {{\n{text}}}\n"
    text = text.replace("server {\n", f"server {{\n    listen 127.0.0.1:{place.port};\n")
    for name in ("fastcgi_params", "uwsgi_params"):
        shutil.copy("/etc/nginx/" + name, place.dir)
    temporary = "".join(f"{n}_temp_path {place.dir}/{n};\n" for n in
                        ("client_body", "fastcgi", "proxy", "uwsgi", "scgi"))
    path = place.write("nginx.conf", f"""{"user " + USER + ";" if ROOT else ""}
daemon off; pid {place.dir}/nginx.pid; error_log {place.dir}/nginx.log;
events {{ }}
http {{
access_log off;
{temporary}{text}}}
""")
    return ["/usr/sbin/nginx", "-e", place.dir + "/nginx.log", "-c", path]


def apache(place, text, *modules):
    if "fcgid" in modules:
        text = f"FcgidIPCDir {place.dir}/ipc\nFcgidProcessTableFile {place.dir}/table\n" + text
    need("/usr/sbin/apache2")
    place.port = free_port()
    for name in modules:
        need(f"{MODULES}/mod_{name}.so")
    loads = "".join(f"LoadModule {n}_module {MODULES}/mod_{n}.so\n" for n in
                    ("mpm_event", "authz_core", "alias", *modules))
    path = place.write("apache.conf", f"""ServerRoot {place.dir}
ServerName localhost
Listen 127.0.0.1:{place.port}
PidFile {place.dir}/apache.pid
DefaultRuntimeDir {place.dir}
Mutex file:{place.dir} default
ErrorLog {place.dir}/apache.log
{loads}{f"User {USER}" if ROOT else ""}
{f"Group {USER}" if ROOT else ""}
DocumentRoot {place.dir}/srv
{place.text(text)}""")
    return ["/usr/sbin/apache2", "-f", path]


# The page itself --------------------------------------------------------------

def test_page_is_whole():
    """A section for each, with both configurations and a table; no block that nobody loads."""
    assert list(SECTIONS) == TOOLS
    for tool in TOOLS:
        kinds = [kind for kind, _ in blocks(tool)]
        assert tool.lower() in kinds and kinds.count("anyfpm") == 1, kinds
        assert set(kinds) <= set(KINDS) and f"\n| {tool} | anyfpm |\n" in SECTIONS[tool]
        assert SECTIONS[tool].count("```") == 2 * len(kinds), f"a block of {tool} has no kind"


def names_of(tool, text):
    """The directives or options that an old configuration has."""
    if tool == "spawn-fcgi":
        return re.findall(r"(?<= )-\w(?= )", text.partition(" -- ")[0])
    if tool == "mod_fcgid":
        return re.findall(r"^ *((?!Require)[A-Z]\w+) ", text, re.M)
    return re.findall(r"^([\w.-]+)(?:\[\w+\])? ?=", text, re.M)


def table(tool):
    """(left, right) of each line of the section's table."""
    return re.findall(r"^\| (.+?) \| (.+) \|$", SECTIONS[tool], re.M)[1:]


@pytest.mark.parametrize("tool", TOOLS)
def test_table_has_each_directive(tool):
    """Nothing that the old configuration says is passed over."""
    names = names_of(tool, block(tool, tool.lower()))
    assert len(names) > 5
    left = " ".join(cell for cell, _ in table(tool))
    assert not [name for name in names if f"`{name}`" not in left]


@pytest.mark.parametrize("tool", TOOLS)
def test_directives_of_anyfpm_exist(tool):
    """What the right side names is in the manual page."""
    known = set(re.findall(r"^\.It Ic (\S+)", MANUAL, re.M)) | {"try_files"}
    words = re.findall(r"`([a-z_.]+)(?:\[NAME\])?(?: = \w+)?`", " ".join(r for _, r in table(tool)))
    assert words and not [w for w in words if "_" in w and w not in known]
    assert not [w for w in words if re.match(r"(pm|listen|access)\.", w) and w not in known]


# The old configurations -------------------------------------------------------

def test_php_fpm_accepts_the_old_one(place):
    need("/usr/sbin/php-fpm8.2")
    path = place.write("old.conf", f"[global]\nerror_log = {place.dir}/log/php-fpm.log\n"
                       + place.text(block("php-fpm", "php-fpm")))
    said = place.run("/usr/sbin/php-fpm8.2", "-t", "-y", path)
    assert "test is successful" in said


def test_spawn_fcgi_accepts_the_old_one(place):
    """It has no check: it is run."""
    need("/usr/bin/spawn-fcgi")
    path = place.write("old.sh", place.text(block("spawn-fcgi", "spawn-fcgi")))
    pids = []
    try:
        pids = [int(n) for n in re.findall(r"PID: (\d+)", place.run("/bin/sh", path))]
        assert len(pids) == 4
        with Client(place.socket) as c:
            assert c.request().status == 200
    finally:
        for pid in filter(alive, pids):
            os.kill(pid, 9)
    wait_for(lambda: not any(map(alive, pids)), 5, "spawn-fcgi's processes to end")


@pytest.mark.parametrize("number", [0, 1])
def test_supervisord_accepts_the_old_one(place, number):
    """It has no check either: its own module reads the file as it would."""
    need("/usr/bin/supervisord")
    place.write("pool.d/app.conf", place.text(block("supervisord", "supervisord", number)))
    path = place.write("supervisord.conf", f"[supervisord]\nlogfile = {place.dir}/log/s.log\n"
                       f"[include]\nfiles = {place.dir}/pool.d/*.conf\n")
    code = ("from supervisor.options import ServerOptions\n"
            f"o = ServerOptions(); o.realize(['-n', '-c', {path!r}])\n"
            "print([(g.name, len(g.process_configs)) for g in o.process_group_configs])\n")
    assert [("('app', 4)"), ("('anyfpm', 1)")][number] in place.run("/usr/bin/python3", "-c", code)


def test_mod_fcgid_accepts_the_old_one(place):
    argv = apache(place, block("mod_fcgid", "mod_fcgid"), "fcgid")
    assert "Syntax OK" in place.run(*argv, "-t")
    front = Front(place, [*argv, "-DFOREGROUND"])
    reply = fetch(front, "/app/x", headers={"Authorization": "Basic eDp5"})
    assert reply.body == b"production [/app] [/x]Basic eDp5"


def test_uwsgi_accepts_the_old_one(place):
    """It starts its application, and no worker."""
    need("/usr/lib/uwsgi/plugins/python3_plugin.so")
    path = place.write("old.ini", place.text(block("uWSGI", "uwsgi")))
    place.run("/usr/bin/uwsgi", "--ini", path, "--strict", "--no-server")


def test_gunicorn_accepts_the_old_one(place):
    need("/usr/bin/gunicorn")
    path = place.write("gunicorn.conf.py", place.text(block("gunicorn", "gunicorn")))
    place.run("/usr/bin/gunicorn", "--check-config", "-c", path)


@pytest.mark.parametrize("tool", ["uWSGI", "gunicorn"])
def test_nginx_accepts_the_old_one(place, tool):
    place.run(*nginx(place, block(tool, "nginx")), "-t")


# The new ones -------------------------------------------------------------------

def test_php_cgi_serves(place):
    server = Migrated(place, "php-fpm")
    with Client(server.address) as c:
        answer = c.request(SCRIPT_FILENAME=place.dir + "/srv/index.php", REDIRECT_STATUS="200")
        assert answer.body == b"production 96M 20M"
        assert c.request(uri="/ping").body == b"pong"


def test_program_of_spawn_fcgi_serves(place):
    server = Migrated(place, "spawn-fcgi")
    assert len(server.wait_workers(4, ready=False)) == 4
    with Client(server.address) as c:
        assert c.request().status == 200


def test_program_of_supervisord_serves(place):
    server = Migrated(place, "supervisord")
    with Client(server.address) as c:
        answer = c.request(uri="/app", PATH_INFO="/x")
        assert answer.body == b"production [/app] [/x]"


def test_program_of_mod_fcgid_serves(place):
    Migrated(place, "mod_fcgid")
    argv = apache(place, block("mod_fcgid", "apache"), "proxy", "proxy_fcgi")
    front = Front(place, [*argv, "-DFOREGROUND"])
    reply = fetch(front, "/app/x", headers={"Authorization": "Basic eDp5"})
    assert reply.body == b"production [/app] [/x]Basic eDp5"
    assert fetch(front, "/app/x", "POST", b"", {"Content-Length": "20971521"}).status == 413


@pytest.mark.parametrize("tool", ["uWSGI", "gunicorn"])
def test_application_serves(place, tool):
    """Behind nginx; its headers may be as large as nginx lets them be."""
    Migrated(place, tool)
    front = Front(place, nginx(place, block("uWSGI", "nginx", 1)))
    for headers in ({}, {"Cookie": "c" * 7000}):
        reply = fetch(front, "/some/page?a=b", headers=headers)
        right = f"production ['', '/some/page', 'http', '127.0.0.1'] {place.dir}/srv"
        assert (reply.status, reply.body.decode()) == (200, right)
