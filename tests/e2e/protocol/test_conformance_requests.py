"""The FastCGI specification, row by row: requests, roles and workers (rows 14 to 28)."""

import json
import os
import signal
import socket
import time

from accesslog import read, taken_in
from conformance import echoed, still_serves, whole
import fcgi
from fcgi import Client, begin, pair, pairs, params, record, stream
import pytest


@pytest.mark.parametrize("role", [0, 4, 65535])
def test_row_14_unknown_role(client, role):
    """END_REQUEST with FCGI_UNKNOWN_ROLE, and the connection goes on."""
    client.send(begin(3, role=role))
    answer = client.answer(3)
    assert answer.protocol_status == fcgi.UNKNOWN_ROLE
    echoed(client.request(3))


def test_row_15_second_begin_for_an_active_id(client):
    """It is an error of that id alone: another request on the connection is not harmed."""
    client.send(begin(1), record(fcgi.PARAMS, 1, pairs(params())))
    client.start(2, query="do=slow&ms=300")
    client.send(begin(1))
    answer = client.answer(1)
    assert answer.protocol_status != fcgi.REQUEST_COMPLETE or answer.status >= 400
    assert client.answer(2).status == 200
    echoed(client.request(1))


def test_row_15_begin_before_the_end_is_read(odd):
    """One that reuses an id without waiting for its END_REQUEST is told so, and does not hang."""
    server = odd(options={"pm.max_children": 2})
    with Client(server.address) as c:
        c.start(1, query="do=slow&ms=60000")
        taken_in(c)
        c.send(record(fcgi.ABORT, 1), begin(1), stream(fcgi.PARAMS, 1, pairs(params())),
               stream(fcgi.STDIN, 1, b""))
        assert c.answer(1).protocol_status == fcgi.REQUEST_COMPLETE
        assert c.answer(1).protocol_status == fcgi.CANT_MPX_CONN
        echoed(c.request(1))


def test_row_15_begin_again_and_again(odd):
    """One that does so for ever, and reads nothing, is cut off: its refusals take memory."""
    server = odd(options={"pm.max_children": 1})
    with Client(server.address) as c:
        c.start(1, query="do=large&bytes=900000")  # more than the socket takes
        still_serves(server)  # by the same worker: it has ended its answer
        with pytest.raises(ConnectionError):
            for _ in range(200):
                c.sock.sendall(begin(1) * 100)
    still_serves(server)


def test_row_16_no_room(odd):
    """A full queue answers at once, and never with silence."""
    server = odd(options={"pm.max_children": 1, "request_queue_limit": 1})
    with Client(server.address) as c:
        c.send(whole(1, query="do=slow&ms=3000"), whole(2))
        taken_in(c)
        c.start(3)
        answer = c.answer(3)
        assert not c.answers, "not when the worker was done"
        assert answer.status == 503 or answer.protocol_status == fcgi.OVERLOADED
        assert c.answer(1).status == 200
        assert c.answer(2).status == 200


@pytest.mark.parametrize("policy", ["finish", "terminate"])
def test_row_17_abort_request(odd, policy):
    """ABORT_REQUEST ends the request soon, and the worker serves the next one."""
    server = odd(options={"pm.max_children": 1, "request_client_abort": policy})
    with Client(server.address) as c:
        pid = echoed(c.request())["pid"]
        c.start(5, query="do=slow&ms=6000")
        taken_in(c)
        started = time.monotonic()
        c.send(record(fcgi.ABORT, 5))
        c.answer(5)
        assert time.monotonic() - started < 4, "not when the worker was done"
        got = echoed(c.request(6))
        assert (got["pid"] == pid) == (policy == "finish")


def test_row_17_abort_before_the_request_is_whole(client):
    """A request that no worker has seen yet can be aborted too; the id is free again."""
    client.send(begin(4), record(fcgi.PARAMS, 4, pairs(params())), record(fcgi.ABORT, 4))
    client.answer(4)
    echoed(client.request(4))


@pytest.mark.parametrize("catch", ["yes", "no"])
def test_row_18_stderr(odd, catch):
    """STDERR goes to the client between STDOUT; catch_workers_output copies it to the log."""
    server = odd(options={"catch_workers_output": catch})
    with Client(server.address) as c:
        answer = c.request(query="do=stderr")
        assert bytes(answer.stderr) == b"first complaint\nsecond complaint\n"
        assert answer.body == b"hello\n"
        c.request()
    if catch == "yes":
        server.wait_log(r'said into stderr: "first complaint"')
        server.wait_log(r'said into stderr: "second complaint"')
        server.wait_log(r'said into stderr: "plain words on descriptor 2"')
    else:
        assert "first complaint" not in server.log()


def test_row_19_end_request(client):
    """One END_REQUEST after the streams; appStatus passes, reserved bytes are zero."""
    answer = client.request(query="do=status")
    kinds = [rec.kind for rec in answer.records]
    assert kinds.count(fcgi.END) == 1 and kinds[-1] == fcgi.END
    assert answer.app_status == 0x01020304
    assert answer.protocol_status == fcgi.REQUEST_COMPLETE
    assert len(answer.records[-1].content) == 8
    assert answer.reserved == bytes(3)


