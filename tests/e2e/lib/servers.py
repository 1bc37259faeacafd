"""Start and stop what the tests need; web servers and other managers are in others.py.

Every server lives in the test's own directory, listens on a unix socket or a free loopback port,
runs in the foreground as a child of the tests, and is ended by its pid.
"""

import glob
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = os.path.abspath(__file__ + "/../../../..")
WORKERS = TOP + "/tests/e2e/workers"  # programs
# What those in Python import.
WORKERLIB = tuple(f"{TOP}/tests/e2e/{name}" for name in
                  ("workers/workerlib.py", "workers/workerwsgi.py", "lib/wire.py"))
ROOT = os.geteuid() == 0
USER = "www-data"  # whom pools and web servers run as when the tests run as root
PYTHON = "/usr/bin/python3"


def _build():
    for path in (os.environ.get("ANYFPM_BUILD"), TOP + "/build/ci-release", TOP + "/build", TOP):
        if path and os.access(path + "/anyfpm", os.X_OK):
            return os.path.abspath(path)
    return TOP


BUILD = _build()
ANYFPM = BUILD + "/anyfpm"


def _sanitized():
    try:
        with open(ANYFPM, "rb") as f:
            return b"__asan_init" in f.read()
    except OSError:
        return False


ASAN = _sanitized()
# Every pool has it, unless its test says something else: what holds for workers holds for forked ones.
PRELOAD = os.environ.get("ANYFPM_TEST_PRELOAD")
SLOW = 3 if ASAN else 1  # what sanitizers cost, for bounds on time
# A bound of a wait is written for a quiet machine. It only ends a test that fails, so what the
# machine does beside costs a test that passes nothing.
PATIENCE = 4


def wait_for(condition, timeout=10, what="a condition", interval=0.01):
    """Poll until condition() is true, for timeout times PATIENCE; returns its value."""
    timeout *= PATIENCE
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s for {what}")
        time.sleep(interval)


# Below those that the kernel gives to outgoing connections, each once in a run.
_ports = iter(random.sample(range(10000, 30000), 20000))


