"""contrib/adapters/wsgi: PEP 3333 over FastCGI, records and all, without anyfpm."""

import hashlib
import json
import signal

import pytest
from fcgi import (ABORT, BEGIN, CANT_MPX_CONN, END, GET_VALUES, GET_VALUES_RESULT, OVERLOADED,
                  PARAMS, REQUEST_COMPLETE, STDERR, STDIN, STDOUT, UNKNOWN_ROLE, UNKNOWN_TYPE,
                  begin, pair, pairs, params, parse_pairs, record, stream)
from servers import SLOW, wait_for
from wsgi import Alone


@pytest.fixture
def alone(env):
    return Alone(env)


@pytest.fixture(params=[(), ("--ahead",)], ids=["one", "ahead"])
def any_alone(env, request):
    """With one connection, and with two in turn."""
    return Alone(env, *request.param)


@pytest.fixture
def client(alone):
    with alone.client(timeout=20 * SLOW) as c:
        yield c


def ask(client, path, query="", **more):
    return client.request(uri="/" + path, query=query, **more)


def tell(client, **more):
    answer = ask(client, "tell", **more)
    assert answer.status == 200, bytes(answer.stderr)
    return json.loads(answer.body)


def test_small_answers(client):
    """The records of a whole answer; of a list, Content-Length is told."""
    answer = ask(client, "hello")
    assert bytes(answer.stdout) == b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nhello\n"
    for query in ("", "6"):
        answer = ask(client, "plain", query)
        assert bytes(answer.stdout) == (b"Status: 200 OK\r\nContent-Type: text/plain\r\n"
                                        b"Content-Length: 6\r\n\r\nplain\n")
        assert [(r.kind, len(r.content) > 0) for r in answer.records] == [
            (STDOUT, True), (STDOUT, False), (END, True)]
    assert (answer.app_status, answer.protocol_status, answer.reserved) == (0, 0, b"\0" * 3)


