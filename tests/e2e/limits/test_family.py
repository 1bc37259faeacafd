"""What a worker has started counts for its pool's limits, without a control group."""

import re
import subprocess

import pytest
from accesslog import lines, log_of
from cgiscripts import Scripts, body, noted
from fcgi import Client
from servers import ASAN, PYTHON, SLOW, alive, wait_for
from statuspage import status

EATS = "b = bytearray(300_000_000)\nimport time\ntime.sleep(1000)"
# A script of each language whose grandchild does it; all of them ignore SIGTERM, and note their pids.
SHELL = """trap '' TERM
echo $$ >>$PIDS
sh -c 'echo $$ >>$PIDS; (WHAT) & echo $! >>$PIDS; wait' &
wait
"""
SHELL_DOES = {"cpu": "while :; do :; done", "memory": f'exec {PYTHON} -c "$EATS"'}
C = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void note(void)
{
	FILE *f = fopen(getenv("PIDS"), "a");

	fprintf(f, "%d\n", (int)getpid());
	fclose(f);
}

int main(void)
{
	signal(SIGTERM, SIG_IGN);
	note();
	for (int depth = 0; depth < 2; depth++) {
		if (fork() != 0) {
			wait(NULL);
			return 0;
		}
		note();
	}
	if (strcmp(getenv("DOES"), "memory") == 0)
		memset(malloc(300000000), 'x', 300000000);
	else
		for (;;)
			continue;
	pause();
}
"""
LIMITS = {"cpu": {"request_terminate_cpu": "700ms"}, "memory": {"request_terminate_memory": "150M"}}
USUAL = {"request_terminate_cpu": "30s", "request_terminate_memory": "150M", "pm.max_memory": "120M"}


def script(scripts, language, what):
    if language == "shell":
        return scripts.add("greedy", SHELL.replace("WHAT", SHELL_DOES[what]))
    subprocess.run(["/usr/bin/cc", "-O0", "-w", "-x", "c", "-", "-o", scripts.path + "/greedy"],
                   input=C, text=True, check=True)
    return scripts.path + "/greedy"


@pytest.mark.parametrize("what", LIMITS)
@pytest.mark.parametrize("runner, language", [
    ("anyfpm-cgi", "c"), ("anyfpm-cgi", "shell"), ("fcgiwrap", "c"), ("fcgiwrap", "shell")])
def test_script(anyfpm, env, runner, language, what):
    """It is ended with its grandchild, though they ignore SIGTERM; the client is told, and the other
    worker goes on."""
    scripts = Scripts(env)
    greedy, hello = script(scripts, language, what), scripts.page("hello", "echo hello")
    server = anyfpm(scripts.command if runner == "anyfpm-cgi" else "/usr/sbin/fcgiwrap",
                    {**LIMITS[what], "pm.max_children": 2})
    pids = env.dir + "/pub/pids"
    with Client(server.address, timeout=60) as client, Client(server.address) as other:
        client.start(SCRIPT_FILENAME=greedy, PIDS=pids, EATS=EATS, DOES=what)
        started = noted(pids, 3)
        assert other.request(SCRIPT_FILENAME=hello).stdout.endswith(b"hello\n")
        assert client.answer().status == 503
        assert other.request(SCRIPT_FILENAME=hello).stdout.endswith(b"hello\n")
    server.wait_log(rf"exceeded request_terminate_{what} \(")
    wait_for(lambda: not any(map(alive, started)), 5, "the end of the script")
    server.wait_log(r"child \d+ exited")
    assert len(re.findall(r"child \d+ exited", server.log())) == 1


@pytest.mark.parametrize("thread", ["", "&thread=1"], ids=["", "thread"])
@pytest.mark.parametrize("what, does", [("cpu", "ms=3600000"), ("memory", "mb=300&ms=3600000")])
def test_python_worker_that_forks(odd, env, what, does, thread):
    """Its child is ended with it, whichever thread has forked it."""
    server = odd(options={**LIMITS[what], "pm.max_children": 2})
    pids = env.dir + "/pub/pids"
    with Client(server.address, timeout=60) as client, Client(server.address) as other:
        client.start(query=f"do=child&note={pids}&{does}{thread}")
        child, = noted(pids)
        assert other.request(query="do=hello").status == 200
        assert client.answer().status == 503
        assert other.request(query="do=hello").status == 200
    server.wait_log(rf"exceeded request_terminate_{what} \(")
    wait_for(lambda: not alive(child), 5, "the end of the child")


def test_helper_that_grows(odd, env):
    """pm.max_memory: a worker is replaced, and what it had started is gone."""
    server = odd(options={"pm.max_memory": "64M", "pm.max_children": 1})
    worker, = server.wait_workers(1)
    pids = env.dir + "/pub/pids"
    with Client(server.address) as client:
        assert client.request(query=f"do=child&keep=1&mb=96&note={pids}").status == 200
    child, = noted(pids)
    server.wait_log(rf"child {worker} exited .*it has reached pm\.max_memory: its memory is 1\d{{5}} KB")
    wait_for(lambda: not alive(child), 5, "the end of the child")
    assert server.wait_workers(1) != [worker]


@pytest.mark.skipif(ASAN, reason="it is about the programs, and measures")
def test_many_short_children(odd):
    """Memory that a child shares with its worker until it executes a program is no more memory."""
    server = odd(options={**USUAL, "pm.max_children": 1})
    with Client(server.address, timeout=30) as client:
        counts = [int(client.request(query="do=many&mb=90&ms=2000").body) for _ in range(2)]
    assert min(counts) > 50, counts
    assert "exceeded" not in server.log() and "exited" not in server.log()


def test_short_scripts(anyfpm, env):
    """Requests of CGI scripts, one after the other, are below their limits."""
    scripts = Scripts(env)
    hello = scripts.page("hello", "for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; done; echo hello")
    server = anyfpm(scripts.command, {"request_terminate_cpu": "2s", "request_terminate_memory": "128M",
                                      "pm.max_memory": "96M", "pm.max_children": 1})
    with Client(server.address, timeout=30) as client:
        for _ in range(150):
            assert body(client.request(SCRIPT_FILENAME=hello)) == b"hello\n"
    assert "exceeded" not in server.log() and "exited" not in server.log()


def test_earlier_children(odd):
    """What a child has used in an earlier request is not the later one's, whether it lives or not."""
    server = odd(options={"request_terminate_cpu": "1s", "pm.max_children": 1})
    with Client(server.address, timeout=60) as client:
        for keep in ("&keep=1", ""):
            for _ in range(3):
                assert client.request(query="do=child&ms=600" + keep).status == 200
        assert client.request(query="do=child&ms=3600000").status == 503
    server.wait_log(r"exceeded request_terminate_cpu \(1\.\d+ of 1\.000 seconds\)")