def free_port(host="127.0.0.1"):
    for port in _ports:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
            try:
                s.bind((host, port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def accepts(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as s:
        try:
            s.connect(address)
        except OSError:
            return False
    return True


# Processes ----------------------------------------------------------------

def stat(pid):
    """(state, parent, start time) of a process, or None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), int(fields[19])


def alive(pid):
    s = stat(pid)
    return s is not None and s[0] not in "ZX"


def children(*pids):
    """Of all of them at one moment: what ended before another was born is not counted with it."""
    out = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            s = stat(entry)
            if s and s[1] in pids and s[0] not in "ZX":
                out.append(int(entry))
    return sorted(out)


def is_template(pid):
    """Whether it is what pm.preload forks workers of: it has no slot."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            return b"\0ANYFPM_SLOT=0000000000\0" in b"\0" + f.read() + b"\0"
    except OSError:
        return False


def descendants(pid):
    out = []
    for child in children(pid):
        out += [child] + descendants(child)
    return out


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().rstrip(b"\0").replace(b"\0", b" ").decode("latin-1")
    except OSError:
        return ""


def descriptors(pid):
    """{descriptor: what it is}; one that is closed meanwhile is left out."""
    out = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            out[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            pass
    return out


def marked(mark):
    """Processes, besides ourselves, that carry the test's mark in their environment."""
    needle = f"ANYFPM_TEST={mark}".encode()
    out = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as f:
                if needle in f.read().split(b"\0") and alive(entry):
                    out.append(int(entry))
        except OSError:
            pass
    return out


def cpu_ticks(pid):
    """CPU time of a process, user and system, in clock ticks."""
    with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def cpu_ms(*pids):
    """CPU time of processes, to the nanosecond."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e6


def status_of(pid):
    """{field: value} of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="latin-1") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def memory_kb(pid, field="VmRSS"):
    return int(status_of(pid).get(field, "0").split()[0])


# The test's directory and what runs in it ------------------------------------

class Env:
    """One test's directory, mark and servers."""

    def __init__(self, shared):
        self.dir = tempfile.mkdtemp(prefix="anyfpm-test-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.shared = shared
        self.mark = os.path.basename(self.dir)
        self.servers = []
        self.seen = {}
        os.mkdir(self.dir + "/san")
        os.chmod(self.dir + "/san", 0o1777)
        os.mkdir(self.dir + "/pub")  # where a worker may write
        os.chmod(self.dir + "/pub", 0o1777)

    def environment(self):
        out = dict(os.environ)
        out["ANYFPM_TEST"] = self.mark
        out.update(self.sanitizer_options())
        return out

    def sanitizer_options(self):
        if not ASAN:
            return {}
        log = f"log_path={self.dir}/san/report"
        # No leak check at exit: it needs ptrace, which a process that is not dumpable refuses.
        return {"ASAN_OPTIONS": log + ":detect_leaks=0:abort_on_error=0",
                "UBSAN_OPTIONS": log + ":print_stacktrace=1"}

    def worker(self, *args):
        """The command line of the misbehaving worker."""
        return shlex.join([PYTHON, "-S", "-E", self.shared + "/odd.py", *map(str, args)])

    def few_files(self, count):
        """A binary of anyfpm that starts with so few descriptors."""
        path = f"{self.dir}/few"
        with open(path, "w", encoding="ascii") as f:
            f.write(f'#!/bin/sh\nulimit -n {count}\nexec {ANYFPM} "$@"\n')
        os.chmod(path, 0o755)
        return path

    @property
    def demo(self):
        return self.shared + "/app"

    def note(self, pid):
        """Remember a process and its descendants; none of them may outlive the test."""
        for p in [pid] + descendants(pid):
            s = stat(p)
            if s:
                self.seen[p] = s[2]

    def leftovers(self):
        left = set(marked(self.mark))
        for pid, start in self.seen.items():
            s = stat(pid)
            if s and s[2] == start and s[0] not in "ZX":
                left.add(pid)
        return sorted(left)

    def check(self):
        """The end of every test: servers stopped, nothing left, no complaint in the logs."""
        problems = []
        for server in reversed(self.servers):
            try:
                server.stop()
            except AssertionError as e:
                problems.append(str(e))
        try:
            wait_for(lambda: not self.leftovers(), 5 * SLOW, "processes to end")
        except AssertionError:
            for pid in self.leftovers():
                problems.append(f"left behind: {pid} {cmdline(pid)}")
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
        for path in glob.glob(self.dir + "/san/*"):
            with open(path, encoding="latin-1") as f:
                problems.append("sanitizer report:\n" + f.read())
        for server in self.servers:
            if isinstance(server, Anyfpm):
                problems += server.complaints()
        return problems

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class Server:
    """A child process in the foreground."""

    name = "server"
    grace = 10

    def __init__(self, env):
        self.env = env
        self.process = None
        self.stopped = False
        env.servers.append(self)

    def launch(self, argv, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        self.output = f"{self.env.dir}/{self.name}.{len(self.env.servers)}.out"
        with open(self.output, "ab") as out:
            self.process = subprocess.Popen(argv, env=self.env.environment(), stdout=out,
                                            stderr=out, start_new_session=True, **more)

    @property
    def pid(self):
        return self.process.pid

    def said(self):
        with open(self.output, encoding="latin-1") as f:
            return f.read()

    def wait_listening(self, address):
        def ready():
            assert self.process.poll() is None, f"{self.name} ended:\n{self.said()}"
            return accepts(address)
        wait_for(ready, 15, f"{self.name} to listen")

    def stop(self, sig=signal.SIGTERM):
        if self.process is None or self.stopped:
            return
        self.stopped = True
        if self.process.poll() is None:
            self.env.note(self.pid)
            self.process.send_signal(sig)
            try:
                self.process.wait(self.grace * PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.name} did not stop") from None


class Anyfpm(Server):
    """anyfpm with one configuration file."""

    name = "anyfpm"
    bad_lines = re.compile(r"ALERT|Assertion|AddressSanitizer|runtime error:")
    tells_ready = False

    def __init__(self, env, command, options=None, *, listen=None, global_options=None,
                 pools=None, wait=True, args=(), binary=ANYFPM):
        super().__init__(env)
        self.binary = binary
        number = sum(isinstance(s, Anyfpm) for s in env.servers)
        self.log_path = f"{env.dir}/error.{number}.log"
        self.config_path = f"{env.dir}/anyfpm.{number}.conf"
        self.exit_code = 0
        self.killed = False
        if pools is None:
            pools = {"www": dict(options or {}, command=command)}
            pools["www"].setdefault("listen", listen or f"{env.dir}/www.{number}.sock")
        self.address = self._address(next(iter(pools.values()))["listen"])
        self.rewrite(pools, global_options or {})
        self.args = list(args)
        self.start(wait)

    def rewrite(self, pools=None, global_options=None):
        """Write the configuration anew, in which pools or global options are others."""
        self.configured = pools or self.configured
        self.configured_global = (self.configured_global if global_options is None
                                  else global_options)
        self.sockets = [p["listen"] for p in self.configured.values()
                        if p["listen"].startswith("/")]
        text = self.config(self.configured, self.configured_global)
        with open(self.config_path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(self.config_path + ".new", self.config_path)

    def change(self, options, pool=None):
        """Write the configuration anew, in which some directives of a pool, the first, are
        others; None: not set."""
        name = pool or next(iter(self.configured))
        self.rewrite(dict(self.configured, **{name: dict(self.configured[name], **options)}))

    def reload(self, sig=signal.SIGHUP, fails=False, timeout=15):
        """Reload, and wait until that has ended as it is to."""
        pattern = r"(?:NOTICE: reload (done)|ERROR: reload (?:failed: |failed for ))"
        ends = len(re.findall(pattern, self.log()))
        self.signal(sig)
        wait_for(lambda: len(re.findall(pattern, self.log())) > ends, timeout * SLOW,
                 "the reload to end")
        failed = not list(re.finditer(pattern, self.log()))[-1].group(1)
        assert failed == fails, self.log()[-4000:]
        self.env.note(self.pid)

    @staticmethod
    def _address(listen):
        if listen.startswith("/"):
            return listen
        host, _, port = listen.rpartition(":")
        return (host.strip("[]") or "127.0.0.1", int(port))

    def config(self, pools, global_options):
        settings = {"error_log": self.log_path, "daemonize": "no", "log_level": "debug"}
        settings.update(global_options)
        self.tells_ready = (settings["log_level"] == "debug"
                            and settings["error_log"] == self.log_path)
        lines = ["[global]"] + [f"{k} = {v}" for k, v in settings.items() if v is not None]
        for name, options in pools.items():
            pool = {"pm": "static", "pm.max_children": 2, "env[ANYFPM_TEST]": self.env.mark}
            if ROOT:
                pool.update({"user": USER, "group": USER})
                if options["listen"].startswith("/"):
                    pool.update({"listen.owner": USER, "listen.group": USER})
            for key, value in self.env.sanitizer_options().items():
                pool[f"env[{key}]"] = value
            if PRELOAD:
                pool["pm.preload"] = PRELOAD
            pool.update(options)
            lines += ["", f"[{name}]"] + [f"{k} = {v}" for k, v in pool.items() if v is not None]
        return "\n".join(lines) + "\n"

    def start(self, wait=True):
        self.stopped = self.killed = False
        before = self.log().count("ready to handle connections")
        self.launch([self.binary, "-F", "-y", self.config_path, *self.args], cwd=self.env.dir)
        if wait:
            self.wait_ready(before + 1)

    def wait_ready(self, times=1, timeout=15):
        def ready():
            assert self.process.poll() is None, \
                f"anyfpm ended with {self.process.returncode}:\n{self.said()}{self.log()}"
            return self.log().count("ready to handle connections") >= times
        wait_for(ready, timeout, "anyfpm to be ready")
        self.env.note(self.pid)

    def log(self):
        try:
            with open(self.log_path, encoding="latin-1") as f:
                return f.read()
        except OSError:
            return ""

    def wait_log(self, pattern, times=1, timeout=5):
        """Wait until the error log has `times` matches of the pattern; returns the last one."""
        try:
            wait_for(lambda: len(re.findall(pattern, self.log())) >= times, timeout * SLOW)
        except AssertionError:
            raise AssertionError(
                f"no {times} x {pattern!r} in the log:\n{self.log()[-4000:]}") from None
        return list(re.finditer(pattern, self.log()))[-1]

    def pools(self, name=None):
        """Pids of the pool processes, by their titles."""
        title = "anyfpm: pool " + (name or "")
        return [p for p in children(self.pid) if cmdline(p).startswith(title)]

    def pool(self, name=None):
        return wait_for(lambda: self.pools(name), 5, "a pool process")[0]

    def workers(self):
        return [w for w in children(*self.pools()) if not is_template(w)]

    def templates(self):
        """Of pm.preload, in all pools."""
        return [w for w in children(*self.pools()) if is_template(w)]

    def wait_workers(self, count, timeout=10, ready=True):
        """Wait for exactly `count` workers that have all accepted; with ready=False, that were
        started. A log that is not at debug does not tell who has accepted."""
        def there():
            workers = set(self.workers())
            if ready and self.tells_ready:
                told = {int(p) for p in re.findall(r"child (\d+) is ready", self.log())}
                return len(workers) == count and workers <= told
            return len(workers) == count
        wait_for(there, timeout, f"{count} workers")
        self.env.note(self.pid)
        return self.workers()

    def signal(self, sig):
        self.env.note(self.pid)
        self.process.send_signal(sig)

    def kill(self):
        """kill -9 of the master."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.stopped = self.killed = True

    def wait_exit(self, timeout=10):
        self.stopped = True
        try:
            return self.process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"anyfpm did not end:\n{self.log()[-3000:]}") from None

    def complaints(self):
        text = self.log() + self.said()
        out = [line for line in text.splitlines() if self.bad_lines.search(line)]
        code = self.process.poll()
        if not self.killed and code != self.exit_code:
            out.append(f"anyfpm ended with {code}, not {self.exit_code}:\n{text[-3000:]}")
        if not self.killed:
            out += [f"{path} is still there" for path in self.sockets if os.path.exists(path)]
        return out


class Quick(Anyfpm):
    """anyfpm -l ADDRESS [OPTION...] -- PROGRAM [ARG...], which says on stderr what a log would."""

    def __init__(self, env, program, *options, listen=None, **more):
        Server.__init__(self, env)  # pylint: disable=super-init-not-called,non-parent-init-called
        listen = listen or f"{env.dir}/quick.sock"
        self.log_path = self.config_path = env.dir + "/none"
        self.address = self._address(listen)
        self.sockets = [listen] if listen.startswith("/") else []
        self.exit_code, self.killed = 0, False
        root = ["-R"] if ROOT else []
        self.launch([ANYFPM, *root, "-l", listen, *options, "--", *program], cwd=env.dir, **more)
        env.note(self.pid)

    def log(self):
        return self.said()
