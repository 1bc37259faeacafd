"""The access log: php-fpm's lines, a line for every end, nothing forged."""

import collections
import json
import re
import signal
import socket
import subprocess
import threading

from accesslog import ENDS, ends, lines, log_of, taken_in
from conformance import whole
import fcgi
from fcgi import Client, params
from others import PhpFpm
import pytest
from servers import ASAN, free_port
import statuspage

PHP = "/usr/bin/php8.2"

# As php-fpm ---------------------------------------------------------------------

SCRIPT = """<?php
header('Content-Type: application/x-test');
header('X-Set: some value');
http_response_code((int)($_GET['status'] ?? 200));
usleep(20000);
echo 'hello';
"""

# What both have to show alike, and what has the same form in both.
SAME = '%R|%u|%m|%r|%Q|%q|%s|%f|%l|%n|%{Content-Type}o|%{X-Set}o|%{X-None}o|%{HTTP_HOST}e|' \
       '%{NONE}e|%{EMPTY}e|%%|%{%Y-%m}t|%{%Y-%m}T'

ALIKE = '%p|%P|%d|%{seconds}d|%{milliseconds}d|%{milli}d|%{microseconds}d|%{micro}d|%C|%{user}C|' \
        '%{system}C|%{total}C|%M|%{bytes}M|%{kilobytes}M|%{kilo}M|%{megabytes}M|%{mega}M|%t|%T|%{}d'

REQUESTS = [
    {}, {"query": "a=1&b=%20x"}, {"query": "status=404", "HTTP_HOST": "example.org", "EMPTY": ""},
    {"method": "HEAD"}, {"body": b"x=1&y=2", "CONTENT_TYPE": "application/x-www-form-urlencoded"},
    {"REMOTE_USER": "bob", "HTTP_AUTHORIZATION": "Basic Ym9iOnB3"}, {"query": "status=503"},
    {"REMOTE_ADDR": "192.0.2.1"}, {"method": "OPTIONS"},
]


def send_all(address, script):
    for more in REQUESTS:
        with Client(address) as c:
            c.request(uri="/a.php", flags=0, SCRIPT_FILENAME=script, **more)


def shape(line):
    """What is left of a line without its digits and the like."""
    return re.sub(r"\d+", "9", line)


def ours(env, anyfpm, fmt, listen):
    server = anyfpm("/usr/bin/php-cgi -n", {
        "pm.max_children": 1, "listen": listen, "access.log": log_of(env, "anyfpm"),
        "access.format": f"'{fmt}'"})
    return server.address


def theirs(env, fmt, listen):
    server = PhpFpm(env, 1, listen=listen, options={
        "access.log": log_of(env, "php"), "access.format": f'"{fmt}"'})
    return server.address


@pytest.mark.parametrize("where", ["unix", "tcp"])
def test_same_lines_as_php_fpm(env, anyfpm, where):
    """The same format and requests: equal lines, those of php-fpm byte by byte."""
    script = env.dir + "/pub/a.php"
    with open(script, "w", encoding="ascii") as f:
        f.write(SCRIPT)
    for name, start in (("anyfpm", lambda *a: ours(env, anyfpm, *a)),
                        ("php", lambda *a: theirs(env, *a))):
        listen = f"{env.dir}/{name}.sock" if where == "unix" else f"127.0.0.1:{free_port()}"
        send_all(start(SAME, listen), script)
    n = len(REQUESTS)
    assert lines(log_of(env, "anyfpm"), n) == lines(log_of(env, "php"), n)


def test_same_form_as_php_fpm(env, anyfpm):
    """Numbers and times: not the same values, but written in the same way."""
    script = env.dir + "/pub/a.php"
    with open(script, "w", encoding="ascii") as f:
        f.write(SCRIPT)
    send_all(ours(env, anyfpm, ALIKE, env.dir + "/anyfpm.sock"), script)
    send_all(theirs(env, ALIKE, env.dir + "/php.sock"), script)
    n = len(REQUESTS)
    for mine, php in zip(lines(log_of(env, "anyfpm"), n), lines(log_of(env, "php"), n)):
        assert shape(mine) == shape(php)
        assert 0.015 < float(mine.split("|")[2]) < 5


def test_default_format(env, anyfpm):
    """php-fpm's default, and its file name."""
    server = anyfpm(env.worker("hello"), {"access.log": f"{env.dir}/$pool.access.log",
                                          "access.format": None})
    with Client(server.address) as c:
        c.request(uri="/x", query="a")
    line, = lines(log_of(env), 1)
    assert re.fullmatch(r'- -  \d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4} "GET /x" 200', line)


