"""The slow log: entries, stacks of real workers, slowlog_command, and nothing permitted."""

import os
import re
import signal
import subprocess
import time

import pytest
from fcgi import Client
from servers import PYTHON, ROOT, SLOW, USER, children, wait_for
from slowlog import (HAS_STACKS, STOPPED_MAX, ask, ask_until_whole, program,  # noqa: F401
                     read_entries, slow, slow_requests, stacks, tracers)


# Entries --------------------------------------------------------------------

@stacks
def test_entry(slow):
    """php-fpm's layout with our own lines, the stack of the request, one line in the error log."""
    server = slow()
    answer, entry = ask_until_whole(server, "ms=1500&depth=2")
    pid = int(answer.body.split()[0])
    assert (entry.pool, entry.pid) == ("www", pid)
    assert entry.fields["script_filename"] == "/srv/page"
    assert entry.fields["request"] == '"GET /page?ms=1500&depth=2"'
    assert 0.2 <= entry.duration < 1.5
    assert 0 < entry.stopped < 1
    assert list(entry.fields) == ["script_filename", "request", "duration", "stopped"]
    (name, frames), = entry.threads
    assert name == f"{pid} (slow)"
    functions = entry.functions[0]
    i = functions.index("innermost")
    assert functions[i:i + 5] == ["innermost"] + ["in_the_middle"] * 3 + ["main"]
    assert all(re.search(r"/slow\.c:\d+$", frame[2]) for frame in frames[i:i + 5])
    server.wait_log(r"WARNING: \[pool www\] child %d, script '/srv/page' \(request: \"GET /page\?"
                    r"ms=1500&depth=2\"\) executing too slow \([01]\.\d{6} sec\), logging" % pid)
    assert slow_requests(server) == len(server.entries())
    assert not tracers(server)


@stacks
def test_depth(slow):
    server = slow({"request_slowlog_trace_depth": 3})
    _, entry = ask_until_whole(server, "ms=1500&depth=50")
    assert len(entry.threads[0][1]) == 3


def test_without_frames(slow):
    """A depth of 0, as php-fpm takes it: entries, but nobody is stopped to look at the stack."""
    server = slow({"request_slowlog_trace_depth": 0})
    ask(server, "ms=1500&depth=2")
    entry = server.wait_entries(1)[0]
    assert not entry.threads
    assert "request_slowlog_trace_depth is 0" in entry.fields["stack"]


@stacks
def test_every_thread(slow):
    server = slow(threads=5)
    _, entry = ask_until_whole(server)
    assert len(entry.threads) == 6
    found = [next(f for f in functions if f in ("innermost", "thread_that_ticks",
                                                "thread_that_waits"))
             for functions in entry.functions]
    assert sorted(found) == ["innermost", "thread_that_ticks"] + ["thread_that_waits"] * 4


@stacks
def test_once_for_each_slow_request(slow):
    """Neither fast requests nor warm-ups, and no request twice."""
    server = slow({"pm.warmup": "/warm?ms=1500", "pm.start_timeout": "10s", "pm.max_children": 2},
                  timeout="1s")
    server.wait_log("is ready after", 2, 10)
    with Client(server.address) as c:
        c.start(uri="/long", query="ms=4500")
        for query in ("ms=0", "ms=1900", "ms=0", "ms=2000", "ms=0"):
            assert ask(server, query).status == 200
        assert c.answer().status == 200
    entries = server.wait_entries(3)
    # Two of them are slow at the same moment: they stand there in any order.
    assert sorted(e.fields["request"] for e in entries) == \
        ['"GET /long?ms=4500"', '"GET /page?ms=1900"', '"GET /page?ms=2000"']
    assert slow_requests(server) == 3
    server.wait_log("executing too slow", 3)
    assert server.log().count("executing too slow") == 3


@stacks
@pytest.mark.parametrize("query", ["ms=800", "burn=800"])
def test_worker_is_hardly_stopped(slow, query):
    """What the helper measured is what a ticking thread of the worker noticed."""
    server = slow(threads=8)
    gaps, stopped = [1], [1]
    # On a busy machine others may run while the worker is stopped, as at any other time.
    for n in range(12):
        if n >= 3 and min(stopped) < STOPPED_MAX and min(gaps) < STOPPED_MAX:
            break
        gaps.append(int(ask(server, query).body.split()[1]) / 1e6)
        stopped.append(server.wait_entries(n + 1)[n].stopped)
    print("gaps", gaps, "stopped", stopped)
    assert min(stopped) < STOPPED_MAX and min(gaps) < STOPPED_MAX
    assert sorted(stopped[1:])[1] < 0.5 * SLOW


