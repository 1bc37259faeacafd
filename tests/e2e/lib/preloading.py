"""The pool process's side of preload/template.h: a template, and orders to it.

We are the child subreaper that its workers become children of, as long as there is a template.
"""

import array
import ctypes
import os
import re
import signal
import socket
import struct
import subprocess
import time

import pytest
from fcgi import Client
from servers import BUILD, PATIENCE, SLOW, WORKERS, alive, descriptors, stat, wait_for

LIBRARY = BUILD + "/preload/anyfpm-preload.so"
LOADED, READY, REFUSED, FORKED, FAILED = range(1, 6)
VERSION = 1
EPOLL = 1  # enum template_refusal
HAS_CGROUP, IS_TRACED = 1, 2
PR_SET_CHILD_SUBREAPER = 36
MESSAGE, ORDER, CREDENTIALS = struct.Struct("=III"), struct.Struct("=IIII"), struct.Struct("=iII")


def be_subreaper(value):
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, value, 0, 0, 0) == -1:
        raise OSError(ctypes.get_errno(), "prctl")


class Said:
    """One message of a template, or of who was forked from it."""

    def __init__(self, data, ancillary):
        self.word, self.serial, self.arg = MESSAGE.unpack(data)
        self.pid = next(CREDENTIALS.unpack(content)[0] for level, kind, content in ancillary
                        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS))

    def __repr__(self):
        return f"<{self.word} serial {self.serial} arg {self.arg} of {self.pid}>"


class Worker:
    """A listening socket and two pipes, and the process that was made for them."""

    def __init__(self, path, slot=0):
        self.path, self.slot, self.pid = path, slot, None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(10)
        self.out, self.out_end = os.pipe()
        self.err, self.err_end = os.pipe()

    def given(self):
        """The descriptors that the process has got are its own alone."""
        for end in (self.out_end, self.err_end):
            os.close(end)
        self.out_end = self.err_end = -1

    def ask(self, **params):
        with Client(self.path, timeout=10 * SLOW) as c:
            answer = c.request(**params)
        assert answer.status == 200, answer.stdout
        return answer

    def report(self):
        """What preloaded.c tells, {name: value}."""
        text = self.ask().body.decode()
        return dict(line.split(" ", 1) for line in text.splitlines())

    def environ(self):
        with open(f"/proc/{self.pid}/environ", "rb") as f:
            entries = [e.decode() for e in f.read().split(b"\0") if e]
        return dict(e.split("=", 1) for e in entries)

    def descriptors(self):
        """{descriptor: what it is}, without numbers that differ from one worker to another."""
        return {fd: re.sub(r"\[\d+\]$|\.\w{6} \(deleted\)$", "", path)
                for fd, path in descriptors(self.pid).items()}

    def is_on(self, fd, own):
        """Whether its descriptor is that of ours."""
        there, ours = os.stat(f"/proc/{self.pid}/fd/{fd}"), os.fstat(own)
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def close(self):
        self.listener.close()
        for fd in (self.out, self.err, self.out_end, self.err_end):
            if fd != -1:
                os.close(fd)
        self.out = self.err = self.out_end = self.err_end = -1

    def end(self):
        if self.pid is not None:
            end(self.pid)
        self.close()


def end(pid):
    """Kill a child, and reap it."""
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def zombies(parent):
    found = []
    for entry in os.listdir("/proc"):
        s = stat(entry) if entry.isdigit() else None
        if s and s[:2] == ("Z", parent):
            found.append(int(entry))
    return found


