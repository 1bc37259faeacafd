"""Programs that pm.preload meets: each is served; where it cannot be forked, that is said once, and by the
status page."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess

import pytest
from fcgi import Client
from preloading import preloaded  # noqa: F401
from programs import PROGRAMS
from servers import PYTHON, ROOT, SLOW, WORKERLIB, WORKERS, alive, children, wait_for
from statuspage import status

WORKERS_MAX = 2
OPTIONS = {"pm.preload": "yes", "pm.max_children": WORKERS_MAX, "pm.status_path": "/status",
           "pm.max_requests": 3}
BY_NAME = {p.name: p for p in PROGRAMS}
NO_EFFECT = r"WARNING: \[pool www\] pm.preload has no effect: (.*); each worker is executed by itself"


def is_pid(answer):
    return re.match(rb"pid \d+\n", answer.body)


class Kind:
    """A program: its directives, what it is asked, and why it cannot be forked, or None."""

    def __init__(self, name, make, reason=None):
        self.name, self.make, self.reason = name, make, reason

    def __repr__(self):
        return self.name


# What makes one: make(env, path of preloaded.c) -> directives, request(number), right(number, answer).

def of_programs(name):
    """A program of programs.py."""
    def make(env, _):
        program = BY_NAME[name]
        return program.make(env.dir), program.request, program.right
    return make


def c_program(*behaviour, wrapped="{}"):
    """preloaded.c with these arguments."""
    def make(env, path):
        command = wrapped.format(shlex.join([path, *behaviour]))
        return {"command": command}, lambda n: {}, lambda n, answer: is_pid(answer)
    return make


def static_program(env, _):
    path = env.dir + "/static"
    done = subprocess.run(["cc", "-static", "-o", path, WORKERS + "/slow.c", "-lfcgi"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("no static libraries: " + done.stderr)
    return {"command": path}, lambda n: {}, lambda n, answer: answer.status == 200


def set_user_id_program(env, path):
    if not ROOT:
        pytest.skip("only root can give files away")
    own = env.dir + "/set-user-id"
    shutil.copy(path, own)
    os.chown(own, 65534, 65534)
    os.chmod(own, 0o4755)
    if os.statvfs(env.dir).f_flag & os.ST_NOSUID:
        pytest.skip("set-user-ID bits have no effect here")
    return {"command": own}, lambda n: {}, lambda n, answer: is_pid(answer)


STATIC = r'"{}" does not load anyfpm-preload.so: it is a static program, or has set-user-ID bits'
OWN_PROCESSES = '"{}" starts processes of its own, which accept connections'
KINDS = [
    Kind("plain", c_program()),
    Kind("handlers", c_program("handlers", "block")),
    Kind("closes 1 and 2", c_program("close=1", "close=2")),
    Kind("another directory", c_program("chdir=/usr")),
    Kind("leaves a child", c_program("child")),
    Kind("polls", c_program("nonblock", "poll")),
    Kind("shell wrapper", c_program(wrapped='/bin/sh -c "exec {}"')),
    Kind("shell that waits", c_program(wrapped='/bin/sh -c "{}; exit 1"'), OWN_PROCESSES),
    Kind("threads", c_program("thread"),
         '"{}" has 2 threads when it accepts its first connection, of which a fork would have one'),
    Kind("epoll", c_program("epoll"),
         '"{}" waits for connections with epoll, which forks would share'),
    Kind("system calls", c_program("syscall"),
         '"{}" accepts connections in a way that cannot be seen: it makes system calls itself, as Go '
         "programs do"),
    Kind("set-user-ID", set_user_id_program, STATIC),
    Kind("static", static_program, STATIC),
    Kind("go", of_programs("go"), STATIC),
    Kind("node-fastcgi", of_programs("node-fastcgi"), None),
    Kind("plackup", of_programs("plackup"), OWN_PROCESSES),
]


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_kind(env, anyfpm, preloaded, kind):
    options, request, right = kind.make(env, preloaded)
    server = anyfpm(options.pop("command"), {**OPTIONS, **options})
    with Client(server.address, 30 * SLOW) as c:
        for number in range(20):
            answer = c.request(**request(number))
            assert answer.status == 200 and right(number, answer), answer.stdout
    server.wait_workers(WORKERS_MAX, 20 * SLOW)
    page = status(server)
    said = re.findall(NO_EFFECT, server.log())
    if kind.name == "node-fastcgi":  # by its threads or by its epoll, whichever is seen first
        assert len(said) == 1 and said == [page["preload"]]
    elif kind.reason is None:
        assert said == [] and page["preload"] == "in effect"
        assert page["template process"] == server.templates()[0]
        assert page["template state"] == "ready" and page["template forks"] >= WORKERS_MAX
    else:
        program = shlex.split(server.configured["www"]["command"])[0]
        assert said == [kind.reason.format(program)] and page["preload"] == said[0]
        wait_for(lambda: not server.templates(), 10 * SLOW, "the template to end")
        wait_for(lambda: status(server)["template process"] == 0, 5 * SLOW,
                 "the end of what cannot be forked")
        wait_for(lambda: children(server.pool()) == server.workers(), 10 * SLOW,
                 "what it has started to end")
    assert "SIGSEGV" not in server.log()


@pytest.mark.parametrize("behaviour,reason", [
    (["never-accepts"], r"template \d+ exited on signal 9 .*"
                        r"it accepted no connection within pm.start_timeout"),
    (["dies-at-start"], r"template \d+ exited with code 3 .*before it was ready"),
])
def test_never_there(odd, behaviour, reason):
    """Tried again after a growing pause, said in words; who asks is told meanwhile."""
    never = behaviour == ["never-accepts"]
    server = odd(*behaviour, {**OPTIONS, "pm.start_timeout": "1s" if never else None}, wait=False)
    server.wait_log(reason, 2, 30)
    server.wait_log(r"2 starts failed in a row; the next attempt is in 1\.0 seconds")
    with Client(server.address, 30 * SLOW) as c:
        assert c.request().status == 503
    # Before it executes the program, a template looks like a worker.
    wait_for(lambda: not server.workers(), 5, "no worker")
    wait_for(lambda: status(server)["template process"] in server.templates() + [0], 5,
             "the template that there is, or none")
    if behaviour == ["dies-at-start"]:
        server.wait_log("cannot find the database")


DAEMON = """#!{python} -S
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open({note!r}, "a") as f:
            f.write(f"{{os.getpid()}}\\n")
        time.sleep(600)
    os._exit(0)
