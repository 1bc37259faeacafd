"""Real programs of others as workers: how each is made, what it is asked, and what is right.

A program that runs our code notes each run in the file RUNS and echoes what it was asked, so that
a request that was run twice or answered with another's answer is seen.
"""

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess

import pytest
from servers import BUILD, ROOT, TOP, USER, WORKERS

NODE_MODULES = TOP + "/build/npm/node_modules"  # where tests/run installs


def need(*paths):
    for path in paths:
        if not os.path.exists(path):
            pytest.skip(f"{path} is missing (tests/run installs it)")


class Program:
    """One row: a program that runs workers/echo.*, unless a subclass says otherwise."""

    post = True
    notes = True  # whether it notes its runs
    pause = 0  # seconds that a client waits before each request when throughput is compared

    def __init__(self, name, argv, source=None, needs=(), env=None, **more):
        self.name, self.argv, self.source = name, argv, source
        self.needs, self.env = needs, env or {}
        self.__dict__.update(more)

    def __repr__(self):
        return self.name

    def make(self, directory):
        """Put what it needs into the directory; returns the pool's directives."""
        need(*self.needs)
        path = f"{directory}/{self.source}" if self.source else ""
        if self.source:
            shutil.copy(f"{WORKERS}/{self.source}", directory)
            os.chmod(path, 0o755)
        self.directory = directory
        self.runs_path = f"{directory}/pub/runs"
        out = {"command": " ".join(word.format(path=path) for word in self.argv),
               "env[RUNS]": self.runs_path}
        out.update((f"env[{k}]", v.format(directory=directory)) for k, v in self.env.items())
        return out

    def runs(self):
        """Lines 'METHOD id', one for each run."""
        try:
            with open(self.runs_path, encoding="ascii") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def request(self, number, ms=0):
        """(parameters, body) of a request that takes ms; every other one has a body."""
        method = "POST" if self.post and number % 2 else "GET"
        body = self.body(number) if method == "POST" else b""
        return {"method": method, "uri": "/echo", "query": f"id={number}&ms={ms}",
                "SCRIPT_FILENAME": f"{self.directory}/{self.source}", "body": body,
                "CONTENT_TYPE": "application/octet-stream" if body else "",
                "SERVER_NAME": "localhost", "SERVER_PORT": "80", "REMOTE_ADDR": "127.0.0.1",
                "REDIRECT_STATUS": "200"}

    @staticmethod
    def body(number):
        """Now and then one that outgrows socket buffers."""
        return b"%d " % number * (40000 if number % 40 == 1 else 10)

    def right(self, number, answer):
        """Whether the answer is that of this request."""
        method = "POST" if self.post and number % 2 else "GET"
        body = self.body(number) if method == "POST" else b""
        return answer.body == b"%s %d %s" % (method.encode(), number, body)


class Node(Program):
    def make(self, directory):
        if not shutil.which("node"):
            pytest.skip("there is no node")
        need(NODE_MODULES + "/node-fastcgi")
        # The pool's user may not be able to look into this checkout.
        shutil.copytree(NODE_MODULES, directory + "/node_modules")
        return super().make(directory)


@contextlib.contextmanager
def go_environment():
    """What go build needs, with a cache in the build directory; one at a time, for the first one
    compiles Go's library, too."""
    cache = BUILD + "/go"
    os.makedirs(cache, exist_ok=True)
    with open(cache + "/lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield {"GOCACHE": cache + "/cache", "GO111MODULE": "off", "GOFLAGS": "",
               "CGO_ENABLED": "0"}


def build_go(source, to):
    need("/usr/bin/go")
    with go_environment() as environment:
        subprocess.run(["/usr/bin/go", "build", "-o", to, f"{WORKERS}/{source}"], check=True,
                       timeout=300, env={**os.environ, **environment})
    return to


class Go(Program):
    """Compiled."""

    def make(self, directory):
        return dict(super().make(directory), command=build_go("echo.go", directory + "/echo"))


