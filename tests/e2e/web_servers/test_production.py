"""Each web server with its configurations of contrib/, above all the one for production."""

import json
import os
import re
import signal
import subprocess
import threading
import zlib

import pytest
from fronts import SERVERS, Front, place, shipped, socket_of
from servers import ANYFPM, TOP, Anyfpm, accepts, wait_for
from statuspage import OPTIONS, status
from web import connect, fetch, in_background

KEEPS = ("nginx", "apache", "haproxy")  # connections to FastCGI servers
COLLECTS = ("nginx", "lighttpd")  # bodies
REFUSES_CHUNKS = {"haproxy": 400, "caddy": 411}
OUTSIDE = "127.0.0.2"
# Ways to write the path of the status page that are, or might be taken for, another path.
TRICKS = ("/status", "/status?json", "/ping", "/%73tatus", "/%2fstatus", "//status", "/./status",
          "/x/../status", "/app/../status", "/status/", "/status/x", "/status;x", "/status%00",
          "/status%0a", "/STATUS", "/app/status", "/app//status", "/app/%2e%2e/status",
          "/status%3fx", "/static/../status", "/static/..%2fstatus", "/app%2f..%2fstatus",
          "/status%2f", "/ping/", "/index.php/status")

each = pytest.mark.parametrize("name", SERVERS)


@pytest.fixture
def site(env, odd):
    """The misbehaving worker as the pool www, and the web server: site("nginx", {...})."""
    def start(name, options=None, *, kind="production", edit=None, **more):
        server = odd(options={**OPTIONS, "listen.mode": "0666",
                              "pm.status_listen": socket_of(env, "www-status"),
                              **(options or {})}, listen=socket_of(env), **more)
        front = Front(env, name, kind, edit)
        if name == "haproxy" and kind == "production":
            wait_for(lambda: "Server www/spare is DOWN" in front.said(), 10, "its health check")
        return server, front
    return start


def echo(front, path="/", *args, **more):
    """What the worker has seen of a request."""
    reply = fetch(front, path, *args, **more)
    assert reply.status == 200, (path, reply.status, reply.body[:300])
    return json.loads(reply.body)


# The files ----------------------------------------------------------------------

@each
@pytest.mark.parametrize("kind", ["minimal", "production"])
def test_its_own_checker_accepts_the_file(env, name, kind):
    """Without a warning; Caddy's are about the port and the certificate of the test."""
    code, said = Front(env, name, kind, start=False).check()
    assert code == 0, said
    warnings = re.findall(r"(?i)^.*(?:warn|deprecated).*$", said, re.M)
    assert not [w for w in warnings if "only on the HTTP port" not in w and "OCSP" not in w], said


@each
def test_a_mistake_is_seen(env, name):
    """The checker reads this file and no other."""
    front = Front(env, name, "production", lambda text: text + "\nnonsense (\n", start=False)
    code, said = front.check()
    assert code != 0, said


def pool_file():
    with open(TOP + "/contrib/pool/production.conf", encoding="ascii") as f:
        return f.read()


def test_pools_are_accepted(env):
    """The pool file that the five are for."""
    path = env.dir + "/pool.conf"
    text = pool_file().replace("/run/", socket_of(env).rpartition("/")[0] + "/")
    with open(path, "w", encoding="ascii") as f:
        f.write("[global]\nerror_log = " + env.dir + "/log\n"
                + text.replace("/srv/app/worker", "/bin/cat"))
    done = subprocess.run([ANYFPM, "-t", "-y", path], check=False, text=True, capture_output=True,
                          env=env.environment())
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr


def seconds(pattern, text):
    found = set(re.findall(pattern, text, re.M))
    assert len(found) == 1, (pattern, found)
    return int(found.pop())


@each
def test_times_match_the_pool(name):
    """The server waits for longer than anyfpm may take to answer; so do comment and file agree."""
    text, pool = shipped(name, "production"), pool_file()
    queue = seconds(r"^request_queue_timeout = (\d+)s$", pool)
    run = seconds(r"^request_terminate_timeout = (\d+)s$", pool)
    waits = seconds({"nginx": r"fastcgi_(?:read|send)_timeout (\d+)s;",
                     "apache": r"\btimeout=(\d+)\s", "haproxy": r"^    timeout server (\d+)s$",
                     "lighttpd": r'"(?:read|write)-timeout" => (\d+)',
                     "caddy": r"^\t+(?:read|write)_timeout (\d+)s$"}[name], text)
    assert waits > queue + run + 10
    told = dict(re.findall(r"^#   (\S.*?) +(\d+) s  ", text, re.M))
    assert told["request_queue_timeout"] == str(queue)
    assert told["request_terminate_timeout"] == str(run)
    assert set(told.values()) == {str(queue), "10", str(run), str(waits)}