# A line for every end -------------------------------------------------------------

@pytest.mark.parametrize("what, status, limit, end, detail", [
    ("sleep", 504, "request_terminate_timeout = 700ms", "timeout", r"(\d\.\d{3})/(0\.700)s"),
    ("burn", 503, "request_terminate_cpu = 300ms", "cpu", r"(\d\.\d{3})/(0\.300)s"),
    ("eat&kb=1024", 503, "request_terminate_memory = 80M", "memory", r"(\d+)/(81920)K"),
    ("sleep&head=1", 200, "request_terminate_timeout = 700ms", "timeout",
     r"(\d\.\d{3})/(0\.700)s"),
])
def test_terminated(logging, env, what, status, limit, end, detail):
    """The access line and the error line name pool, pid, URI, limit and value."""
    server = logging(dict([limit.split(" = ")]))
    pid = server.wait_workers(1)[0]
    with Client(server.address) as c:
        c.start(uri="/over/the/limit", query="do=" + what)
        assert c.answer_or_cut() or status == 200
    line, = ends(env, 1)
    assert (line.pool, line.pid, line.method, line.uri) == ("www", str(pid), "GET",
                                                            "/over/the/limit")
    assert (line.status, line.end, line.number) == (str(status), end, "1")
    used = re.fullmatch(rf"{end}\({detail}\)", line.detail)
    assert float(used.group(2)) <= float(used.group(1)) < 5 * float(used.group(2)), line.detail
    said = server.wait_log(rf"\[pool www\] child {pid}\b.* exceeded request_terminate_\w+ \("
                           r"([\d.]+) of [\d.]+ (?:seconds|KB)\)[;,]")
    assert said.group(1) == used.group(1)
    assert '"GET /over/the/limit' in said.string[said.start():]


@pytest.mark.parametrize("what, status, end", [
    ("hello", "200", "-"), ("fail", "500", "-"), ("crash", "502", "crash"),
    ("cut-body", "200", "crash"), ("garbage", "502", "invalid"), ("empty", "502", "invalid"),
    ("exit&code=1", "502", "crash"), ("stderr", "200", "-"),
])
def test_worker_ends(logging, env, what, status, end):
    server = logging()
    pid = server.wait_workers(1)[0]
    with Client(server.address) as c:
        c.start(uri="/x", query="do=" + what)
        c.answer_or_cut()
    line, = ends(env, 1)
    assert (line.pid, line.uri, line.status, line.end) == (str(pid), "/x", status, end)


def test_queue(logging, env):
    """Refused by the full queue, and having waited too long: no worker, but a line."""
    server = logging({"request_queue_limit": 1, "request_queue_timeout": "400ms"})
    with Client(server.address) as c:
        c.send(whole(1, uri="/runs", query="do=slow&ms=2000"), whole(2, uri="/waits"),
               whole(3, uri="/full"))
        assert [c.answer(i).status for i in (3, 2, 1)] == [503, 503, 200]
    got = {line.uri: line for line in ends(env, 3)}
    assert got["/full"].detail == "queue_full(1)" and got["/full"].end == "queue_full"
    waited = re.fullmatch(r"queue_timeout\((\d\.\d{3})/0\.400s\)", got["/waits"].detail)
    assert 0.4 <= float(waited.group(1)) < 1.9, "not when the worker became free"
    for uri in ("/full", "/waits"):
        line = got[uri]
        assert (line.pid, line.status, line.duration, line.number) == ("-", "503", "-", "-")
    assert float(got["/waits"].wait) > 0.39 and got["/full"].wait == "-"
    assert float(got["/runs"].duration) > 1.99 and got["/runs"].status == "200"


def test_no_worker(env, anyfpm):
    """A program that cannot be started."""
    server = anyfpm(env.worker("dies-at-start"), {
        "access.log": log_of(env), "access.format": f'"{ENDS}"'}, wait=False)
    server.wait_log("in a row", timeout=15)
    with Client(server.address) as c:
        assert c.request(uri="/x").status == 503
    line, = ends(env, 1)
    assert (line.uri, line.status, line.end, line.pid) == ("/x", "503", "no_worker", "-")