class MapServer(Program):
    """Draws maps whose width depends on the request."""

    notes = False
    pause = 0.08

    def make(self, directory):
        need("/usr/bin/mapserv")
        with open(directory + "/mapserver.conf", "w", encoding="ascii") as f:
            f.write(f'CONFIG\n ENV\n  MS_MAP_NO_PATH "1"\n END\n'
                    f' MAPS\n  TEST "{directory}/test.map"\n END\nEND\n')
        with open(directory + "/test.map", "w", encoding="ascii") as f:
            f.write("""MAP
 NAME "test" EXTENT 0 0 10 10 SIZE 100 100 IMAGETYPE PNG UNITS METERS
 LAYER
  NAME "square" TYPE POLYGON STATUS DEFAULT
  FEATURE POINTS 1 1 1 9 9 9 9 1 1 1 END END
  CLASS STYLE COLOR 0 0 255 END END
 END
END
""")
        return {"command": "/usr/bin/mapserv",
                "env[MAPSERVER_CONFIG_FILE]": directory + "/mapserver.conf"}

    @staticmethod
    def width(number):
        return 50 + number % 50

    def request(self, number, ms=0):
        query = f"map=TEST&mode=map&mapsize={self.width(number)}+50"
        if number % 2:
            return {"method": "POST", "uri": "/mapserv", "body": query.encode(),
                    "CONTENT_TYPE": "application/x-www-form-urlencoded"}
        return {"method": "GET", "uri": "/mapserv", "query": query}

    def right(self, number, answer):
        body = answer.body
        return (body[:8] == b"\x89PNG\r\n\x1a\n" and body[12:16] == b"IHDR" and b"IEND" in body
                and struct.unpack_from("!II", body, 16) == (self.width(number), 50))


class Gitweb(Program):
    """Shows files of a repository."""

    post = notes = False
    pause = 0.5
    files = 7

    def make(self, directory):
        need("/usr/share/gitweb/gitweb.cgi")
        work, projects = directory + "/work", directory + "/projects"
        environment = {**os.environ, "HOME": directory, "GIT_CONFIG_NOSYSTEM": "1"}
        for who in ("AUTHOR", "COMMITTER"):
            environment[f"GIT_{who}_NAME"] = "Somebody"
            environment[f"GIT_{who}_EMAIL"] = "somebody@localhost"

        def git(*args):
            subprocess.run(["/usr/bin/git", *args], check=True, capture_output=True,
                           env=environment, timeout=60)
        git("init", work)
        for i in range(self.files):
            with open(f"{work}/file{i}", "w", encoding="ascii") as f:
                f.write(self.content(i))
        git("-C", work, "add", ".")
        git("-C", work, "commit", "-m", "files")
        git("clone", "--bare", work, projects + "/test.git")
        if ROOT:  # git refuses what belongs to somebody else
            subprocess.run(["/bin/chown", "-R", USER, projects], check=True)
        with open(directory + "/gitweb.conf", "w", encoding="ascii") as f:
            f.write(f"our $projectroot = '{projects}';\n")
        self.config = directory + "/gitweb.conf"
        return {"command": "/usr/share/gitweb/gitweb.cgi --fcgi"}

    @staticmethod
    def content(i):
        return f"file {i}\n" * (1 + 1000 * i)

    def request(self, number, ms=0):
        # A parameter: in a request, Perl's FCGI replaces the environment by the parameters.
        return {"method": "GET", "uri": "/gitweb.cgi", "GITWEB_CONFIG": self.config,
                "SERVER_NAME": "localhost", "SERVER_PORT": "80",
                "query": f"p=test.git;a=blob_plain;f=file{number % self.files}"}

    def right(self, number, answer):
        return answer.body == self.content(number % self.files).encode()


PROGRAMS = [
    Program("ruby-fcgi", ["/usr/bin/ruby", "{path}"], "echo.rb",
            ["/usr/bin/ruby", "/usr/lib/ruby/vendor_ruby/fcgi.rb"]),
    MapServer("mapserver", []),
    Program("plackup", ["/usr/bin/plackup", "-s", "FCGI", "-E", "deployment", "{path}"],
            "echo.psgi", ["/usr/bin/plackup", "/usr/share/perl5/FCGI/ProcManager.pm"]),
    Node("node-fastcgi", [shutil.which("node") or "node", "{path}"], "echo.js"),
    Gitweb("gitweb", []),
    Program("fcgiwrap", ["/usr/sbin/fcgiwrap"], "echo.cgi", ["/usr/sbin/fcgiwrap"]),
    Go("go", []),
    Program("php-cgi", ["/usr/bin/php-cgi8.2"], "echo.php", ["/usr/bin/php-cgi8.2"]),
    Program("cgi-fast", ["/usr/bin/perl", "{path}"], "echo.fcgi",
            ["/usr/share/perl5/CGI/Fast.pm"]),
]