while not os.path.exists({note!r}):
    time.sleep(0.01)
"""


def test_program_that_goes_to_the_background(env, anyfpm):
    """No attempt leaves anything, in whatever session it is."""
    note, program = env.dir + "/pub/note", env.dir + "/daemon"
    with open(program, "w", encoding="ascii") as f:
        f.write(DAEMON.format(python=PYTHON, note=note))
    os.chmod(program, 0o755)
    server = anyfpm(program, OPTIONS, wait=False)
    server.wait_log("3 starts failed in a row", timeout=15)
    server.wait_log("stays in the foreground[?]", 3)
    with open(note, encoding="ascii") as f:
        left = [int(pid) for pid in f]
    assert left
    wait_for(lambda: not [pid for pid in left if alive(pid)], 10 * SLOW, "their end")


@pytest.fixture
def helped(env, anyfpm):
    """Start a server of helped.py; what its workers say."""
    for path in WORKERLIB + (WORKERS + "/helped.py",):
        shutil.copy(path, env.dir)

    def start(*more):
        command = shlex.join([PYTHON, "-S", "-E", env.dir + "/helped.py", env.dir + "/pub/helper",
                              *more])
        return anyfpm(command, {**OPTIONS, "pm.max_requests": 2})
    return start


def ask(server):
    with Client(server.address, 30 * SLOW) as c:
        return json.loads(c.request().body)


@pytest.mark.parametrize("more", [[], ["double"]])
def test_helper(helped, more):
    """It is there for all workers, also when many of them are dead; it ends with the pool."""
    server = helped(*more)
    first = ask(server)
    helper = first["helper"]
    assert isinstance(helper, int) and alive(helper)
    template = server.templates()
    said = [first]

    def asked_many():
        said.append(ask(server))
        return len({s["pid"] for s in said}) > 5
    os.kill(server.workers()[0], signal.SIGKILL)
    wait_for(asked_many, 20 * SLOW, "many workers to have served")
    assert {s["helper"] for s in said} == {helper}
    assert template[0] in server.templates()
    assert "left in the background" not in server.log()
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    wait_for(lambda: not alive(helper), 5 * SLOW, "its end")


def test_helper_ends_with_a_killed_pool_process(helped):
    server = helped()
    helper = ask(server)["helper"]
    first = server.pool()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not alive(helper), 10 * SLOW, "its end")
    wait_for(lambda: server.pools() not in ([], [first]), 10 * SLOW, "another pool process")
    assert ask(server)["helper"] != helper