@stacks
def test_interpreters(slow, env):
    """Stacks of the interpreters themselves."""
    perl = f"{env.dir}/slow.pl"
    with open(perl, "w", encoding="ascii") as f:
        f.write('use FCGI; my $r = FCGI::Request(); while ($r->Accept() >= 0) {'
                ' select(undef, undef, undef, 1.5); print "Content-Type: text/plain\\r\\n\\r\\n";'
                ' print "$$ 0\\n"; }')
    php = f"{env.dir}/slow.php"
    with open(php, "w", encoding="ascii") as f:
        f.write("<?php usleep(1500000); echo getmypid(), ' 0';")
    for n, (command, script) in enumerate([(f"/usr/bin/perl {perl}", "/"),
                                           ("/usr/bin/php-cgi", php), (env.worker("slow"), "/")]):
        server = slow({"slowlog": f"{env.dir}/slow.{n}.log"}, command=command)
        answer, entry = ask_until_whole(server, SCRIPT_FILENAME=script, REDIRECT_STATUS="200")
        assert answer.status == 200, answer.stdout
        assert len(entry.threads[0][1]) > 3, command
        server.stop()


def test_requests_on_a_kept_connection(slow, env):
    """php-cgi reads the end of a request when it has answered: each is slow from when it has it."""
    script = f"{env.dir}/slow.php"
    with open(script, "w", encoding="ascii") as f:
        f.write("<?php usleep(1500000); echo getmypid();")
    server = slow(command="/usr/bin/php-cgi -n")
    for n in range(3):
        assert ask(server, SCRIPT_FILENAME=script, REDIRECT_STATUS="200").status == 200
        assert 0.2 <= server.wait_entries(n + 1)[n].duration < 1.5


def test_values_are_escaped(slow):
    """No client forges a line, an entry or a terminal's command."""
    server = slow()
    evil = "/x\n\n[21-Nov-2026 02:23:29.107502]  [pool www] pid 1\nscript_filename = \x1b[2J\x7f\\"
    ask(server, uri=evil)
    entry, = server.wait_entries(1)
    assert "\\x0a\\x0a[21-Nov-2026" in entry.fields["script_filename"]
    assert entry.fields["request"].count("\\x1b[2J\\x7f\\\\") == 1
    with open(server.slow_path, "rb") as f:
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", f.read())


@stacks
def test_names_forge_no_line(slow, env, program):
    """A worker's own symbols are not trusted either."""
    path = env.dir + "/evil"
    evil = "x\n\n[21-Nov-2026 02:23:29.107502]  [pool www] pid 1\n\x1b[2J"
    subprocess.run(["objcopy", "--redefine-sym", "innermost=" + evil, program, path], check=True)
    server = slow(command=path)
    _, entry = ask_until_whole(server)
    with open(server.slow_path, encoding="utf-8") as f:
        text = f.read()
    assert "x??[21-Nov-2026 02:23:29.107502]  [pool www] pid 1??[2J()" in text
    assert "main" in entry.functions[0]


@stacks
def test_place_with_an_at_sign(slow, env, program):
    """The version of a symbol is left out, but a file's name stays whole: node_modules/@scope."""
    directory = env.dir + "/@scope"
    os.mkdir(directory)
    stripped = directory + "/slow"
    subprocess.run(["strip", "-g", "-o", stripped, program], check=True)
    server = slow(command=stripped)
    _, entry = ask_until_whole(server)
    places = [place for _, frames in entry.threads for _, name, place in frames if name == "main"]
    assert places and places[0].startswith(stripped + "+0x"), places


@pytest.mark.skipif(HAS_STACKS, reason="built with libdw")
def test_without_libdw(slow):
    """Entries without stacks, said at the start."""
    server = slow()
    assert re.search(r"WARNING: \[pool www\] anyfpm was built without libdw", server.said())
    ask(server)
    entry, = server.wait_entries(1)
    assert entry.fields["stack"] == "none: anyfpm was built without libdw"
    assert slow_requests(server) == 1


