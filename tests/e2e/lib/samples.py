"""The samples of contrib/samples: what their README says, who else runs them, what is asked."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess

import pytest
from cgiscripts import without_time
from others import PhpFpm, SpawnFcgi, Uwsgi
from programs import Gitweb, go_environment
from servers import BUILD, ROOT, TOP, USER, Server, wait_for

SAMPLES = TOP + "/contrib/samples"
PROGRAMS = (BUILD + "/anyfpm", BUILD + "/contrib/adapters/cgi/anyfpm-cgi",
            TOP + "/contrib/adapters/wsgi/anyfpm-wsgi", TOP + "/contrib/preload/anyfpm_preload.py")
UPLOAD = b"0123456789" * 100000
FULL = os.environ.get("ANYFPM_TEST_SAMPLES") == "full"  # all requests of all samples (tests/run samples)
TIME_LIMIT = 900 if FULL else 120  # seconds for one of them


def installed(directory):
    """What a README takes for granted, where any user can reach it."""
    out = directory + "/bin"
    if not os.path.exists(out):
        os.makedirs(out + "/preload")
        for program in PROGRAMS:
            shutil.copy(program, out)
        shutil.copy(BUILD + "/preload/anyfpm-preload.so", out + "/preload")
    return out


class Sample:
    """A copy of one that somebody begins with. It says what it was asked and how long the body was,
    and spawn-fcgi runs it, unless a subclass in KINDS has something else."""

    distinct = 50  # requests: each is asked of the usual runner once
    all_requests = 1000
    few_requests = 1000  # unless all are asked for
    told = b"%d bytes" % len(UPLOAD)  # what the answer to an upload has in it
    by_user = False  # whether it is for somebody who is not root
    noise = None  # what it says at its start or end, which is no error

    def __init__(self, name, directory, by_user=False):
        self.name, self.directory = name, f"{directory}/{name}"
        self.path = f"{installed(directory)}:{os.environ['PATH']}"
        shutil.copytree(f"{SAMPLES}/{name}", self.directory)
        subprocess.run(["/bin/chmod", "-R", "a+rX", self.directory], check=True)
        self.prefix = []
        if ROOT and (by_user or self.by_user):
            subprocess.run(["/bin/chown", "-R", USER, self.directory], check=True)
            self.prefix = ["/usr/bin/setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"]
        with open(self.directory + "/README.md", encoding="ascii") as f:
            readme = f.read()
        with open(self.directory + "/anyfpm.conf", encoding="ascii") as f:
            self.pool = dict(re.findall(r"^([a-z][^ ]*) = (.+)$", f.read(), re.M))
        self.packages = re.search(r"`apt-get install ([^`]+)`", readme).group(1).split()
        # Its two blocks: commands of which the last one runs it, and commands to try it.
        run, self.attempt = re.findall(r"^```sh\n(.*?)^```$", readme, re.M | re.S)
        *before, self.start = run.splitlines()
        self.before = "\n".join(before)

    @property
    def requests(self):
        return self.all_requests if FULL else self.few_requests

    def need_packages(self):
        missing = [p for p in self.packages if subprocess.run(
            ["/usr/bin/dpkg-query", "-W", p], capture_output=True, check=False).returncode]
        if missing:
            pytest.skip(f"{missing} missing (tests/run installs them)")

    def shell(self, commands):
        """Run commands of the README; returns what they print."""
        go = "go build" in commands
        prefix = [] if go else self.prefix  # its cache is ours
        with go_environment() if go else contextlib.nullcontext({}) as more:
            got = subprocess.run(
                [*prefix, "/bin/sh", "-euc", commands], cwd=self.directory, timeout=300,
                env={**os.environ, "PATH": self.path, **more}, capture_output=True, text=True,
                check=False)
        assert got.returncode == 0, got.stdout + got.stderr
        return got.stdout

    def check_as_service(self):
        """The pool file with the two lines that README.md of the samples adds, from elsewhere."""
        with open(SAMPLES + "/README.md", encoding="ascii") as f:
            more = re.search(r"^    prefix = /srv/hello\n    chdir = .*$", f.read(), re.M).group()
        with open(self.directory + "/anyfpm.conf", encoding="ascii") as f:
            text = f.read() + more.replace("/srv/hello", self.directory) + "\n"
        with open(self.directory + ".conf", "w", encoding="ascii") as f:
            f.write(text)
        got = subprocess.run(["anyfpm", "-FOt", "-y", self.directory + ".conf"], cwd="/",
                             env={**os.environ, "PATH": self.path}, capture_output=True, text=True,
                             timeout=60, check=False)
        assert got.returncode == 0, got.stderr

    def usual(self, env):
        """The usual runner, with one process."""
        return SpawnFcgi(env, self.pool["command"], 1, directory=self.directory,
                         variables=self.variables())

    def variables(self):
        """Those of the pool that are not taken from where it is started."""
        return {k[4:-1]: v for k, v in self.pool.items() if k.startswith("env[") and v[0] != "$"}

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


class WithDate(Sample):
    def same(self, stdout):
        return re.sub(rb"^Date: .*?$", b"", stdout, flags=re.M)


class Ruby(Sample):
    """Debian's fcgi ends with a backtrace when its first connection is closed without a request."""

    noise = (r"running pure ruby instead|FCGI socket unexpected EOF|"
             r"\\x09from (/usr/|\w+\.rb:)")