def test_client_gone(logging, env):
    """Left while it ran, while it waited, with an ABORT; and with half an answer."""
    server = logging()
    pid = str(server.wait_workers(1)[0])
    running, waiting, aborted = (Client(server.address) for _ in range(3))
    running.start(uri="/running", query="do=slow&ms=2000")
    taken_in(running)
    waiting.start(uri="/waiting")
    aborted.start(uri="/aborted")
    aborted.send(fcgi.record(fcgi.ABORT, 1))
    assert aborted.answer().ended
    running.close()
    waiting.close()
    got = {line.uri: line for line in ends(env, 3)}
    assert {line.status for line in got.values()} == {"499"}
    assert {line.end for line in got.values()} == {"client_gone"}
    assert got["/running"].pid == pid and float(got["/running"].duration) > 1.99
    assert got["/waiting"].pid == "-" and got["/aborted"].pid == "-"
    with Client(server.address) as half:
        half.start(uri="/half", query="do=split&ms=1500")
        while not half.take().content.endswith(b"first\n"):
            pass
    line = ends(env, 4)[-1]
    assert (line.uri, line.status, line.end, line.pid) == ("/half", "200", "client_gone", pid)
    aborted.close()


def test_limit_after_the_client_has_gone(logging, env):
    """Terminated is terminated, whoever still waits: counted as such, with the client's 499."""
    server = logging({"request_terminate_timeout": "2s", "pm.max_children": 2,
                      "pm.status_path": "/status"})
    server.wait_workers(2)  # one for each: what only waits is not terminated
    gone, aborted = Client(server.address), Client(server.address)
    gone.start(uri="/gone", query="do=sleep&ms=60000")
    aborted.start(uri="/aborted", query="do=sleep&ms=60000")
    taken_in(gone)
    taken_in(aborted)
    aborted.send(fcgi.record(fcgi.ABORT, 1))
    assert aborted.answer().ended
    gone.close()
    assert {(line.uri, line.status, line.end) for line in ends(env, 2)} == {
        ("/gone", "499", "timeout"), ("/aborted", "499", "timeout")}
    aborted.close()
    with Client(server.address) as c:
        page = statuspage.numbers(c)
    assert (page["requests timeout"], page["requests client gone"]) == (2, 0)


def test_refused(logging, env):
    """What is no request, is too large, or never comes, has a line too."""
    logging({"request_header_timeout": "1s", "request_body_timeout": "1s",
             "request_params_limit": "8K"})
    address = f"{env.dir}/www.1.sock"
    cases = [
        ("400", "refused", [fcgi.begin(), fcgi.stream(fcgi.PARAMS, 1, b"\x85\x05abc")]),
        ("431", "refused", [fcgi.begin(),
                            fcgi.stream(fcgi.PARAMS, 1, fcgi.pairs({"A": "x" * 9000}))]),
        ("408", "client_timeout", [fcgi.begin(), fcgi.record(fcgi.PARAMS, 1, b"\x01\x01ab")]),
        ("408", "client_timeout", [fcgi.begin(), fcgi.stream(
            fcgi.PARAMS, 1, fcgi.pairs(params("POST", "/body", body_length=9)))]),
        ("499", "client_gone", [fcgi.begin()]),
    ]
    for i, (status, end, parts) in enumerate(cases):
        with Client(address) as c:
            c.send(*parts)
            if status != "499":
                assert c.answer().status == int(status)
        line = ends(env, i + 1)[-1]
        assert (line.status, line.end, line.pid) == (status, end, "-")
        assert line.uri == ("/body" if "body" in str(parts) else "-")


def test_too_large_a_body(logging, env):
    """413, for one request of several on a connection."""
    server = logging({"request_buffer_size": "1K", "request_spool_size": "4K"})
    with Client(server.address) as c:
        c.send(whole(1, uri="/one", query="do=slow&ms=1500"),
               whole(2, uri="/large", method="POST", body=bytes(1 << 20)))
        assert c.answer(2).status == 413 and c.answer(1).status == 200
    got = {line.uri: line for line in ends(env, 2)}
    assert (got["/large"].status, got["/large"].end) == ("413", "refused")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGQUIT], ids=lambda s: s.name)
def test_stopped(env, anyfpm, sig):
    """What ran and what waited when the service was stopped."""
    server = anyfpm(env.worker("echo"), {"pm.max_children": 1, "access.log": log_of(env),
                                         "access.format": f'"{ENDS}"'},
                    global_options={"process_control_timeout": "300ms"})
    server.wait_workers(1)
    with Client(server.address) as running, Client(server.address) as waiting:
        running.start(uri="/runs", query="do=slow&ms=30000")
        taken_in(running)
        waiting.start(uri="/waits")
        taken_in(waiting)
        server.signal(sig)
        assert server.wait_exit() == 0
    got = {line.uri: line for line in ends(env, 2)}
    assert [got[uri].end for uri in ("/runs", "/waits")] == ["stopped"] * 2
    assert [got[uri].status for uri in ("/runs", "/waits")] == ["503"] * 2
    assert got["/runs"].pid != "-" and got["/waits"].pid == "-"