def test_rotated(slow):
    server = slow()
    ask(server)
    server.wait_entries(1)
    os.rename(server.slow_path, server.slow_path + ".1")
    server.signal(signal.SIGUSR1)
    server.wait_log(r"NOTICE: \[pool www\] slow log file re-opened")
    ask(server, uri="/after")
    entry, = server.wait_entries(1)
    assert entry.fields["script_filename"] == "/srv/after"
    assert len(read_entries(server.slow_path + ".1")) == 1


def test_standard_error(slow):
    """As in a container; there is nothing to re-open."""
    server = slow({"slowlog": "/dev/stderr"})
    server.signal(signal.SIGUSR1)
    server.wait_log("error log file re-opened")
    ask(server)
    wait_for(lambda: "script_filename = /srv/page" in server.said(), 5, "an entry")


# Configuration ----------------------------------------------------------------

@pytest.mark.parametrize("options,message", [
    ({"request_slowlog_timeout": "5s"}, "request_slowlog_timeout: requires slowlog"),
    ({"slowlog_command": "/bin/true"}, "slowlog_command: requires request_slowlog_timeout"),
])
def test_incomplete_settings(anyfpm, options, message):
    server = anyfpm("/bin/true", options, wait=False)
    server.exit_code = 78
    assert server.wait_exit() == 78
    assert message in server.said()


@pytest.mark.parametrize("place", ["link", pytest.param(
    "pool", marks=pytest.mark.skipif(not ROOT, reason="needs root"))])
def test_unsafe_file(anyfpm, env, place):
    """A place where a pool's user could put another file."""
    path = f"{env.dir}/pub/slow.log" if place == "pool" else f"{env.dir}/slow.log"
    if place == "link":
        os.symlink(f"{env.dir}/elsewhere", path)
    server = anyfpm("/bin/true", {"slowlog": path, "request_slowlog_timeout": 1}, wait=False)
    server.exit_code = 78
    assert server.wait_exit() == 78
    assert f"slowlog {path}" in server.said() + server.log()
    assert not os.path.exists(f"{env.dir}/elsewhere")


# slowlog_command --------------------------------------------------------------