class Php(Sample):
    """Its usual runner is php-fpm."""

    def usual(self, env):
        return PhpFpm(env, 1, ini=True)

    def ask(self, uri, query="", body=b"", **more):
        return super().ask(uri, query, body, SCRIPT_NAME="/index.php", PATH_INFO="",
                           SCRIPT_FILENAME=self.directory + "/www/index.php", **more)


class Wsgi(Sample):
    """Its usual runner is uWSGI."""

    def usual(self, env):
        return Uwsgi(env, self.directory, self.pool["command"].split()[-1], 1,
                     variables=self.variables())


class MapServer(Sample):
    """Maps of a width that depends on the request."""

    told = b"\x89PNG"

    def request(self, number, more=""):
        query = f"map=TOWN&mode=map&mapsize={50 + number}+50{more}"
        if number % 3:
            return self.ask("/mapserv", query)
        return dict(self.ask("/mapserv", "", query.encode()),
                    CONTENT_TYPE="application/x-www-form-urlencoded")

    def upload(self):
        return self.request(0, "&more=" + UPLOAD.decode())


class DokuWiki(Sample):
    """Pages that are there; an upload is a text that is looked at before it is saved."""

    told = b"\n" + UPLOAD
    distinct = 20
    by_user = True

    def usual(self, env):
        for number in range(self.distinct):
            path_of_page = f"{self.directory}/data/pages/page{number}.txt"
            with open(path_of_page, "w", encoding="ascii") as f:
                f.write(f"====== Page {number} ======\n\n" + "Some **text**. " * number)
        return PhpFpm(env, 1, ini=True, options={
            "php_admin_value[auto_prepend_file]": self.directory + "/wiki.php",
            "php_admin_value[session.save_path]": self.directory + "/data/tmp"})

    def request(self, number):
        return self.page(f"id=page{number}")

    def upload(self):
        """By one session: a page that somebody edits is locked for others."""
        return dict(self.page("id=new", b"do=preview&wikitext=%0A" + UPLOAD),
                    CONTENT_TYPE="application/x-www-form-urlencoded",
                    HTTP_COOKIE="DokuWiki=0123456789abcdefghijklmnop")

    def page(self, query, body=b""):
        return self.ask("/doku.php", query, body, SCRIPT_NAME="/doku.php", PATH_INFO="",
                        SCRIPT_FILENAME="/usr/share/dokuwiki/doku.php")

    def same(self, stdout):
        for changing in (rb"^Set-Cookie: .*?$", rb'name="(sectok|date)" value="\w+"',
                         rb'(?<=class="draft__status">)[^<]+',
                         rb"taskrunner\.php\?id=\w+&amp;\d+"):
            stdout = re.sub(changing, b"", stdout, flags=re.M)
        return stdout


class Cgi(Sample):
    """Its usual runner is fcgiwrap."""

    def usual(self, env):
        return SpawnFcgi(env, "/usr/sbin/fcgiwrap", 1, variables=self.variables())

    def variables(self):
        return {k[4:-1]: v.replace("${PWD}", self.directory) for k, v in self.pool.items()
                if k.startswith("env[") and v != "$PATH"}

    def same(self, stdout):
        """fcgiwrap makes CR LF of the ends of header lines, of which CGI leaves the choice."""
        head, blank, rest = re.split(rb"(\r?\n\r?\n)", stdout, maxsplit=1)
        return head.replace(b"\r", b"") + blank.replace(b"\r", b"") + rest


