"""The error log: what workers print, every destination, both formats, and logs that fail."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
import servers
from fcgi import Client
from servers import PATIENCE, ROOT, SLOW, Anyfpm, wait_for
from upgrading import install, replace, replaceable, upgrade

CATCH = {"pm.max_children": 1, "catch_workers_output": "yes"}
QUIET = {"log_level": "notice"}
PREFIX = r"\[\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d\] "
NASTY = (b'quotes " and \\ backslash, \x01\x1b[2J\x7f, Gr\xc3\xbc\xc3\x9fe, Latin-1 \xfc, '
         b"</script>,\t[21-Nov-2026 02:22:51] ERROR: forged")


def say(client, text, **query):
    q = "&".join(f"{k}={v}" for k, v in dict(query, do="say").items())
    answer = client.request(body=text, query=q)
    assert answer.status == 200 and answer.body == b"said\n"


def lines_of(server):
    """What is not anyfpm's own."""
    with open(server.log_path, "rb") as f:
        return [line for line in f.read().split(b"\n")[:-1]
                if not re.match(PREFIX.encode() + b"NOTICE", line)
                and b'"level":"notice"' not in line]


def said(server):
    return re.findall(r'said into \w+: "(.*)"', server.log())


# What workers print -----------------------------------------------------------

@pytest.mark.parametrize("to,stream", [("1", "stdout"), ("2", "stderr"), ("fcgi", "stderr")])
@pytest.mark.parametrize("pieces", [1, 7, 65535])
def test_lines_are_kept_whole(odd, to, stream, pieces):
    """However a line is cut on its way, it is one in the log; the last one needs no line feed."""
    server = odd("say", CATCH)
    words = ["first line", "a second one, longer", "third"]
    parts = ["\n".join(words).encode()]
    if to != "fcgi":  # there the request's end ends it
        parts.append(b" goes on\r\n\n")
        words[-1] += " goes on"
    with Client(server.address) as c:
        for i, part in enumerate(parts):  # one directly after the other
            c.start(i + 1, body=part, query=f"do=say&to={to}&pieces={pieces}")
        assert [c.answer(i + 1).body for i in range(len(parts))] == [b"said\n"] * len(parts)
    server.wait_log(r"third( goes on)?\"")
    assert re.findall(PREFIX + r"WARNING: \[pool www\] child \d+ said into (\w+): \"(.*)\"",
                      server.log()) == [(stream, w) for w in words]


@pytest.mark.parametrize("to,stream", [("1", "stdout"), ("2", "stderr"), ("fcgi", "stderr")])
def test_line_without_an_end_does_not_wait_for_that_of_the_worker(odd, to, stream):
    """It is in the log soon after its request; what comes then is another line."""
    server = odd("say", CATCH)
    pids = server.wait_workers(1)
    with Client(server.address) as c:
        for i in (1, 2):
            say(c, b"no end %d" % i, to=to)
            server.wait_log(rf"said into {stream}: \"no end {i}\"\n")
    assert server.workers() == pids


@pytest.mark.parametrize("to", ["2", "fcgi"])
@pytest.mark.parametrize("decorate", ["yes", "no"])
@pytest.mark.parametrize("limit,size",
                         [(512, 5000), (600, 1300), (65536, 200000), (1048576, 300000)])
def test_log_limit(odd, to, decorate, limit, size):
    """As php-fpm does it: a long line becomes several, each with all that a line has."""
    server = odd("say", dict(CATCH, decorate_workers_output=decorate),
                 global_options=dict(QUIET, log_limit=limit))
    with Client(server.address) as c:
        say(c, b"\nend\n", to=to, fill=size)
    server.wait_log(r"(?m)end\"?$")
    lines = lines_of(server)
    assert b"end" in lines.pop()
    if decorate == "yes":
        parts = [re.search(rb'said into stderr: "(a+)"$', line).group(1) for line in lines]
    else:
        parts = lines
    assert b"".join(parts) == b"a" * size
    assert {len(line) + 1 for line in lines[:-1]} <= {limit}
    assert len(lines[-1]) < limit