def script(env, text):
    path = env.dir + "/look"
    with open(path, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def test_command_gdb(slow, program):
    server = slow({"slowlog_command": "gdb -nx -batch -ex 'thread apply all bt' -p '%p'",
                   "chdir": "/"}, threads=2)
    assert ask(server, "ms=9000&depth=1").status == 200
    entry, = server.wait_entries(1)
    output = "\n".join(entry.output)
    assert "innermost" in output and "thread_that_ticks" in output, output
    assert "stack" not in entry.fields, entry.fields


def test_command_arguments(slow, env):
    """%p becomes the pid wherever it stands, else the pid is the last argument."""
    look = script(env, 'echo "$# $*"; id -un; echo err >&2; echo "$ANYFPM_POOL"\n')
    for n, (words, expected) in enumerate([("a 'b c'", "3 a b c PID"),
                                           ("-p%p '%p %p'", "2 -pPID PID PID")]):
        server = slow({"slowlog_command": f"{look} {words}", "slowlog": f"{env.dir}/s{n}.log"})
        pid = ask(server).body.split()[0].decode()
        entry, = server.wait_entries(1)
        user = USER if ROOT else subprocess.getoutput("id -un")
        assert entry.output == [expected.replace("PID", pid), user, "err", "www"]
        server.stop()


def test_command_output_is_bounded_and_escaped(slow, env):
    look = script(env, """
        printf 'a\\033[2J\\n\\n\\n[21-Nov-2026 02:23:29.107502]  [pool www] pid 1\\n'
        exec dd if=/dev/zero bs=1000 count=1000 2>/dev/null\n""")
    server = slow({"slowlog_command": look})
    assert ask(server).status == 200
    entry, = server.wait_entries(1)
    assert entry.output[:2] == ["a\\x1b[2J", "[21-Nov-2026 02:23:29.107502]  [pool www] pid 1"]
    assert "65536 bytes" in entry.fields["stack"]
    assert os.path.getsize(server.slow_path) < 65536 * 4 + 1000


@pytest.mark.limit(60)
def test_command_hangs(slow, env):
    """Killed with its group after its time, its worker continued if need be."""
    look = script(env, "echo begun; kill -STOP $1; sleep 600 & wait\n")
    server = slow({"slowlog_command": look})
    pid = server.wait_workers(1)[0]
    started = time.monotonic()
    with Client(server.address, timeout=30) as c:
        answer = c.request(uri="/page", query="ms=1500")
    assert answer.status == 200 and int(answer.body.split()[0]) == pid
    assert 9 < time.monotonic() - started < 20 * SLOW
    entry, = server.wait_entries(1)
    assert entry.output == ["begun"]
    assert "slowlog_command was killed after 10 seconds" in entry.fields["stack"]
    wait_for(lambda: children(server.pool()) == sorted([pid] + server.templates())
             or server.workers() != [pid], 5, "the command's group to be gone")


@pytest.mark.parametrize("end", ["exit 0", "exit 3", "kill -KILL $$"])
def test_command_that_ends_early(slow, env, end):
    """However it ends by itself, it leaves no worker stopped, be it by a signal (SIGSTOP) or traced
    by a process that has left the command's group, as timeout(1) makes one."""
    tracer = "import ctypes, sys, time\n" \
             "ptrace, pid = ctypes.CDLL(None).ptrace, int(sys.argv[1])\n" \
             "assert ptrace(0x4206, pid, None, None) == 0\n" \
             "assert ptrace(0x4207, pid, None, None) == 0\n" \
             "print('traced', flush=True)\ntime.sleep(600)"
    for n, how in enumerate(["kill -STOP $1",
                             f"timeout 600 {PYTHON} -S -c \"{tracer}\" $1 & read -r x < $fifo"]):
        fifo = f"{env.dir}/pub/fifo{n}"
        os.mkfifo(fifo)
        os.chmod(fifo, 0o666)
        look = script(env, f"fifo={fifo}\n{how.replace('$1 &', '$1 > $fifo &')}\n{end}\n")
        server = slow({"slowlog_command": look, "slowlog": f"{env.dir}/s{n}.log"})
        pid = server.wait_workers(1)[0]
        answer = ask(server)
        assert answer.status == 200 and int(answer.body.split()[0]) == pid
        server.wait_entries(1)
        wait_for(lambda: children(server.pool()) == sorted([pid] + server.templates()), 5,
                 "nothing to be left of the command")
        server.stop()


def test_command_missing(slow):
    """Said once, and requests go on."""
    server = slow({"slowlog_command": "/nowhere/look"})
    for n in range(3):
        assert ask(server).status == 200
        entry = server.wait_entries(n + 1)[n]
        assert "/nowhere/look" in entry.fields["stack"]
    server.wait_log("slow log: cannot look at child")
    assert server.log().count("slow log: cannot look at child") == 1


# Not permitted ----------------------------------------------------------------

@stacks
def test_forbidden(slow):
    """One clear line, entries without stacks, and everything else goes on."""
    server = slow()
    for n in range(3):
        assert ask(server, "ms=1500&hide=1").status == 200
        entry = server.wait_entries(n + 1)[n]
        assert entry.fields["stack"].startswith("none: ") and not entry.threads
    server.wait_log(r"WARNING: \[pool www\] slow log: cannot look at child \d+: .*PR_SET_DUMPABLE")
    assert server.log().count("slow log: cannot look at child") == 1


@stacks
def test_already_traced(slow, env):
    """Somebody debugs the worker: this entry has no stack, the next one has."""
    server = slow()
    pid = server.wait_workers(1)[0]
    code = f"import time, ctypes; libc = ctypes.CDLL(None); libc.ptrace(0x4206, {pid}, None, " \
           "None); print('seized', flush=True); time.sleep(60)"
    debugger = subprocess.Popen([PYTHON, "-S", "-c", code], stdout=subprocess.PIPE)
    try:
        assert debugger.stdout.readline() == b"seized\n"
        assert ask(server).status == 200
        entry, = server.wait_entries(1)
        assert entry.fields["stack"] == f"none: process {debugger.pid} traces the worker already"
    finally:
        debugger.kill()
        debugger.wait()
        debugger.stdout.close()
    ask_until_whole(server)