@pytest.mark.limit(200)
def test_ten_thousand_requests(logging, env):
    """Exactly one line each, with crashes, timeouts and refusals among them; the counts agree."""
    n, threads = (2000 if ASAN else 10000), 8
    server = logging({"pm.max_children": 4, "request_terminate_timeout": "300ms",
                      "request_queue_limit": 6, "request_queue_timeout": "5s",
                      "request_retry": "no", "pm.max_requests": 500, "pm.status_path": "/status"})
    server.wait_workers(4)
    answered, lock = {}, threading.Lock()

    def client(first):
        c = Client(server.address, timeout=30)
        for i in range(first, n, threads):
            do = {7: "crash", 501: "sleep"}.get(i % 1000, "hello")
            c.start(uri=f"/n{i}", query="do=" + do)
            answer = c.answer_or_cut()
            status = str(answer.status) if answer else "cut"
            if not answer:  # ended with half of it sent
                c.close()
                c = Client(server.address, timeout=30)
            with lock:
                answered[f"/n{i}"] = status
        c.close()

    workers = [threading.Thread(target=client, args=(i,)) for i in range(threads)]
    for t in workers:
        t.start()
    for t in workers:
        t.join()
    assert len(answered) == n
    got = ends(env, n)
    assert {line.uri: "cut" if answered[line.uri] == "cut" else line.status
            for line in got} == answered
    assert {line.end for line in got if answered[line.uri] == "cut"} <= {"timeout"}
    counts = collections.Counter(line.end for line in got)
    assert counts["timeout"] > 0 and counts["crash"] > 0 and counts["-"] > n / 2, counts
    with Client(server.address) as c:
        numbers = statuspage.numbers(c)
    assert numbers["accepted conn"] == n, numbers
    for end, count in counts.items():
        assert numbers["requests " + {"-": "ok"}.get(end, end).replace("_", " ")] == count, numbers
    print("measured:", dict(counts))


def test_own_requests(logging, env):
    """Those for status and ping have a line as with php-fpm, unless it is suppressed."""
    server = logging({"pm.status_path": "/status", "ping.path": "/ping",
                      "access.suppress_path[]": "/ping"})
    with Client(server.address) as c:
        assert c.request(uri="/ping").status == 200
        assert c.request(uri="/status", query="json").status == 200
        assert c.request(uri="/ping", query="a").status == 200
        assert c.request(uri="/x").status == 200
    got = ends(env, 3)
    assert [line.uri for line in got] == ["/status", "/ping", "/x"]
    assert [line.pid == "-" for line in got] == [True, True, False]
    assert [line.number for line in got] == ["-", "-", "1"]


def test_suppressed_paths(logging, env):
    """php-fpm's rule: only what can be of no interest."""
    server = logging({"access.suppress_path[]": "/health"})
    with open(server.config_path, "a", encoding="ascii") as f:
        f.write("access.suppress_path[] = /also\n")
    server.stop()
    server.start()
    with Client(server.address) as c:
        c.request(uri="/health")
        c.request(uri="/also", method="HEAD")
        c.request(uri="/health", query="a=1")
        c.request(uri="/health", body=b"x")
        c.request(uri="/health", method="DELETE")
        c.request(uri="/other")
    got = ends(env, 4)
    assert [(line.method, line.uri) for line in got] == [
        ("GET", "/health"), ("POST", "/health"), ("DELETE", "/health"), ("GET", "/other")]


def test_delivery(odd, env):
    """%D and %O: the line waits for the client; %d is the worker's alone."""
    server = odd("echo", {"pm.max_children": 1, "access.log": log_of(env),
                          "access.format": '"%r %d %D %O %B"', "response_buffer_size": "16M"})
    size = 8 << 20
    with Client(server.address) as c:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.start(uri="/large", query=f"do=large&bytes={size}")
        with Client(server.address) as other:  # the worker is free: the first one has ended
            assert other.request(uri="/other").status == 200
        assert [line.split()[0] for line in lines(log_of(env), 1)] == ["/other"]
        assert len(c.answer().body) == size
    uri, duration, delivery, sent, length = lines(log_of(env), 2)[1].split()
    assert uri == "/large" and float(delivery) >= float(duration)
    assert size < int(length) < int(sent) < size * 1.01