class Template:
    """A program with the library, or executed as an ordinary worker is (preload=False)."""

    def __init__(self, env, argv, environment=None, preload=True, library=LIBRARY, more_preload=(),
                 loads=True, **more):
        be_subreaper(1)
        self.before = set(zombies(os.getpid()))
        self.env, self.serial, self.workers = env, 0, []
        self.own = self.socket_and_pipes()
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        variables = {"PATH": os.environ["PATH"], **env.sanitizer_options(), "ANYFPM_TEST": env.mark,
                     **(environment or {}), "ANYFPM_SLOT": "0000000000" if preload else "1"}
        if "ASAN_OPTIONS" in variables:
            variables["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
        if preload:
            variables["ANYFPM_TEMPLATE_FD"] = str(theirs.fileno())
            variables["LD_PRELOAD"] = ":".join([library, *more_preload])
        self.process = subprocess.Popen(
            argv, env=variables, stdin=self.own.listener, stdout=self.own.out_end,
            stderr=self.own.err_end, pass_fds=[theirs.fileno()] if preload else [],
            process_group=0, **more)
        self.channel_fd = theirs.fileno()
        theirs.close()
        self.own.given()
        self.pid = self.own.pid = self.process.pid
        if preload and loads:
            said = self.hear(LOADED)
            assert said.arg == VERSION

    def socket_and_pipes(self, slot=0):
        return Worker(f"{self.env.dir}/worker.{time.monotonic_ns()}", slot)

    def listen(self, timeout=10):
        """The next message; None at the end of the channel."""
        self.channel.settimeout(timeout * SLOW * PATIENCE)
        data, ancillary, _, _ = self.channel.recvmsg(64, 256)
        return Said(data, ancillary) if data else None

    def hear(self, *words, timeout=10):
        """The next message, which has to be one of these."""
        said = self.listen(timeout)
        assert said and said.word in words, f"{said}, not {words}: {self.said()}"
        return said

    def hears_nothing(self, seconds=0.2):
        self.channel.settimeout(seconds)
        try:
            return self.channel.recv(64) == b"" and "the end"
        except TimeoutError:
            return True

    def said(self):
        """What it has written to its stderr so far."""
        os.set_blocking(self.own.err, False)
        try:
            return os.read(self.own.err, 65536)
        except BlockingIOError:
            return b""

    def wait_ready(self):
        """It, or programs that execute one another in it, have loaded."""
        said = self.hear(LOADED, READY)
        while said.word == LOADED:
            said = self.hear(LOADED, READY)
        return said

    def send(self, worker, parent=None, flags=0, fds=None, size=None):
        """Give an order for this worker; returns its serial number."""
        self.serial += 1
        if fds is None:
            fds = [worker.listener.fileno(), worker.out_end, worker.err_end]
        order = ORDER.pack(self.serial, worker.slot, parent or os.getpid(), flags)
        self.channel.sendmsg([order[:size]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                               array.array("i", fds))])
        return self.serial

    def order(self, slot=None, **more):
        """A worker, which is one."""
        worker = self.socket_and_pipes(slot or 1000 + self.serial)
        self.workers.append(worker)
        serial = self.send(worker, **more)
        said = self.hear(FORKED)
        assert said.serial == serial
        worker.pid = said.pid
        worker.given()
        # It closes the channel after it has spoken, before it is the program again.
        wait_for(lambda: self.channel_fd not in worker.descriptors(), 5 * SLOW,
                 "the channel to be closed", 0.0005)
        return worker

    def order_fails(self, **more):
        """The errno of an order from which no worker comes, and who said it."""
        worker = self.socket_and_pipes(7)
        serial = self.send(worker, **more)
        said = self.hear(FAILED)
        worker.close()
        assert said.serial == serial
        return said

    def kill(self, sig=signal.SIGKILL):
        self.process.send_signal(sig)

    def wait_exit(self):
        return self.process.wait(10 * SLOW * PATIENCE)

    def stillborn(self):
        """Dead children of ours that came of orders, and did not become workers."""
        return sorted(set(zombies(os.getpid())) - self.before - {self.pid}
                      - {w.pid for w in self.workers})

    def leaves_only(self, pid=None):
        """Wait for the one process that did not become a worker; returns its exit code."""
        found = wait_for(self.stillborn, 5 * SLOW, "a process to end")
        assert len(found) == 1 and found[0] == (pid or found[0])
        return os.waitstatus_to_exitcode(os.waitpid(found[0], 0)[1])

    def leaves_no_zombie(self):
        wait_for(lambda: not zombies(self.pid) and not self.stillborn(), 5 * SLOW, "no zombie")

    def stop(self):
        for worker in self.workers:
            worker.end()
        self.channel.close()
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        for pid in self.stillborn():
            os.waitpid(pid, 0)
        self.own.close()
        be_subreaper(0)


@pytest.fixture
def template(env):
    """Start a template: template([program, argument...], ...)."""
    made = []

    def start(argv, *args, **more):
        made.append(Template(env, argv, *args, **more))
        return made[-1]
    yield start
    for one in made:
        one.stop()


@pytest.fixture(scope="session")
def preloaded(shared):
    """The program preloaded.c."""
    path = shared + "/preloaded"
    subprocess.run(["cc", "-O2", "-D_FORTIFY_SOURCE=2", "-rdynamic", "-o", path,
                    WORKERS + "/preloaded.c", "-lfcgi", "-pthread"], check=True)
    return path


def check_worker(worker, template, clears=True):
    """What is said of each worker in template.h, as far as it is to be seen from outside. clears:
    whether the initial environment does not name the library any more."""
    with open(f"/proc/{worker.pid}/stat", encoding="latin-1") as f:
        fields = f.read().rpartition(")")[2].split()
    assert [int(n) for n in fields[1:3]] == [os.getpid(), worker.pid], "parent, process group"
    environ = worker.environ()
    assert environ["ANYFPM_SLOT"] == str(worker.slot)
    assert not clears or LIBRARY not in environ.get("LD_PRELOAD", "")
    assert worker.is_on(0, worker.listener.fileno())
    assert worker.is_on(1, worker.out) and worker.is_on(2, worker.err)
    assert alive(template.pid)
