"""Real programs as templates: they know nothing of it, and each of their workers is as if it had been
executed."""

import json
import shlex
import shutil

import pytest
from preloading import READY, REFUSED, check_worker, template  # noqa: F401
from programs import PROGRAMS, Program, need
from servers import BUILD, PYTHON, SLOW, WORKERLIB, alive, stat, wait_for


class Demo(Program):
    """libfcgi's C library, which is linked to the program."""

    post = notes = False

    def make(self, directory):
        return {"command": BUILD + "/contrib/demo/app"}

    def request(self, number, ms=0):
        return {"method": "GET", "uri": "/large", "query": f"bytes={number}"}

    def right(self, number, answer):
        return answer.body == bytes((7 * j + j // 256) % 256 for j in range(number))


class Perl(Program):
    """libfcgi's Perl module: its ordinary loop."""

    def right(self, number, answer):
        size = len(self.body(number)) if number % 2 else 0
        return answer.body.endswith(b"%s %d\n" % (b"POST" if number % 2 else b"GET", size))


class Odd(Program):
    """Python's own sockets."""

    def make(self, directory):
        for path in WORKERLIB:
            shutil.copy(path, directory)
        return super().make(directory)

    def right(self, number, answer):
        return json.loads(answer.body)["length"] == (len(self.body(number)) if number % 2 else 0)


BY_NAME = {p.name: p for p in PROGRAMS}
PRELOADED = [BY_NAME[name] for name in ("ruby-fcgi", "fcgiwrap", "php-cgi", "cgi-fast", "gitweb")] + [
    Demo("demo", []),
    Perl("perl", ["/usr/bin/perl", "{path}"], "hello.pl"),
    Odd("python", [PYTHON, "{path}"], "odd.py"),
    Program("wrapped", ["/bin/sh", "-c", "'exec /usr/bin/php-cgi8.2'"], "echo.php",
            ["/usr/bin/php-cgi8.2"]),
]


def start(conf, template, **more):
    """A program that was made, with the directives that it is to have."""
    environment = {key[4:-1]: value for key, value in conf.items() if key.startswith("env[")}
    return template(shlex.split(conf["command"]), environment, **more)


@pytest.mark.parametrize("program", PRELOADED, ids=repr)
def test_program(env, template, program):
    conf = program.make(env.dir)
    made = start(conf, template)
    assert made.wait_ready().pid == made.pid
    for start_at in (0, 4, 8):
        worker = made.order()
        check_worker(worker, made)
        for number in range(start_at, start_at + 4):
            assert program.right(number, worker.ask(**program.request(number)))
    made.leaves_no_zombie()
    executed = start(conf, template, preload=False).own
    executed.ask(**program.request(0))
    # Once connections are closed, it has what an executed one has, under other numbers.
    wait_for(lambda: sorted(worker.descriptors().values()) ==
             sorted(executed.descriptors().values()), 5 * SLOW, "the same descriptors")


def test_program_that_forks_by_itself(env, template):
    """Its own worker says READY, by which the pool process knows."""
    program = BY_NAME["plackup"]
    made = start(program.make(env.dir), template)
    said = made.wait_ready()
    assert said.word == READY and said.pid != made.pid and stat(said.pid)[1] == made.pid
    made.channel.close()
    wait_for(lambda: not alive(said.pid), 5 * SLOW, "its end")


def test_static_program(env, template):
    """It does not load the library, and accepts without an order."""
    program = BY_NAME["go"]
    made = start(program.make(env.dir), template, loads=False)
    assert program.right(0, made.own.ask(**program.request(0)))
    assert made.hears_nothing()


def test_node_waits_by_epoll(env, template):
    program = BY_NAME["node-fastcgi"]
    made = start(program.make(env.dir), template)
    assert made.hear(REFUSED).pid == made.pid
    assert program.right(0, made.own.ask(**program.request(0)))


def test_opcache_is_shared(env, template):
    """What one worker of php-cgi has compiled, another has as a hit."""
    need("/usr/bin/php-cgi8.2")
    with open(env.dir + "/hits.php", "w", encoding="ascii") as f:
        f.write("<?php $s = opcache_get_status(); echo getmypid(), ' ', getenv('ANYFPM_SLOT'), ' ',"
                " $s['scripts'][__FILE__]['hits'] ?? 'none';\n")
    made = template(["/usr/bin/php-cgi8.2", "-d", "opcache.enable=1",
                     "-d", "opcache.file_update_protection=0"])
    made.wait_ready()
    hits = []
    for _ in range(3):
        worker = made.order()
        answer = worker.ask(SCRIPT_FILENAME=env.dir + "/hits.php", REDIRECT_STATUS="200")
        pid, slot, count = answer.body.decode().split()
        assert (int(pid), int(slot)) == (worker.pid, worker.slot)
        hits.append(count)
    assert hits[1:] == ["1", "2"], hits


def test_what_a_worker_starts_is_not_preloaded(env, template):
    """Also where the program has a copy of its environment: nothing in it leads to a template."""
    with open(env.dir + "/starts.fcgi", "w", encoding="ascii") as f:
        f.write("""use FCGI;
my $request = FCGI::Request();
while ($request->Accept() >= 0) {
	print "Content-Type: text/plain\\r\\n\\r\\n", `grep -c anyfpm-preload /proc/self/maps; env`;
}
""")
    made = template(["/usr/bin/perl", env.dir + "/starts.fcgi"])
    made.wait_ready()
    lines = made.order().ask().body.decode().splitlines()
    assert lines[0] == "0"
    assert not [line for line in lines if line.startswith(("LD_PRELOAD=", "ANYFPM_TEMPLATE_FD="))]
