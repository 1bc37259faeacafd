"""The samples of contrib/samples: what their README says, who else runs them, what they are asked."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess

import pytest
from others import SpawnFcgi
from programs import go_environment
from servers import BUILD, TOP, Server, wait_for

SAMPLES = TOP + "/contrib/samples"
UPLOAD = b"0123456789" * 100000


class Sample:
    """A copy of one that somebody begins with. It says what it was asked and how long the body was,
    and spawn-fcgi runs it, unless a subclass in KINDS has something else."""

    distinct = 50  # requests: each is asked of the usual runner once
    told = b"%d bytes" % len(UPLOAD)  # what the answer to an upload has in it

    def __init__(self, name, directory):
        self.name, self.directory = name, f"{directory}/{name}"
        shutil.copytree(f"{SAMPLES}/{name}", self.directory)
        subprocess.run(["/bin/chmod", "-R", "a+rX", self.directory], check=True)
        with open(self.directory + "/README.md", encoding="ascii") as f:
            readme = f.read()
        with open(self.directory + "/anyfpm.conf", encoding="ascii") as f:
            self.pool = dict(re.findall(r"^([a-z][^ ]*) = (.+)$", f.read(), re.M))
        self.packages = re.search(r"`apt-get install ([^`]+)`", readme).group(1).split()
        # Its two blocks: commands of which the last one runs it, and commands to try it.
        run, self.attempt = re.findall(r"^```sh\n(.*?)^```$", readme, re.M | re.S)
        *before, self.start = run.splitlines()
        self.before = "\n".join(before)

    def need_packages(self):
        missing = [p for p in self.packages if subprocess.run(
            ["/usr/bin/dpkg-query", "-W", p], capture_output=True, check=False).returncode]
        if missing:
            pytest.skip(f"{missing} missing (tests/run installs them)")

    def shell(self, commands):
        """Run commands of the README; returns what they print."""
        go = go_environment() if "go build" in commands else contextlib.nullcontext({})
        with go as more:
            got = subprocess.run(
                ["/bin/sh", "-euc", commands], cwd=self.directory, capture_output=True, text=True,
                env={**os.environ, "PATH": path(), **more}, timeout=300, check=False)
        assert got.returncode == 0, got.stdout + got.stderr
        return got.stdout

    def usual(self, env):
        """The usual runner, with one process."""
        variables = {k[4:-1]: v for k, v in self.pool.items() if k.startswith("env[")}
        return SpawnFcgi(env, self.pool["command"], 1, directory=self.directory,
                         variables=variables)

    def request(self, number):
        """What fcgi.Client sends; every third has a body."""
        body = b"%d " % number * (50 * number) if number % 3 == 0 else b""
        return self.ask(f"/hello/{number}", f"a={number}&b=%20", body)

    def upload(self):
        return self.ask("/upload", "", UPLOAD)

    def ask(self, uri, query="", body=b"", **more):
        """The parameters that nginx gives an application that routes by itself."""
        return {"uri": uri, "query": query, "body": body, "SCRIPT_NAME": "", "PATH_INFO": uri,
                "CONTENT_TYPE": "application/octet-stream" if body else "",
                "SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": "localhost",
                "REMOTE_ADDR": "127.0.0.1", "REDIRECT_STATUS": "200", **more}

    def same(self, stdout):
        """An answer without what is another each time, such as the id of a session."""
        return stdout


KINDS = {}  # {directory: subclass}


def sample_of(name, directory):
    return KINDS.get(name, Sample)(name, directory)


def path():
    return f"{BUILD}:{os.environ['PATH']}"


class Started(Server):
    """anyfpm as the README starts it."""

    name = "sample"

    def __init__(self, env, sample):
        super().__init__(env)
        self.address = os.path.normpath(f"{sample.directory}/{sample.pool['listen']}")
        argv = shlex.split(sample.start)
        assert argv[0] == "anyfpm", sample.start
        self.launch(["/usr/bin/env", "PATH=" + path(), *argv], cwd=sample.directory)

        def ready():
            assert self.process.poll() is None, self.said()
            return "ready to handle connections" in self.said()
        wait_for(ready, 15, "the sample to be ready")
        env.note(self.pid)

    def trouble(self):
        """After its end: what it complained of and left."""
        out = re.findall(r"\] (?:WARNING|ERROR|ALERT): .*", self.said())
        if self.process.returncode:
            out.append(f"exit code {self.process.returncode}")
        return out + [self.address] * os.path.exists(self.address)