def test_characters_are_not_cut(odd):
    server = odd("say", CATCH, global_options=dict(QUIET, log_limit=512))
    text = "Gr\u00fc\u00dfe \u20ac \U0001f418 " * 300
    with Client(server.address) as c:
        say(c, text.encode() + b"\nend\n")
    server.wait_log('"end"')
    parts = [re.search(rb': "(.*)"$', line).group(1).decode() for line in lines_of(server)]
    assert len(parts) > 10 and "".join(parts[:-1]) == text


def test_undecorated(odd):
    """As it is, but nothing in it begins a line or steers a terminal."""
    server = odd("say", dict(CATCH, decorate_workers_output="no"), global_options=QUIET)
    with Client(server.address) as c:
        say(c, NASTY + b'\n{"json": "C:\\\\dir"}\n\tindented\n')
    server.wait_log("indented")
    assert lines_of(server) == [
        NASTY.replace(b"\x01\x1b", b"\\x01\\x1b").replace(b"\x7f", b"\\x7f"),
        b'{"json": "C:\\\\dir"}', b"\tindented"]


# JSON -------------------------------------------------------------------------

def php_decode(path):
    """Each line as PHP reads it."""
    code = ('foreach (file($argv[1]) as $l)'
            ' echo json_encode(json_decode($l, false, 8, JSON_THROW_ON_ERROR)), "\\n";')
    out = subprocess.run(["php8.2", "-n", "-r", code, path], check=True, capture_output=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def test_json(odd):
    server = odd("say", CATCH, global_options={"log_format": "json"})
    with Client(server.address) as c:
        say(c, NASTY + b"\nend\n")
        c.request(query="do=crash", uri="/x\"\\\x01\xff</script>\n")
    server.wait_log("SIGKILL")
    worker_pid = int(server.wait_log(r"child (\d+) said").group(1))
    server.stop()
    assert server.log().endswith('"message":"exiting, bye-bye!"}\n')
    with open(server.log_path, encoding="utf-8") as f:
        entries = [json.loads(line) for line in f]
    for entry in entries:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", entry["time"])
        assert entry["level"] in ("debug", "notice", "warning", "error")
        assert list(entry) in (["time", "level", "pid", "pool", "message"],
                               ["time", "level", "pid", "message"])
    messages = {e["message"]: e for e in entries}
    assert messages["exiting, bye-bye!"]["pid"] == server.pid
    text = NASTY.decode("utf-8", "replace")
    entry = messages[f'child {worker_pid} said into stderr: "{text}"']
    assert (entry["level"], entry["pool"]) == ("warning", "www") and entry["pid"] != server.pid
    # The master's lines about a pool say so in the same place.
    assert any(e["pid"] == server.pid and e.get("pool") == "www" for e in entries)
    if shutil.which("php8.2"):
        assert php_decode(server.log_path) == entries


def test_json_limit(odd):
    server = odd("say", CATCH, global_options=dict(QUIET, log_format="json", log_limit=1048576))
    with Client(server.address) as c:
        say(c, b"\nend\n", fill=1000000)
    server.wait_log("end")
    got = [json.loads(line)["message"] for line in lines_of(server)]
    assert "".join(re.search('"(.*)"$', m, re.S).group(1) for m in got[:-1]) == "a" * 1000000


# syslog and the journal --------------------------------------------------------

class Namespaced(Anyfpm):
    """With /dev/log and the journal's socket in its own directory."""

    def launch(self, argv, **more):
        script = f"""set -e
            mkdir -p {self.env.dir}/dev {self.env.dir}/journal
            mount --rbind /dev {self.env.dir}/dev
            mount -t tmpfs -o mode=755 tmpfs /dev
            for f in null zero full random urandom tty; do
                : > /dev/$f; mount --bind {self.env.dir}/dev/$f /dev/$f
            done
            ln -s /proc/self/fd /dev/fd
            ln -s {self.env.dir}/syslog.sock /dev/log
            mount -t tmpfs -o mode=755 tmpfs /run
            mkdir -p /run/systemd/journal
            ln -s {self.env.dir}/journal.sock /run/systemd/journal/socket
            exec "$@" """
        super().launch(["unshare", "-m", "sh", "-c", script, "sh", *argv], **more)

    def wait_ready(self, times=1, timeout=15):
        self.wait_listening(self.address)

    def complaints(self):
        return [p for p in super().complaints() if "Assertion" in p]


def namespaces_work():
    return ROOT and subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        stderr=subprocess.DEVNULL, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(not namespaces_work(), reason="cannot mount as this user")


class Datagrams:
    """Reads all that is sent to a socket; its senders would block."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        os.chmod(path, 0o666)
        self.sock.settimeout(15)
        self.got = []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while not self.got or b"bye-bye" not in self.got[-1]:
                self.got.append(self.sock.recv(1 << 20))
        except TimeoutError:
            pass

    def all(self):
        """What came up to the last line."""
        self.thread.join()
        self.sock.close()
        assert self.got and b"bye-bye" in self.got[-1], self.got
        return self.got


@needs_namespaces
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_syslog(env, log_format):
    sock = Datagrams(env.dir + "/syslog.sock")
    server = Namespaced(env, env.worker("say"), CATCH, global_options={
        "error_log": "syslog", "syslog.facility": "local3", "syslog.ident": "testing",
        "log_format": log_format})
    with Client(server.address) as c:
        say(c, NASTY + b"\n")
        c.request(query="do=crash")
    server.stop()
    got = sock.all()
    line = re.compile(rb"<(\d+)>\w{3} [ \d]\d [\d:]{8} testing\[(\d+)\]: (.*)", re.S)
    parsed = [line.fullmatch(g).groups() for g in got]
    priorities = {b"warning": 4, b"error": 3, b"notice": 5, b"debug": 7}
    for priority, pid, text in parsed:
        if log_format == "text":
            level = re.match(rb"\[([A-Z]+)\] ", text).group(1).lower()
        else:
            entry = json.loads(text)
            level = entry["level"].encode()
            assert entry["pid"] == int(pid)
        assert int(priority) == (19 << 3) + priorities[level]
    text = b"\n".join(g[2] for g in parsed)
    if log_format == "text":
        assert re.search(rb"\[WARNING\] \[pool www\] child \d+ said into stderr: \"quotes", text)
        assert rb"\x1b[2J" in text
    assert {int(g[1]) for g in parsed} >= {server.pid}
    assert len({g[1] for g in parsed}) == 2  # the master and the pool process


def journal_fields(data):
    """The journal's native protocol: NAME=value lines, or NAME, a length and any bytes."""
    out = {}
    while data:
        line, _, rest = data.partition(b"\n")
        name, is_text, value = line.partition(b"=")
        if not is_text:
            size = struct.unpack_from("<Q", rest)[0]
            value, rest = rest[8:8 + size], rest[8 + size + 1:]
        out[name.decode()] = value
        data = rest
    return out


@needs_namespaces
def test_journal(env):
    if b"sd_journal" not in open(servers.ANYFPM, "rb").read():
        pytest.skip("built without libsystemd")
    sock = Datagrams(env.dir + "/journal.sock")
    server = Namespaced(env, env.worker("say"), CATCH, global_options={"error_log": "journal"})
    with Client(server.address) as c:
        say(c, b"to the journal\n")
    server.stop()
    got = [journal_fields(data) for data in sock.all()]
    assert {g["SYSLOG_IDENTIFIER"] for g in got} == {b"anyfpm"}
    warning = [g for g in got if b"to the journal" in g["MESSAGE"]]
    assert len(warning) == 1 and warning[0]["PRIORITY"] == b"4"
    assert warning[0]["ANYFPM_POOL"] == b"www"
    assert re.fullmatch(rb'\[pool www\] child \d+ said into stderr: "to the journal"',
                        warning[0]["MESSAGE"])
    assert got[-1]["PRIORITY"] == b"5" and "ANYFPM_POOL" not in got[-1]


# Upgrades ---------------------------------------------------------------------

def upgraded(server):
    """It has said something before and after an upgrade, and is stopped."""
    with Client(server.address) as c:
        say(c, b"before\n")
    replace(server)
    with Client(server.address) as c:
        say(c, b"after\n")
    install(server, "/bin/false")
    assert "exited with code 1" in upgrade(server, fails=True).stderr
    install(server)
    server.stop()


@needs_namespaces
@pytest.mark.parametrize("where", ["syslog", "journal"])
def test_upgrade(env, where):
    """Both processes' lines go on, with their names, and nothing to standard error."""
    if where == "journal" and b"sd_journal" not in open(servers.ANYFPM, "rb").read():
        pytest.skip("built without libsystemd")
    sock = Datagrams(f"{env.dir}/{where}.sock")
    server = replaceable(env, Namespaced, env, env.worker("say"), CATCH, global_options={
        "error_log": where, "syslog.facility": "local3", "syslog.ident": "testing"})
    upgraded(server)
    got = sock.all()
    if where == "journal":
        fields = [journal_fields(data) for data in got]
        assert {g["SYSLOG_IDENTIFIER"] for g in fields} == {b"testing"}
    else:
        assert all(re.match(rb"<15\d>\w{3} [ \d]\d [\d:]{8} testing\[\d+\]: ", g) for g in got)
    text = b"\n".join(got).decode()
    for part in ("takes the master's place", "goes on as master", "reload done", "upgrade failed",
                 'said into stderr: "before"', 'said into stderr: "after"'):
        assert text.count(part) == 1, part
    assert not re.search("goes on|reload done|said into", server.said())


def test_upgrade_with_standard_error(env, monkeypatch):
    """A stream to the journal, as systemd gives it to a service: what both say comes there."""
    reader, writer = socket.socketpair()
    st = os.fstat(writer.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{st.st_dev}:{st.st_ino}")

    class Streamed(Anyfpm):
        """Its standard streams are that socket."""

        def launch(self, argv, **more):
            self.output = env.dir + "/streamed.out"
            with open(self.output, "ab"):
                pass
            self.process = subprocess.Popen(
                argv, env=self.env.environment(), stdin=subprocess.DEVNULL, stdout=writer,
                stderr=writer, start_new_session=True, **more)

        def wait_ready(self, times=1, timeout=15):
            self.wait_listening(self.address)
    server = replaceable(env, Streamed, env, env.worker("say"), CATCH,
                         global_options={"error_log": "stderr"})
    upgraded(server)
    writer.close()
    text = b"".join(iter(lambda: reader.recv(65536), b"")).decode()
    reader.close()
    for part in ("takes the master's place", "goes on as master", "reload done", "upgrade failed",
                 'said into stderr: "before"', 'said into stderr: "after"', "bye-bye"):
        assert text.count(part) == 1, part


# Logs that fail ---------------------------------------------------------------

def median_ms(client, count=100, **more):
    times = []
    for _ in range(count):
        start = time.monotonic()
        assert client.request(**more).status == 200
        times.append(time.monotonic() - start)
    return sorted(times)[count // 2] * 1000


def check_as_quick(client, before_ms):
    """Requests take no longer than they did: in one of a few tries, as others need the CPUs too."""
    medians = []
    for _ in range(50):
        medians.append(median_ms(client, query="do=hello"))
        if medians[-1] < 2 * before_ms + 2 * SLOW:
            return
        time.sleep(0.2)
    pytest.fail(f"medians of {medians} ms, and before of {before_ms} ms")


def test_full_disk(env, anyfpm):
    """Requests go on, the lines that were lost are counted exactly, the others are whole."""
    root = {"user": "root", "group": "root"} if ROOT else {}  # whose limits we may change
    server = anyfpm(env.worker("say"), dict(CATCH, **root), global_options=QUIET, args=["-R"])
    pool = server.pool()
    with Client(server.address) as c:
        before = median_ms(c, query="do=hello")
        say(c, b"before\n")
        server.wait_log('"before"')
        size = os.path.getsize(server.log_path)
        limit = resource.prlimit(pool, resource.RLIMIT_FSIZE)
        resource.prlimit(pool, resource.RLIMIT_FSIZE, (size + 30, limit[1]))
        for i in range(200):
            say(c, f"line {i}\n".encode())
        check_as_quick(c, before)
        assert os.path.getsize(server.log_path) <= size + 30
        resource.prlimit(pool, resource.RLIMIT_FSIZE, limit)
        say(c, b"after\n")
        lost = int(server.wait_log(r"WARNING: \[pool www\] error_log \S+: (\d+) lines were lost: "
                                   r"File too large\n").group(1))
    # Those that were still queued when there was room again are not lost.
    assert said(server) == ["before"] + [f"line {i}" for i in range(lost, 200)] + ["after"]
    assert lost > 0
    # The torn line ends where the next one begins.
    assert re.search(r"(?m)^" + PREFIX
                     + r'WARNING: \[pool www\] child \d+ said into stderr: "after"$', server.log())


class Piped(Anyfpm):
    """Its error log is standard error, a pipe (blocking, as everywhere) that the test reads."""

    def __init__(self, env, *args, **more):
        self.read_fd, self.write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        self.text = b""
        super().__init__(env, *args, **more)

    def launch(self, argv, **more):
        self.output = self.env.dir + "/piped.out"
        with open(self.output, "ab") as out:
            self.process = subprocess.Popen(
                argv, env=self.env.environment(), stdin=subprocess.DEVNULL, stdout=out,
                stderr=self.write_fd, start_new_session=True, **more)
        os.close(self.write_fd)

    def log(self):
        try:
            while self.read_fd >= 0:
                data = os.read(self.read_fd, 1 << 16)
                if not data:
                    self.close()
                self.text += data
        except BlockingIOError:
            pass
        return self.text.decode("latin-1")

    def close(self):
        if self.read_fd >= 0:
            os.close(self.read_fd)
        self.read_fd = -1


@pytest.fixture
def piped(env):
    server = Piped(env, env.worker("say"), CATCH, global_options=dict(
        error_log="stderr", log_level="notice", log_limit=4096))
    yield server
    server.stop()
    server.close()


def test_log_pipe_closed(piped):
    """Nobody reads any more: no request, no stop notices."""
    with Client(piped.address) as c:
        before = median_ms(c, query="do=hello")
        piped.close()
        for i in range(100):
            say(c, b"into the void\n")
        check_as_quick(c, before)
    start = time.monotonic()
    piped.stop()
    assert time.monotonic() - start < 2 * SLOW * PATIENCE


def test_log_reader_stopped(piped):
    """The reader stops reading: requests go on, more than the queue holds is counted, and the end
    of anyfpm does not wait for it."""
    text = b"x" * 3900
    with Client(piped.address) as c:
        before = median_ms(c, query="do=hello")
        for i in range(800):  # 3 MB
            say(c, b"%04d " % i + text + b"\n", to="fcgi")
        check_as_quick(c, before)
        piped.wait_log(r"error_log stderr: \d+ lines were lost: it takes them too slowly\n",
                       timeout=10)
        lost = int(re.search(r"error_log stderr: (\d+) lines were lost", piped.log()).group(1))
        got = [int(n) for n in re.findall(r'said into stderr: "(\d{4}) x{3900}"\n', piped.log())]
        assert got == list(range(800 - lost)) and 200 < lost < 700
        for i in range(800):
            say(c, b"%04d " % i + text + b"\n", to="fcgi")
    start = time.monotonic()
    piped.stop()
    assert time.monotonic() - start < 4 * SLOW * PATIENCE


# Rotation ---------------------------------------------------------------------

def test_rotation_loses_no_line(odd):
    """SIGUSR1 under load: every line is in one of the files, once, and in order."""
    server = odd("say", CATCH, global_options=QUIET)
    stop = threading.Event()
    count = 0

    def load():
        nonlocal count
        with Client(server.address) as c:
            while not stop.is_set():
                say(c, b"".join(b"line %d\n" % i for i in range(count, count + 20)))
                count += 20

    thread = threading.Thread(target=load)
    thread.start()
    paths = []
    try:
        for i in range(20):
            paths.append(f"{server.log_path}.{i}")
            before = count
            wait_for(lambda: count > before, what="lines to be said")
            wait_for(lambda: os.path.getsize(server.log_path) > 0, what="lines in the log")
            os.rename(server.log_path, paths[-1])
            server.signal(signal.SIGUSR1)
            wait_for(lambda: os.path.exists(server.log_path), what="a new log")
    finally:
        stop.set()
        thread.join()

    def found():
        got = []
        for path in paths + [server.log_path]:
            with open(path, encoding="latin-1") as f:
                got += [int(n) for n in re.findall(r'said into stderr: "line (\d+)"\n', f.read())]
        return got

    wait_for(lambda: count - 1 in found(), 10, "the last line, in whichever file")
    got = found()
    assert got == list(range(count)) and count > 100