def test_environment(client):
    """Strings of latin-1, whatever the parameters' lengths are; what is missing has a default."""
    long = "l\u00e9" * 40000
    env = tell(client, HTTP_X_ODD="caf\u00e9 \x80", HTTP_COOKIE=long, **{"N" * 200: "v"})["env"]
    assert env["HTTP_X_ODD"] == "caf\u00e9 \x80" and env["HTTP_COOKIE"] == long
    assert env["N" * 200] == "v"
    assert (env["SERVER_NAME"], env["SERVER_PORT"], env["wsgi.url_scheme"]) == \
        ("localhost", "80", "http")
    assert env["wsgi.version"] == [1, 0] and env["wsgi.multiprocess"] is True
    assert env["wsgi.multithread"] is False and env["wsgi.run_once"] is False
    env = tell(client, HTTPS="on", SERVER_NAME="example.org")["env"]
    assert (env["wsgi.url_scheme"], env["SERVER_NAME"], env["SERVER_PORT"]) == \
        ("https", "example.org", "443")
    assert tell(client, REQUEST_SCHEME="https")["env"]["wsgi.url_scheme"] == "https"
    assert tell(client, HTTPS="off")["env"]["wsgi.url_scheme"] == "http"
    env = tell(client, HTTP_CONTENT_LENGTH="7", HTTP_CONTENT_TYPE="a/b", CONTENT_LENGTH="-1")["env"]
    assert not {"HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "CONTENT_LENGTH"} & set(env)


PLACES = [  # what was sent, and SCRIPT_NAME, PATH_INFO
    ({"SCRIPT_NAME": "/tell/x"}, ("", "/tell/x")),
    ({"SCRIPT_NAME": "", "PATH_INFO": "/tell"}, ("", "/tell")),
    ({"SCRIPT_NAME": "/app", "PATH_INFO": "/tell"}, ("/app", "/tell")),
    ({"SCRIPT_NAME": "/app", "PATH_INFO": ""}, ("/app", "")),
    ({"SCRIPT_NAME": "", "PATH_INFO": ""}, ("", "/")),
    ({"SCRIPT_NAME": "/", "PATH_INFO": "/tell"}, ("", "/tell")),
    ({"SCRIPT_NAME": "/", "PATH_INFO": "tell"}, ("", "/tell")),
    ({"SCRIPT_NAME": "/tell", "PATH_INFO": "/tell", "REQUEST_URI": "/tell?a=/b"}, ("", "/tell")),
    ({"SCRIPT_NAME": "/tell", "PATH_INFO": "/tell", "REQUEST_URI": "/t%65ll/tell"},
     ("/tell", "/tell")),
    ({"SCRIPT_NAME": "/app", "SERVER_SOFTWARE": "lighttpd/1.4.69"}, ("/app", "")),
    ({"SCRIPT_NAME": "/", "SERVER_SOFTWARE": "lighttpd/1.4.69"}, ("", "/")),
    ({"SCRIPT_NAME": "/tell", "PATH_INFO": "/b", "DOCUMENT_ROOT": "/srv",
      "SCRIPT_FILENAME": "proxy:fcgi://localhost/srv/tell"}, ("", "/tell/b")),
    ({"SCRIPT_NAME": "/tell", "PATH_INFO": "/tell", "DOCUMENT_ROOT": "/srv",
      "REQUEST_URI": "/tell/tell",
      "SCRIPT_FILENAME": "proxy:fcgi://localhost/srv/tell"}, ("", "/tell/tell")),
    ({"SCRIPT_NAME": "/tell", "PATH_INFO": "/b", "DOCUMENT_ROOT": "/srv",
      "SCRIPT_FILENAME": "proxy:fcgi://localhost/b"}, ("/tell", "/b")),
]


def places(client, sent):
    """Where an application finds itself, for each of these parameters."""
    found = []
    for one in sent:
        # Those that a web server would not send are not in params() of the tests either.
        whole = {**params(), "REQUEST_URI": "/", "SCRIPT_FILENAME": "/srv/x", **one}
        client.send(begin(), stream(PARAMS, 1, pairs(whole)), stream(STDIN, 1, b""))
        env = json.loads(client.answer().body)["env"]
        found.append((env["SCRIPT_NAME"], env["PATH_INFO"]))
    return found


def test_script_name_and_path_info(client):
    assert places(client, [sent for sent, _ in PLACES]) == [right for _, right in PLACES]


def test_script_name_that_is_told(env):
    sent = [{"SCRIPT_NAME": "/app/x"}, {"SCRIPT_NAME": "/app"}, {"SCRIPT_NAME": "/application"},
            {"SCRIPT_NAME": "/app", "PATH_INFO": "/x"}, {"SCRIPT_NAME": "", "PATH_INFO": "/app/x"}]
    with Alone(env, "--script-name", "/app/").client(timeout=20 * SLOW) as c:
        rests = ("/x", "", "/application", "/x", "/x")
        assert places(c, sent) == [("/app", rest) for rest in rests]


@pytest.mark.parametrize("how", ["read", "readline", "lines", "readlines"])
def test_body(client, how):
    """Each way to read it, of each size; with CONTENT_LENGTH and without; records of any size."""
    for size in (0, 1, 5000, 200_000, 1_000_000):
        body = (b"line %d\n" % size * (size // 8 + 1))[:size]
        right = f"{size} {hashlib.sha1(body).hexdigest()}"
        # A length of 0 is one, too.
        for more in ({}, {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}):
            answer = ask(client, "digest", how, body=body, method="POST", **more)
            assert answer.body.decode().rpartition(" ")[0] == right, bytes(answer.stderr)
    lines = answer.body.decode().split()[2]
    assert how == "read" or int(lines) == body.count(b"\n") + 1
    for size, padding in ((1, 0), (7, 255), (4096, 8)):
        client.send(begin(), stream(PARAMS, 1, pairs(params("POST", "/digest", how, 3000)), size,
                                    padding),
                    stream(STDIN, 1, body[:3000], size, padding))
        assert client.answer().body.split()[:2] == [
            b"3000", hashlib.sha1(body[:3000]).hexdigest().encode()]


def test_body_ends_at_its_length(client):
    """What is sent beyond CONTENT_LENGTH is not of this request."""
    for size in (10, 300_000):
        sha = hashlib.sha1(b"b" * (size - 5)).hexdigest()
        answer = ask(client, "digest", "read", body=b"b" * size, CONTENT_LENGTH=str(size - 5))
        assert answer.body.decode().startswith(f"{size - 5} {sha}")


def test_body_that_is_not_read(client):
    """The next request is served on the same connection."""
    for size in (10, 1_000_000):
        assert ask(client, "hello", body=b"x" * size).body == b"hello\n"
        assert tell(client)["env"]["QUERY_STRING"] == ""


@pytest.mark.parametrize("query", ["100096", "20*65536", "3*1048576"])
@pytest.mark.parametrize("path", ["large", "blocks", "write"])
def test_large_answers(client, path, query):
    count, _, size = query.rpartition("*")
    body = bytes(range(256)) * (int(size) // 256) * int(count or 1)
    answer = ask(client, path, query)
    assert answer.body == body + (b"end" if path == "write" else b"")
    assert ask(client, "hello").status == 200


def test_file_wrapper(client):
    answer = ask(client, "file")
    assert answer.body == b"file\n" * 100000
    assert max(len(r.content) for r in answer.records) > 60000, "its own blocks are 100 bytes"


def test_errors(client):
    """Lines as they come, in order with the answer; a rest at its end."""
    answer = ask(client, "errors")
    assert [(r.kind, bytes(r.content)) for r in answer.records if r.kind == STDERR] == [
        (STDERR, b"one line\n"), (STDERR, "caf\u00e9 ".encode()), (STDERR, b"rest")]
    assert answer.body == b"written\n"


def test_blocks_are_not_held_back(client, env):
    """A block is sent before the next one is asked for."""
    client.start(uri="/slow", query="until=" + env.dir + "/go")
    assert client.take().content.endswith(b"first\n")
    with open(env.dir + "/go", "wb"):
        assert client.answer().body.endswith(b"first\nsecond\n")


def test_late_start(client):
    assert ask(client, "late").body == b"late\n"
    assert ask(client, "replaced").status == 418


def test_head_and_statuses_without_a_body(client):
    for method in ("HEAD", "GET"):
        answer = ask(client, "head", method=method)
        assert answer.header["content-length"] == "5"
        assert answer.body == (b"" if method == "HEAD" else b"12345")
    for status in ("204 No Content", "304 Not Modified", "404 None"):
        answer = ask(client, "status", status.replace(" ", "_"))
        assert answer.header["status"] == status
        assert answer.body == (b"body\n" if status[0] == "4" else b"")
        assert answer.protocol_status == REQUEST_COMPLETE
    assert ask(client, "head_body", "200_OK", method="HEAD").body == b""
    for status in ("204_No", "304_No"):
        assert ask(client, "head_body", status).body == b""
    assert ask(client, "raises", method="HEAD").body == b""


@pytest.mark.parametrize("path,said", [
    ("raises", "RuntimeError: raised before"), ("raises_after", "raised after start_response"),
    ("exits", "SystemExit: 3"), ("no_start", "start_response() was not called"),
    ("twice", "a second time"), ("text", "TypeError"), ("bad_header", "control character"),
    ("length?7", "shorter than Content-Length by 1"), ("length?x", "ValueError")])
def test_failure_is_a_500(client, path, said):
    """With a traceback in the error output; and the worker lives on."""
    path, _, query = path.partition("?")
    answer = ask(client, path, query)
    assert answer.status == 500 and answer.body == b"Internal Server Error\n"
    assert said in answer.stderr.decode() and answer.stderr.startswith(b"Traceback")
    assert answer.protocol_status == REQUEST_COMPLETE
    assert ask(client, "hello").status == 200


@pytest.mark.parametrize("path,begun", [
    ("raises_late", b"begun\n"), ("raises_again", b"begun\n"), ("lengths?7", b"abcdef")])
def test_failure_in_the_body_is_no_end(any_alone, path, begun):
    path, _, query = path.partition("?")
    with any_alone.client() as c:
        answer = ask(c, path, query)
        assert answer.status == 200 and answer.body == begun
        assert answer.protocol_status == OVERLOADED
        assert b"Traceback" in answer.stderr
        assert c.at_end()
    with any_alone.client() as c:
        assert ask(c, "hello").status == 200


def test_after_the_end(client, alone):
    """What is more than Content-Length; close(), and what it raises."""
    for path in ("length", "lengths"):
        answer = ask(client, path, "4")
        assert answer.body == b"abcd" and b"more than Content-Length" in answer.stderr
    assert ask(client, "lengths", "3").body == b"abc"
    wait_for(lambda: "goes on after Content-Length" in alone.said(), 5 * SLOW)
    before = tell(client)["closed"]
    for path, query in (("blocks", "3*256"), ("lengths", "6"), ("lengths", "3")):
        ask(client, path, query)
    assert tell(client)["closed"] == before + 3
    assert ask(client, "raises_in_close").body == b"whole\n"
    wait_for(lambda: "RuntimeError: raised in close" in alone.said(), 5 * SLOW)
    assert ask(client, "hop").header.keys() == {"status", "content-type", "content-length"}


def test_client_that_leaves(any_alone):
    """The iterable is closed, and the next connection is served."""
    for _ in range(3):
        c = any_alone.client()
        c.start(uri="/blocks", query="1000*65536")
        c.take()
        c.close()
    with any_alone.client() as c:
        assert tell(c)["closed"] == 3
    c = any_alone.client()  # in the middle of its body
    c.send(begin(), stream(PARAMS, 1, pairs(params("POST", "/digest", body_length=1_000_000))),
           stream(STDIN, 1, b"x" * 300_000, end=False))
    c.close()
    c = any_alone.client()  # given up
    c.send(begin(), stream(PARAMS, 1, pairs(params("POST", "/digest", body_length=1_000_000))),
           stream(STDIN, 1, b"x" * 300_000, end=False), record(ABORT, 1))
    assert c.at_end() or c.answer().status == 500
    c.close()
    with any_alone.client() as c:
        assert ask(c, "hello").status == 200


def test_connection(any_alone):
    """Kept only where that is asked for; ids; a second request in the midst of one; roles."""
    with any_alone.client() as c:
        assert ask(c, "hello", flags=0).status == 200
        assert c.at_end()
    with any_alone.client() as c:
        assert ask(c, "hello", request_id=65535).status == 200
        c.send(begin(7), begin(8), stream(PARAMS, 8, b""),
               stream(PARAMS, 7, pairs(params(uri="/hello"))), stream(STDIN, 7, b""))
        assert c.answer(8).protocol_status == CANT_MPX_CONN
        assert c.answer(7).status == 200
        c.send(begin(9, role=3))
        assert c.answer(9).protocol_status == UNKNOWN_ROLE
        c.send(begin(2), record(ABORT, 2))
        assert c.answer(2).protocol_status == REQUEST_COMPLETE
        c.send(record(STDIN, 3, b"of no request"), record(PARAMS, 3), record(PARAMS, 0))
        assert c.management().kind == UNKNOWN_TYPE
        assert ask(c, "hello").status == 200
        c.send(record(BEGIN, 1, version=2))
        assert c.at_end()
    with any_alone.client() as c:
        c.send(begin(), record(PARAMS, 1, b"\x05\x7fcut"), record(PARAMS, 1))
        assert c.at_end()


@pytest.mark.parametrize("takes,args", [
    (1, []), (3, ["--threads", "3"]), (2, ["--ahead"])])
def test_values(env, takes, args):
    """Asked between requests, and in the midst of one."""
    asked = pair("FCGI_MAX_CONNS", "") + pair("FCGI_MAX_REQS", "") + pair("FCGI_MPXS_CONNS", "") \
        + pair("OTHER", "")
    right = [("FCGI_MAX_CONNS", str(takes)), ("FCGI_MAX_REQS", str(takes)),
             ("FCGI_MPXS_CONNS", "0")]
    with Alone(env, *args).client(timeout=20 * SLOW) as c:
        for parts in ((), (begin(),)):
            c.send(*parts, record(GET_VALUES, 0, asked), record(42, 0))
            said = c.management()
            assert said.kind == GET_VALUES_RESULT and parse_pairs(said.content) == right
            said = c.management()
            assert said.kind == UNKNOWN_TYPE and said.content[0] == 42
        c.send(stream(PARAMS, 1, pairs(params(uri="/tell"))), stream(STDIN, 1, b""))
        assert json.loads(c.answer().body)["env"]["wsgi.multithread"] is (takes == 3)


def test_threads(env):
    """Two requests at once; a third connection is accepted only when one is free."""
    alone = Alone(env, "--threads", "2")
    clients = [alone.client(timeout=20 * SLOW) for _ in range(3)]
    for c in clients[:2]:
        c.start(uri="/meet")
    names = {bytes(c.answer().body) for c in clients[:2]}
    assert names == {b"anyfpm-0", b"anyfpm-1"}
    # Both are kept: each is read by its own thread, and nobody reads the third.
    assert [ask(c, "hello").status for c in clients[:2] * 2] == [200] * 4
    clients[2].start(uri="/hello")
    clients[2].sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        clients[2].take()
    clients[0].close()
    clients[2].sock.settimeout(20 * SLOW)
    assert clients[2].answer().status == 200
    for c in clients:
        c.close()


def test_ahead(env):
    """One thread, two connections: the request on one waits for that on the other, and for no more
    than that; a third connection is accepted only when one is free."""
    alone = Alone(env, "--ahead")
    clients = [alone.client(timeout=20 * SLOW) for _ in range(3)]
    one, other, third = clients
    for c in (one, other, one, other):
        assert tell(c)["env"]["wsgi.multithread"] is False
    # Nobody waits for what is no request, or is behind one.
    for records in ((record(GET_VALUES, 0),), (record(STDIN, 3, b"of no request"),),
                    (begin(9, role=3),), (begin(8), record(ABORT, 8))):
        other.send(*records)
        assert ask(one, "hello").status == 200
    assert ask(other, "hello").status == 200
    for c in (one, other):
        c.start(uri="/slow", query="0.2")
    assert [c.answer().body for c in (other, one)] == [b"first\nsecond\n"] * 2
    # Two at once on a connection, one behind the other.
    one.start(uri="/hello")
    one.start(uri="/tell")
    assert one.answer().body == b"hello\n" and json.loads(one.answer().body)["env"]
    third.start(uri="/hello")
    third.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        third.take()
    assert alone.threads() == 1
    one.close()
    third.sock.settimeout(20 * SLOW)
    assert third.answer().status == 200 and ask(other, "hello").status == 200
    for c in clients:
        c.close()


def test_sigterm_with_one_ahead(env):
    """The request that has come is answered, too."""
    alone = Alone(env, "--ahead")
    with alone.client(timeout=20 * SLOW) as one, alone.client(timeout=20 * SLOW) as other:
        assert [ask(c, "hello").status for c in (one, other)] == [200, 200]
        one.start(uri="/slow", query="0.5")
        one.take()
        other.start(uri="/hello")
        alone.process.send_signal(signal.SIGTERM)
        assert one.answer().body == b"first\nsecond\n"
        assert other.answer().body == b"hello\n"
        assert one.at_end() and other.at_end()
    assert alone.process.wait(10 * SLOW) == 0


WAYS = [["--threads", "1"], ["--threads", "2"], ["--ahead"]]


@pytest.mark.parametrize("args", WAYS)
def test_sigterm(env, args):
    """What runs is finished, what is idle ends; with exit code 0."""
    for busy in (False, True):
        alone = Alone(env, *args)
        with alone.client(timeout=20 * SLOW) as c:
            ask(c, "hello")
            if busy:
                c.start(uri="/slow", query="0.5")
                c.take()
            alone.process.send_signal(signal.SIGTERM)
            if busy:
                assert c.answer().body == b"first\nsecond\n"
            assert c.at_end()
        assert alone.process.wait(10 * SLOW) == 0


@pytest.mark.parametrize("args", WAYS)
def test_sigterm_without_a_connection(env, args):
    alone = Alone(env, *args)
    with alone.client() as c:
        assert ask(c, "hello").status == 200
    alone.process.send_signal(signal.SIGTERM)
    assert alone.process.wait(10 * SLOW) == 0


@pytest.mark.parametrize("args,said", [
    (["none_such"], "No module named 'none_such'"), (["wsgiapp:none"], "wsgiapp has no none"),
    (["wsgiapp:BAD"], "not callable"), (["wsgiapp", "--threads", "0"], "at least 1"),
    (["wsgiapp", "--ahead", "--threads", "2"], "goes with one thread"),
    (["wsgiapp", "--chdir", "/none/such"], "--chdir /none/such: No such file"),
    (["wsgiapp", "--hooks", "/none/such"], "--hooks /none/such: No such file"),
    (["/none/such.py"], "/none/such.py: No such file"),
    (["wsgiapp", "--script-name", "app"], "begins with a slash")])
def test_refused(env, args, said):
    alone = Alone(env, *args[1:], application=args[0])
    assert alone.process.wait(20 * SLOW) != 0
    assert said in alone.said()
    alone.stopped = True