# What they do -------------------------------------------------------------------

@each
def test_minimal(env, site, name):
    """A page, an upload, status and ping for this machine alone."""
    server, front = site(name, kind="minimal")
    got = echo(front, "/a%20b/c?d=e")["params"]
    assert (got.get("SCRIPT_NAME", ""), got["PATH_INFO"]) == ("", "/a b/c")
    body = os.urandom(2 << 20)
    got = echo(front, "/", "POST", body)
    assert (got["length"], got["crc32"]) == (len(body), zlib.crc32(body))
    is_protected(server, front)


def takes_chunks(front):
    """A body of no known size is taken, and the program told its size; or it is refused."""
    try:
        reply = fetch(front, "/", "POST", (b"c" * 10000 for _ in range(20)))
    except OSError:  # closed while the body is on its way
        assert front.name in REFUSES_CHUNKS
        return
    if front.name in REFUSES_CHUNKS:
        assert reply.status == REFUSES_CHUNKS[front.name]
    else:
        got = json.loads(reply.body)
        assert (got["params"]["CONTENT_LENGTH"], got["length"]) == ("200000", 200000)


LINES = {
    "nginx": r" upstream=unix:\S+-www\.sock .* upstream_time=\d\.\d{3}\n",
    "apache": r" time_us=\d+ pool=fcgi://anyfpm-www\n",
    "lighttpd": r" time_us=\d+\n",
    "haproxy": r" web~ www/www \d+/\d+/\d+/\d+/\d+ 200 ",
    "caddy": r'"duration":\d',
}


def is_logged(env, front):
    """How long a request took; which pool had it and for how long, where the server knows that."""
    if front.name == "haproxy":
        return re.search(LINES[front.name], front.said())
    directory = {"apache": "apache2"}.get(front.name, front.name)
    with open(place(f"/var/log/{directory}/anyfpm.log", env), encoding="ascii") as log:
        return re.search(LINES[front.name], log.read())


@each
def test_requests(env, site, name):
    """The application's view, uploads, files, connections."""
    server, front = site(name)
    for path, right in (("/", ("", "/")), ("/a%20b/c", ("", "/a b/c")), ("/app/x", ("/app", "/x"))):
        got = echo(front, path + "?d=e", headers={"Proxy": "http://evil/"})["params"]
        assert (got.get("SCRIPT_NAME", ""), got["PATH_INFO"]) == right
        assert got["QUERY_STRING"] == "d=e" and got["REQUEST_URI"] == path + "?d=e"
        assert got["HTTPS"] == "on" and got["REMOTE_ADDR"] == "127.0.0.1"
        assert "HTTP_PROXY" not in got
    body = os.urandom(5 << 20)
    got = echo(front, "/app/upload", "POST", body)
    assert (got["length"], got["crc32"]) == (len(body), zlib.crc32(body))
    before = status(server)["accepted conn"]
    assert fetch(front, "/", "POST", b"", {"Content-Length": str(40 << 20)}).status == 413
    assert status(server)["accepted conn"] == before, "it came to the pool"
    takes_chunks(front)
    for _ in range(20):
        assert echo(front)["length"] == 0
    assert fetch(front, "/?do=large&bytes=5000000").body == b"z" * 5000000
    wait_for(lambda: is_logged(env, front), 10, "the line of a request in the server's log")
    kept = range(1, 5) if name in KEEPS else (0,)
    wait_for(lambda: status(server)["client connections"] - 1 in kept, 5,  # but for the question's
             f"connections: {kept}")
    if name != "caddy":  # which does so by itself
        front.tls, front.port = False, front.plain_port
        reply = fetch(front, "/x?y", headers={"Host": "example.org"})
        assert (reply.status, reply.headers["Location"]) == (301, "https://example.org/x?y")