@pytest.mark.parametrize("do", ["hello", "crash", "stderr", "empty"])
def test_row_19_reserved_bytes_of_errors_too(client, do):
    """Also where the answer is our own."""
    answer = client.request(query=f"do={do}")
    assert [rec.kind for rec in answer.records].count(fcgi.END) == 1
    assert answer.reserved == bytes(3)


def test_row_20_output_before_the_input_has_ended(odd):
    """A streamed body: the answer starts while the client still sends."""
    server = odd("early", {"request_buffer_size": "16K"})
    size = 1 << 20
    with Client(server.address) as c:
        c.send(begin(), stream(fcgi.PARAMS, 1, pairs(params("POST", body_length=size))))
        c.send(stream(fcgi.STDIN, 1, b"b" * (size // 2), end=False))
        while b"early\n" not in bytes(c.answers.get(1, fcgi.Answer()).stdout):
            c.take()
        c.send(stream(fcgi.STDIN, 1, b"b" * (size // 2)))
        assert c.answer().body == b"early\n%d\n" % size


@pytest.mark.parametrize("announced,sent", [("100", 10), ("0", 10), ("", 10), ("10", 0),
                                            ("not a number", 10), ("99999999999999999999", 3)])
def test_row_21_length_and_body_pass_unchanged(client, announced, sent):
    """CONTENT_LENGTH and STDIN may differ; the worker sees both as they came."""
    values = params("POST")
    values["CONTENT_LENGTH"] = announced
    client.send(begin(), stream(fcgi.PARAMS, 1, pairs(values)),
                stream(fcgi.STDIN, 1, b"s" * sent))
    got = echoed(client.answer())
    assert got["params"]["CONTENT_LENGTH"] == announced
    assert got["length"] == sent


@pytest.mark.parametrize("allow,status", [("yes", 200), ("no", 403)])
@pytest.mark.parametrize("stdin", [True, False], ids=["empty STDIN", "no STDIN"])
def test_row_22_authorizer(odd, allow, status, stdin):
    """An authorizer may get no STDIN at all; Variable- headers pass."""
    server = odd("authorize")
    with Client(server.address) as c:
        for request_id in (1, 2):
            c.send(begin(request_id, fcgi.AUTHORIZER),
                   stream(fcgi.PARAMS, request_id, pairs(params(query=f"allow={allow}"))),
                   record(fcgi.STDIN, request_id) if stdin else b"")
            answer = c.answer(request_id)
            assert answer.status == status
            if allow == "yes":
                assert answer.header["variable-auth_method"] == "demo"


def test_row_23_filter(odd):
    """A filter gets STDIN, then FCGI_DATA."""
    server = odd("filter")
    with Client(server.address) as c:
        answer = c.request(role=fcgi.FILTER, body=b"body", data=b"the file",
                           FCGI_DATA_LENGTH="8", FCGI_DATA_LAST_MOD="0")
        assert answer.body == b"THE FILEbody"
        answer = c.request(role=fcgi.FILTER, body=b"", data=b"")
        assert answer.status == 200 and answer.body == b""
        big = bytes(range(97, 123)) * 10000
        assert c.request(role=fcgi.FILTER, data=big).body == big.upper()


def test_row_24_what_a_worker_inherits(client, server):
    """The listening socket on 0, something on 1 and 2, and no other descriptor."""
    got = json.loads(client.request(query="do=self").body)
    assert got["fds"] == [0, 1, 2]
    assert got["listening"] == 1
    assert got["pgid"] == got["pid"]
    assert got["ppid"] == server.pool()
    assert got["blocked"] == 0
    assert got["ignored"] & ~(1 << 12 | 1 << 24) == 0  # python itself ignores PIPE and XFSZ


@pytest.mark.parametrize("do,level,line", [
    ("do=exit-after&code=0", "(DEBUG|NOTICE)", r"exited with code 0 after [0-9.]+ seconds"),
    ("do=exit-after&code=5", "WARNING", r"exited with code 5 after [0-9.]+ seconds"),
    ("do=segv", "WARNING", r"exited on signal 11 \(SIGSEGV"),
])
def test_row_25_exit_zero_is_intended(odd, do, level, line):
    """Exit 0 is quiet, anything else is a crash; the log tells them apart."""
    server = odd()
    with Client(server.address) as c:
        c.request(query=do)
        server.wait_log(level + r": \[pool www\] child \d+ " + line)
        assert c.request().status == 200


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGQUIT], ids=lambda s: s.name)
def test_row_25_sigterm_before_sigkill(odd, env, sig):
    """A worker that is stopped gets SIGTERM and time to act on it."""
    note = env.dir + "/pub/note"
    server = odd("notes-term", {"pm.max_children": 2}, args=(note,))
    for _ in range(3 if sig == signal.SIGTERM else 1):  # there it has half a second, not ten
        workers = server.wait_workers(2)
        server.stop(sig)
        noted = sorted(read(note).decode().split())
        if noted == sorted(str(word) for w in workers for word in (w, "SIGTERM")):
            return
        if noted:
            os.unlink(note)
        server.start()
    pytest.fail(f"workers {workers}, and the note is {noted}")


@pytest.mark.parametrize("kind", [0, 11, 12, 200, 255])
def test_row_26_unknown_record_on_an_active_id(client, kind):
    """Unknown application records are skipped; parameters and body survive."""
    values = pairs(params("POST", body_length=4))
    odd_record = record(kind, 1, b"mystery", 3)
    client.send(begin(), odd_record, record(fcgi.PARAMS, 1, values[:5]), odd_record,
                record(fcgi.PARAMS, 1, values[5:]), record(fcgi.PARAMS, 1), odd_record,
                record(fcgi.STDIN, 1, b"body"), odd_record, record(fcgi.STDIN, 1))
    got = echoed(client.answer())
    assert got["body"] == "body" and got["params"]["REQUEST_METHOD"] == "POST"


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\x02",
                                  b"\xff" * 64, bytes(64)],
                         ids=["HTTP", "TLS", "ones", "zeros"])
def test_row_27_garbage_closes(odd, junk):
    """Garbage closes the connection, binds no worker and does not flood the log."""
    server = odd(options={"pm.max_children": 1})
    lines = len(server.log().splitlines())
    for _ in range(200):
        with Client(server.address) as c:
            try:
                c.send(junk)
                c.sock.shutdown(socket.SHUT_WR)
            except (OSError, fcgi.Closed):
                pass
            assert c.at_end()
    still_serves(server)
    assert len(server.log().splitlines()) - lines < 50


def test_row_28_workers_get_normal_form(odd):
    """BEGIN with KEEP_CONN, an id of its own, whole pairs, records that every library accepts, no more."""
    server = odd(options={"pm.max_children": 1})
    values = params("POST", body_length=200000, BIG="x" * 60000, BIGGER="y" * 60000, LAST="z")
    with Client(server.address) as c:
        for request_id in (77, 60000):
            c.send(record(fcgi.GET_VALUES, 0, pair("FCGI_MAX_REQS", "")),
                   begin(request_id), stream(fcgi.PARAMS, request_id, pairs(values), 999, 200),
                   record(fcgi.GET_VALUES, 0, pair("FCGI_MAX_REQS", "")),
                   stream(fcgi.STDIN, request_id, b"b" * 200000, 65535, 255))
            got = echoed(c.answer(request_id))
            assert got["flags"] & fcgi.KEEP_CONN
            assert got["params_whole"]
            assert got["params"]["BIGGER"] == "y" * 60000 and got["params"]["LAST"] == "z"
            assert got["length"] == 200000
            kinds = [r[1] for r in got["records"]]
            assert kinds == sorted(kinds) and kinds.count(fcgi.BEGIN) == 1
            for version, kind, seen_id, size, padding in got["records"]:
                assert version == 1 and seen_id == 1
                assert kind in (fcgi.BEGIN, fcgi.PARAMS, fcgi.STDIN)
                assert size + padding <= 65535
        ids = [echoed(c.request())["records"][0][2] for _ in range(2)]
        assert ids[1] == ids[0] + 1, "the connection to the worker is kept"


def test_row_28_httpoxy(client):
    """HTTP_PROXY never reaches a worker."""
    got = echoed(client.request(HTTP_PROXY="http://evil/", HTTP_PROXYX="kept"))
    assert "HTTP_PROXY" not in got["params"]
    assert got["params"]["HTTP_PROXYX"] == "kept"


def test_many_requests_of_one_connection_run_side_by_side(odd):
    """Multiplexed requests each go to a worker of their own, and finish in any order."""
    server = odd(options={"pm.max_children": 4})
    server.wait_workers(4)
    with Client(server.address) as c:
        for i, ms in ((1, 3000), (2, 100), (3, 1500), (4, 50)):
            c.start(i, query=f"do=slow&ms={ms}")
        order = []
        while len(order) < 4:
            rec = c.take()
            if rec.kind == fcgi.END:
                order.append(rec.request_id)
        assert order[-1] == 1 and order[-2] == 3, order
        assert all(a.status == 200 for a in c.answers.values())


def test_a_stalled_body_holds_up_nobody(odd):
    """One id stops in the middle of its large body; others on that connection go on."""
    server = odd(options={"pm.max_children": 2})
    size = 3 << 20
    with Client(server.address) as c:
        c.send(begin(1), stream(fcgi.PARAMS, 1, pairs(params("POST", body_length=size))),
               stream(fcgi.STDIN, 1, b"1" * (size - 5), end=False))
        for i in range(2, 22):
            assert echoed(c.request(i, body=b"2" * 1000))["length"] == 1000
        c.send(stream(fcgi.STDIN, 1, b"1" * 5))
        assert echoed(c.answer(1))["length"] == size