class ShellCgi(Cgi):
    def ask(self, uri, query="", body=b"", **more):
        return super().ask(uri, query, body, SCRIPT_NAME="/hello",
                           SCRIPT_FILENAME=self.directory + "/scripts/hello", **more)


class Git(Cgi):
    """Files of a repository."""

    told = b"</html>"
    distinct = Gitweb.files
    by_user = True  # git shows nobody what belongs to somebody else

    def usual(self, env):
        os.mkdir(self.directory + "/made")
        Gitweb("gitweb", []).make(self.directory + "/made")
        shutil.move(self.directory + "/made/projects/test.git", self.directory + "/projects")
        return super().usual(env)

    def same(self, stdout):
        return without_time(super().same(stdout))


class GitwebSample(Git):
    few_requests = 60  # each takes as long as Perl needs to compile it

    def request(self, number):
        return self.page(f"p=test.git;a=blob_plain;f=file{number}")

    def upload(self):
        return dict(self.page("p=test.git", UPLOAD), CONTENT_TYPE="text/plain")

    def page(self, query, body=b""):
        return self.ask("/", query, body, SCRIPT_FILENAME="/usr/share/gitweb/gitweb.cgi")


class Cgit(Git):
    def request(self, number):
        return self.page(f"/test.git/plain/file{number}")

    def upload(self):
        """It does not read it: what does not fit into a pipe fails with fcgiwrap."""
        return self.page("/test.git/", UPLOAD[:50000])

    def page(self, path, body=b""):
        return self.ask(path, "", body, SCRIPT_FILENAME="/usr/lib/cgit/cgit.cgi")


class Munin(Sample):
    """Graphs of an hour that depends on the request, each drawn into a file."""

    distinct = 20  # of the test's four clients, none asks for what another one does
    few_requests = 200
    told = b"\x89PNG"
    by_user = True

    def usual(self, env):
        return SpawnFcgi(env, shlex.join([*self.prefix, self.pool["command"]]), 1,
                         directory=self.directory, variables=self.variables())

    def request(self, number, body=b""):
        begin = 1672531200 + 3600 * number
        path_of_graph = f"/localhost/localhost/load-pinpoint={begin},{begin + 7200}.png"
        return self.ask(path_of_graph, "", body)

    def upload(self):
        return self.request(0, UPLOAD)

    def same(self, stdout):
        head, _, rest = stdout.partition(b"\r\n\r\n")
        return b"\n".join(sorted(line for line in head.split(b"\r\n") if not re.match(
            rb"X-Munin-|X-Graph-Duration", line))) + rest


KINDS = {"munin": Munin, "cgit": Cgit, "gitweb": GitwebSample, "shell-cgi": ShellCgi, "dokuwiki": DokuWiki, "go": WithDate, "mapserver": MapServer, "php": Php,
         "python-django": Wsgi, "python-flask": Wsgi, "ruby-fcgi": Ruby, "ruby-rack": Ruby}


def sample_of(name, directory, by_user=False):
    return KINDS.get(name, Sample)(name, directory, by_user)


class Started(Server):
    """anyfpm as the README starts it."""

    name = "sample"

    def __init__(self, env, sample):
        super().__init__(env)
        self.noise = sample.noise
        self.address = os.path.normpath(f"{sample.directory}/{sample.pool['listen']}")
        assert sample.start.startswith("anyfpm "), sample.start
        self.launch([*sample.prefix, "/usr/bin/env", "PATH=" + sample.path, "/bin/sh", "-c",
                     "exec " + sample.start], cwd=sample.directory)

        def ready():
            assert self.process.poll() is None, self.said()
            return "ready to handle connections" in self.said()
        wait_for(ready, 15, "the sample to be ready")
        env.note(self.pid)

    def trouble(self):
        """After its end: what it complained of and left."""
        out = [line for line in re.findall(r"\] (?:WARNING|ERROR|ALERT): .*", self.said())
               if not (self.noise and re.search(self.noise, line))]
        if self.process.returncode:
            out.append(f"exit code {self.process.returncode}")
        return out + [self.address] * os.path.exists(self.address)