@each
def test_files(env, site, name):
    """Those of /static/, and one that the program names, without its worker."""
    if name == "haproxy":
        pytest.skip("HAProxy sends no files")
    server, front = site(name)
    for path in ("/srv/www/static/a.txt", "/srv/private/secret.txt"):
        with open(place(path, env), "w", encoding="ascii") as f:
            f.write(f"this is {path}\n")
    reply = fetch(front, "/static/a.txt")
    assert reply.body == b"this is /srv/www/static/a.txt\n" and "max-age=3600" in \
        reply.headers["Cache-Control"]
    assert status(server)["accepted conn"] == 0
    named = {"nginx": "X-Accel-Redirect: /private/secret.txt",
             "lighttpd": "X-Sendfile: " + place("/srv/private/secret.txt", env),
             "caddy": "X-Accel-Redirect: /secret.txt"}.get(name)
    if named:
        path = "/?do=raw&hex=" + f"{named}\r\n\r\n".encode().hex()
        assert fetch(front, path).body == b"this is /srv/private/secret.txt\n"
        for path in ("/private/secret.txt", "/static/../private/secret.txt",
                     "/static/%2e%2e/private/secret.txt", "/static../private/secret.txt"):
            assert b"this is" not in fetch(front, path).body


def is_protected(server, front):
    """Status page and ping: for this machine, at the two paths, and for nobody else at any."""
    assert fetch(front, "/ping").body == b"pong"
    assert b'"accepted conn"' in fetch(front, "/status?json").body
    for path in TRICKS:  # of which none puts the pool out of service
        reply = fetch(front, path, source=OUTSIDE)
        assert b"accepted conn" not in reply.body and reply.body != b"pong", path
        if path in TRICKS[:4]:
            assert reply.status == 403, path
    # An absolute target, which no path begins.
    conn = connect(front, source=OUTSIDE)
    conn.putrequest("GET", "http://example.org/status", skip_host=True)
    conn.putheader("Host", "example.org")
    conn.endheaders()
    assert b"accepted conn" not in conn.getresponse().read()
    conn.close()
    assert fetch(front, "/", source=OUTSIDE).status == 200


@each
def test_status_page_is_protected(site, name):
    server, front = site(name)
    is_protected(server, front)
    # It is asked by pm.status_listen: as ever when the pool's own socket takes nobody.
    os.unlink(server.address)
    with open(server.address, "w", encoding="ascii"):
        assert b'"accepted conn"' in fetch(front, "/status?json").body
    os.unlink(server.address)
    server.sockets.remove(server.address)


@each
def test_errors_of_anyfpm_reach_the_client(site, name):
    """504 of a request that takes too long, 502 of a crash, 503 of a full queue with Retry-After; a
    POST that was lost is not sent again."""
    server, front = site(name, {"pm.max_children": 1, "request_terminate_timeout": "4s",
                                "request_queue_limit": 1})
    slow = [in_background(fetch, front, "/?do=sleep")]
    wait_for(lambda: status(server.address)["active processes"] == 1, 5, "a request to run")
    slow.append(in_background(fetch, front, "/?do=hello"))
    wait_for(lambda: status(server.address)["listen queue"] == 1, 5, "a request to wait")
    reply = fetch(front, "/")
    assert reply.status == 503 and b"Too many requests are waiting." in reply.body
    assert int(reply.headers["Retry-After"]) >= 1
    reply = slow[0].result()
    assert reply.status == 504 and b"The request took too long." in reply.body
    assert slow[1].result().status == 200
    before = status(server.address)["accepted conn"]
    reply = fetch(front, "/?do=crash", "POST", b"x" * 100000)
    assert reply.status == 502 and b"The application ended before it answered." in reply.body
    assert status(server.address)["accepted conn"] == before + 1
    wait_for(lambda: fetch(front, "/").status == 200, 5, "the next worker")


@each
def test_answer_is_passed_on_in_pieces(env, site, name):
    """Where the server's file says so, or for nginx the program: the second part is not made before
    the first is here."""
    _, front = site(name)
    conn = connect(front)
    conn.request("GET", f"/?do=split&until={env.dir}/pub/go&field=X-Accel-Buffering")
    reply = conn.getresponse()
    assert reply.read1(6) == b"first\n"
    with open(env.dir + "/pub/go", "w", encoding="ascii"):
        assert reply.read() == b"second\n"
    conn.close()