@pytest.mark.parametrize("keep", ["", "&keep=1"], ids=["waited for", "living"])
def test_what_is_shown(odd, env, keep):
    """CPU time of a request, in the access log and on the status page, and a worker's memory."""
    server = odd("hello", {"pm.max_children": 1, "pm.status_path": "/status",
                           "access.log": log_of(env),
                           "access.format": '"%{milliseconds}d %C %{user}C %{system}C"'})
    with Client(server.address, timeout=60) as client:
        assert client.request(query="do=child&mb=64&ms=600" + keep).status == 200
        shown, = status(server)["processes"]
        assert client.request(query="do=hello").status == 200
        idle, = status(server)["processes"]
    (took, cpu, user, system), after = ([float(n) for n in line.split()]
                                        for line in lines(log_of(env), 4)[::2])
    used = took * cpu / 100
    assert 550 < used < 900 * SLOW, (took, cpu)
    assert abs(cpu - user - system) < 0.2 * cpu
    assert abs(shown["last request cpu"] - cpu) < 1
    assert after[0] * after[1] / 100 < 100, after
    kept = 64 << 20 if keep else 0
    assert kept <= idle["memory"] - shown["memory"] + kept < kept + (16 << 20)
    assert (shown["memory"] > 64 << 20) == bool(keep)
    assert idle["memory share"] <= idle["memory"]


def test_child_that_nobody_waits_for(anyfpm, env):
    """Its CPU time is nobody's when it has ended, and hides no other's."""
    worker = (f"{PYTHON} -S -E -c 'import signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
              f"sys.argv = [\"odd.py\", \"hello\"]; sys.path.insert(0, \"{env.shared}\"); "
              f"exec(open(\"{env.shared}/odd.py\").read())'")
    server = anyfpm(worker, {"request_terminate_cpu": "1s", "pm.max_children": 1})
    with Client(server.address, timeout=60) as client:
        for _ in range(4):
            assert client.request(query="do=child&ms=600").status == 200
        assert client.request(query="do=hello").status == 200
        assert client.request(query="do=child&ms=3600000").status == 503
    server.wait_log(r"exceeded request_terminate_cpu \(1\.\d+ of 1\.000 seconds\)")


NO_LISTS = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_list(const char *path)
{
	size_t n = strlen(path);

	if (n < 9 || strcmp(path + n - 9, "/children") != 0)
		return 0;
	errno = ENOENT;
	return 1;
}

int access(const char *path, int mode)
{
	return is_list(path) ? -1 : syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	return is_list(path) ? -1 : syscall(SYS_openat, dir, path, flags, va_arg(ap, int));
}

int open(const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	return openat(AT_FDCWD, path, flags, va_arg(ap, int));
}
"""


@pytest.mark.skipif(ASAN, reason="its library has to be the first")
def test_kernel_without_lists(odd, env, monkeypatch):
    """What does not count where the kernel does not tell whose child a process is; it is said once."""
    subprocess.run(["/usr/bin/cc", "-shared", "-fPIC", "-x", "c", "-", "-o", env.dir + "/no_lists.so"],
                   input=NO_LISTS, text=True, check=True)
    monkeypatch.setenv("LD_PRELOAD", env.dir + "/no_lists.so")
    server = odd(options={**LIMITS["cpu"], **LIMITS["memory"], "pm.max_children": 1})
    with Client(server.address, timeout=60) as client:
        assert client.request(query="do=child&mb=300&ms=400").status == 200
        assert client.request(query="do=child&keep=1&ms=1400").status == 200
        assert client.request(query="do=hello").status == 200
    assert server.log().count("WARNING: [pool www] this kernel does not tell the children of a "
                              "process") == 1