def test_cpu_and_memory(odd, env):
    """What a request used, and what the next one did not."""
    server = odd("hello", {"pm.max_children": 1, "access.log": log_of(env),
                           "access.format": '"%C %{user}C %{system}C %{kilo}M"'})
    with Client(server.address) as c:
        for query in ("do=burn&ms=400", "do=slow&ms=400", "do=leak&kb=20480"):
            assert c.request(query=query).status == 200
    burnt, slept, leaked = ([float(n) for n in line.split()] for line in lines(log_of(env), 3))
    assert burnt[0] > 10 and burnt[1] + burnt[2] > 8, burnt
    assert abs(burnt[0] - burnt[1] - burnt[2]) < 0.3 * burnt[0] + 5, burnt
    assert slept[0] < 10 and slept[1] <= 10, slept
    assert leaked[3] > slept[3] + 19000, (slept, leaked)

# Nothing is forged ------------------------------------------------------------------

HOSTILE = [b'/a"b\' c', b"/x\n127.0.0.1 - forged 200", b"/x\r\n\r\n", b"/\xff\xfe\xc3",
           b"/\x00\x01", b"/</script><script>alert(1)</script>", "/ü€😀\u2028\x85".encode(),
           b"/\\n\\x41\\", b"/\x1b[31mred", b"/%r%s%n%n%n", b"/" + b"\n" * 8000]


def hostile(address):
    for raw in HOSTILE:
        with Client(address) as c:
            c.send(fcgi.begin(), fcgi.stream(fcgi.PARAMS, 1, fcgi.pairs({
                "REQUEST_METHOD": raw[1:30], "REQUEST_URI": raw, "QUERY_STRING": raw,
                "SCRIPT_FILENAME": raw, "REMOTE_USER": raw, "HTTP_X": raw})),
                fcgi.stream(fcgi.STDIN, 1, b""))
            assert c.answer().status == 200


def test_text_is_not_forged(odd, env):
    server = odd("hello", {"access.log": log_of(env),
                           "access.format": '"|%m|%r|%q|%f|%u|%{HTTP_X}e|"'})
    hostile(server.address)
    got = lines(log_of(env), len(HOSTILE))
    for line in got:
        assert len(line.split("|")) == 8 and line[0] == line[-1] == "|"
        assert '"' not in line and line.isprintable()
        assert len(line.splitlines()) == 1
    assert got[1].split("|")[2] == r"/x\x0a127.0.0.1 - forged 200"
    assert got[3].split("|")[2] == r"/\xff\xfe\xc3"


def test_json(odd, env):
    """Every line is an object for Python and for PHP, whatever clients send."""
    server = odd("echo", {"pm.max_children": 1, "access.log": log_of(env),
                          "access.log.format": "json", "request_terminate_timeout": "1500ms"})
    pid = server.wait_workers(1)[0]
    hostile(server.address)
    with Client(server.address) as c:
        assert c.request(uri="/ü", query="do=sleep", REMOTE_ADDR="192.0.2.7").status == 504
    n = len(HOSTILE) + 1
    got = [json.loads(line) for line in lines(log_of(env), n)]
    assert all(g.keys() == got[0].keys() for g in got)
    assert got[0]["uri"] == "/a\"b' c" and got[3]["uri"].startswith("/\ufffd")
    assert got[5]["uri"] == "/</script><script>alert(1)</script>"
    assert got[4]["uri"] == "/\0\x01"
    last = got[-1]
    assert (last["pool"], last["pid"], last["uri"], last["status"]) == ("www", pid, "/\ufffd", 504)
    assert (last["end"], last["limit"]) == ("timeout", "request_terminate_timeout")
    assert last["limit_max"] == 1.5 <= last["limit_used"] < 6
    assert last["remote_addr"] == "192.0.2.7" and last["memory"] > 1 << 20
    assert 1.49 < last["duration"] and last["wait"] >= 0 and last["cpu"] >= 0
    code = ("$n = 0; foreach (file($argv[1]) as $line) { $o = json_decode($line, true, 5, "
            "JSON_THROW_ON_ERROR); $n += count($o) == (int)$argv[2]; } echo $n;")
    out = subprocess.run([PHP, "-n", "-r", code, log_of(env), str(len(last))],
                         capture_output=True, check=True, text=True)
    assert out.stdout == str(n), out.stderr