@each
def test_slow_upload_holds_no_worker(site, name):
    """A body that the server collects, or that request_buffer_size takes, has not been sent to the
    only worker while its client pauses."""
    _, front = site(name, {"pm.max_children": 1})
    size = 1000000 if name in COLLECTS else 50000
    conn = connect(front)
    conn.putrequest("POST", "/")
    conn.putheader("Content-Length", str(size))
    conn.endheaders()
    conn.send(b"s" * (size // 2))
    for _ in range(5):
        assert echo(front)["length"] == 0
    conn.send(b"s" * (size // 2))
    assert json.loads(conn.getresponse().read())["length"] == size
    conn.close()


@each
def test_reload_under_requests_loses_none(site, name):
    """All pools anew, while requests come, uploads among them."""
    server, front = site(name, {"pm.max_children": 4})
    stop = threading.Event()

    def ask(method, body):
        replies = []
        while not stop.is_set():
            replies.append(fetch(front, f"/?ms={len(replies) % 40}&do=work-after", method, body))
        return replies
    body = b"p" * 200000
    clients = [in_background(ask, "POST", body) for _ in range(2)]
    clients += [in_background(ask, "GET", None) for _ in range(4)]
    try:
        for _ in range(2):
            before = status(server)["accepted conn"]
            wait_for(lambda: status(server)["accepted conn"] > before + 30, 10, "requests")
            server.reload(signal.SIGUSR2)
        wait_for(lambda: status(server)["accepted conn"] > before + 60, 10, "requests")
    finally:
        stop.set()
    for client in clients:
        length = len(body) if client in clients[:2] else 0
        replies = client.result()
        assert replies and {r.status for r in replies} == {200}
        assert {json.loads(r.body)["length"] for r in replies} == {length}


@pytest.mark.parametrize("name", [name for name in SERVERS if name != "caddy"])
def test_spare_pool_takes_over(env, odd, site, name):
    """When the first is stopped, requests are answered by the other; and by the first again."""
    sooner = r'(fail_timeout=|retry=|"disable-time" => )\d+'
    server, front = site(name, edit=lambda text: re.sub(sooner, r"\g<1>1", text))
    for _ in range(3):
        assert echo(front)["pid"] in server.workers()
    spare = odd(options={"listen.mode": "0666", "ping.path": "/ping"},
                listen=socket_of(env, "spare"))
    if name == "haproxy":
        wait_for(lambda: "Server www/spare is UP" in front.said(), 10, "its health check")
    server.stop()
    for n in range(20):
        method, body = (("GET", b""), ("POST", b"x" * 1000))[n // 2 % 2]
        request = ("/", "/app/")[n % 2], method, body or None
        reply = fetch(front, *request)
        if name == "apache" and reply.status == 503:  # what finds the pool gone is lost
            reply = fetch(front, *request)
        assert reply.status == 200
        got = json.loads(reply.body)
        assert got["length"] == len(body) and got["pid"] in spare.workers()
    again = odd(options={"listen.mode": "0666", "ping.path": "/ping"}, listen=socket_of(env))
    assert accepts(again.address)
    wait_for(lambda: echo(front)["pid"] in again.workers(), 15, "the first to be used")


@each
def test_lost_post_runs_once(env, site, odd, name):
    """The pool process is lost in the middle of a POST that a worker has: no pool gets it again."""
    runs = env.dir + "/pub/runs"
    with open(runs, "w", encoding="ascii"):
        os.chmod(runs, 0o666)
    _, front = site(name, behavior="notes-requests", args=(runs,))
    odd("notes-requests", {"listen.mode": "0666", "ping.path": "/ping"}, args=(runs,),
        listen=socket_of(env, "spare"))
    if name == "haproxy":
        wait_for(lambda: "Server www/spare is UP" in front.said(), 10, "its health check")

    def ran():
        with open(runs, encoding="ascii") as f:
            return [line.split()[1] for line in f]
    asked = in_background(fetch, front, "/?do=sleep&ms=5000", "POST", b"x" * 1000)
    wait_for(ran, 10, "the request to run")
    for pool in [s for s in env.servers if isinstance(s, Anyfpm)]:
        os.kill(pool.pool(), signal.SIGKILL)
    assert asked.result().status >= 500
    wait_for(lambda: fetch(front, "/").status == 200, 20, "a pool to serve again")
    assert ran().count("POST") == 1
