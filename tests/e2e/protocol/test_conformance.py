"""The FastCGI specification, row by row: records, streams and connections (rows 1 to 13).

Tests are named after the rows of the project's conformance list: row_NN_subject. The client here
writes raw records; the worker reports the records that reached it.
"""

import struct

from conformance import echoed, still_serves, whole
import fcgi
from fcgi import Client, begin, pair, pairs, params, record, stream
import pytest


@pytest.mark.parametrize("version", [0, 2, 255])
def test_row_01_another_version_closes(server, client, version):
    """Version 1 only; with another one nothing that follows can be trusted."""
    client.send(record(fcgi.BEGIN, 1, struct.pack("!HB5x", 1, 1), version=version))
    assert client.at_end()
    still_serves(server)


@pytest.mark.parametrize("size,padding", [(0, 255), (1, 255), (65535, 0), (65535, 1),
                                          (65535, 255), (65281, 255), (65280, 255)])
@pytest.mark.parametrize("kind", [fcgi.PARAMS, fcgi.STDIN])
def test_row_02_content_and_padding_of_any_size(client, kind, size, padding):
    """Content and padding together may exceed 65,535: a 16-bit sum would wrap."""
    body, values = b"", params()
    if kind == fcgi.STDIN:
        body = bytes(i % 251 for i in range(size))
        values = params("POST", body_length=size)
    else:
        used = len(pairs(values))
        if size - used > 140:  # name-value pairs of exactly `size` bytes
            values["FILLER"] = "f" * (size - used - 6 - (5 if size - used > 133 else 2))
    block = pairs(values)
    if kind == fcgi.PARAMS and size == 65535:
        assert len(block) == size
    parts = [begin(), record(fcgi.PARAMS, 1, block, padding if kind == fcgi.PARAMS else 0),
             record(fcgi.PARAMS, 1)]
    if body:
        parts.append(record(fcgi.STDIN, 1, body, padding))
    client.send(*parts, record(fcgi.STDIN, 1, padding=padding))
    got = echoed(client.answer())
    assert got["length"] == len(body)
    assert got["body"].encode("latin-1") == body
    for name, value in values.items():
        assert got["params"][name] == value


def test_row_02_padding_on_management_and_begin(client):
    """Padding of 255 on BEGIN, GET_VALUES and an unknown management type."""
    client.send(record(fcgi.GET_VALUES, 0, pair("FCGI_MAX_REQS", ""), 255))
    assert client.management().kind == fcgi.GET_VALUES_RESULT
    client.send(record(99, 0, b"x" * 65535, 255))
    assert client.management().kind == fcgi.UNKNOWN_TYPE
    client.send(begin(padding=255), stream(fcgi.PARAMS, 1, pairs(params())),
                stream(fcgi.STDIN, 1, b""))
    echoed(client.answer())


def test_row_02_worker_sends_the_largest_record(client):
    """A worker's record with 65,535 bytes of content and 255 of padding arrives whole."""
    answer = client.request(query="do=big-record")
    head, _, body = bytes(answer.stdout).partition(b"\r\n\r\n")
    assert body == b"x" * (65535 - len(head) - 4) + b"y" * 65535


def test_row_03_padding_is_ignored_and_sent(client):
    """Padding bytes never become content; what we send is padded to 8 bytes."""
    client.send(begin(padding=7), stream(fcgi.PARAMS, 1, pairs(params("POST", body_length=9)),
                                         size=5, padding=3),
                stream(fcgi.STDIN, 1, b"nine byte", size=2, padding=5))
    answer = client.answer()
    assert echoed(answer)["body"] == "nine byte"
    for query in ("", "do=tiny-records", "do=stderr", "do=crash"):
        answer = client.request(query=query)
        for rec in answer.records:
            assert (len(rec.content) + rec.padding) % 8 == 0, (query, rec, rec.padding)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 64])
def test_row_04_pairs_may_span_records(client, size):
    """A pair, even its length bytes, may be cut anywhere by record borders."""
    values = params("POST", body_length=300, LONG="v" * 1000, **{"N" * 200: "long name"})
    client.send(begin(), stream(fcgi.PARAMS, 1, pairs(values), size=size),
                stream(fcgi.STDIN, 1, b"b" * 300, size=size))
    got = echoed(client.answer())
    assert got["length"] == 300
    for name, value in values.items():
        assert got["params"][name] == value


def test_row_04_bytes_may_arrive_one_by_one(client):
    """Nothing depends on how the kernel cuts the stream of bytes."""
    for byte in whole(body=b"slowly"):
        client.send(bytes([byte]))
    assert echoed(client.answer())["body"] == "slowly"


def test_row_05_empty_streams(client):
    """No parameters and no body at all: legal, the worker decides."""
    client.send(begin(), record(fcgi.PARAMS, 1), record(fcgi.STDIN, 1))
    got = echoed(client.answer())
    assert got["length"] == 0
    assert "REQUEST_METHOD" not in got["params"]


@pytest.mark.parametrize("do", ["hello", "no-empty-stdout"])
def test_row_05_stdout_is_closed(client, do):
    """STDOUT ends with exactly one empty record, also when the worker sends none."""
    answer = client.request(query=f"do={do}")
    kinds = [(rec.kind, len(rec.content)) for rec in answer.records]
    assert answer.body == b"hello\n"
    assert kinds.count((fcgi.STDOUT, 0)) == 1
    assert kinds[-1][0] == fcgi.END
    assert kinds.index((fcgi.STDOUT, 0)) == len(kinds) - 2


def test_row_05_empty_answer(client):
    """A worker may end a request without a byte on STDOUT."""
    answer = client.request(query="do=empty")
    assert answer.protocol_status == fcgi.REQUEST_COMPLETE
    assert not answer.stdout or answer.status == 502
    echoed(client.request())


@pytest.mark.parametrize("request_id", [1, 2, 255, 256, 257, 65535])
def test_row_06_ids_are_echoed(client, request_id):
    """Ids from 1 to 65,535 come back in both of their bytes."""
    answer = client.request(request_id)
    echoed(answer)
    assert {rec.request_id for rec in answer.records} == {request_id}


def test_row_07_records_of_an_inactive_id_are_ignored(client):
    """Stray records before a BEGIN or after an END change nothing."""
    stray = (record(fcgi.STDIN, 9, b"stray") + record(fcgi.PARAMS, 9, b"\x7f\x7fstray")
             + record(fcgi.DATA, 9, b"stray") + record(fcgi.ABORT, 9))
    client.send(stray)
    echoed(client.request(1))
    client.send(record(fcgi.STDIN, 1, b"late"), stray)
    assert echoed(client.request(9, body=b"mine"))["body"] == "mine"
    assert not client.answers


def test_row_08_lengths_of_one_and_four_bytes(client):
    """Both forms of a length, the long one also where the short one would do."""
    values = params(EMPTY="", A="v" * 127, B="v" * 128, **{"N" * 127: "x", "M" * 128: "y"})
    for wide in (False, True):
        client.send(begin(), stream(fcgi.PARAMS, 1, pairs(values, wide)), record(fcgi.STDIN, 1))
        got = echoed(client.answer())["params"]
        for name, value in values.items():
            assert got[name] == value


def refused(server, block):
    """The request with these PARAMS is answered with an error or the connection closes."""
    with Client(server.address) as c:
        try:
            c.send(begin(), stream(fcgi.PARAMS, 1, block), record(fcgi.STDIN, 1))
            answer = c.answer()
        except (fcgi.Closed, BrokenPipeError, ConnectionResetError):
            return
        assert answer.status >= 400 or answer.protocol_status != fcgi.REQUEST_COMPLETE, \
            bytes(answer.stdout[:300])


@pytest.mark.parametrize("block", [
    struct.pack("!II", 0xffffffff, 0xffffffff) + b"x" * 100,
    struct.pack("!II", 0x80000001, 0xfffffff0) + b"x" * 100,
    pairs(params()) + b"\x05\x05abc",
    pairs(params()) + b"\x80",
    pairs(params()) + pair("NUL\0NAME", "x"),
    pairs(params()) + pair("EQUALS=NAME", "x"),
], ids=["both lengths huge", "sum wraps", "pair cut", "length cut", "NUL in name", "= in name"])
def test_row_08_malformed_pairs_are_refused(server, block):
    """Lengths that do not fit, and names that could not be an environment variable."""
    refused(server, block)
    still_serves(server)


def test_row_08_parameters_have_a_limit(odd):
    """request_params_limit bounds what one request may make us keep."""
    server = odd(options={"request_params_limit": "64K"})
    refused(server, pairs(params(BIG="x" * 100000)))
    with Client(server.address) as c:
        assert echoed(c.request(BIG="x" * 50000))["params"]["BIG"] == "x" * 50000


def test_row_09_without_keep_conn_we_close(client):
    """KEEP_CONN 0: the connection closes after END_REQUEST."""
    echoed(client.request(flags=0))
    assert client.at_end()


def test_row_09_with_keep_conn_requests_follow(client):
    """KEEP_CONN 1: the next request on the same connection is served."""
    for _ in range(20):
        echoed(client.request())
    echoed(client.request(flags=0))
    assert client.at_end()


def test_row_09_pipelined_requests_are_all_served(client):
    """Requests sent without waiting for answers, ids distinct."""
    client.send(*(whole(i, uri=f"/{i}") for i in range(1, 11)))
    for i in range(1, 11):
        assert echoed(client.answer(i))["params"]["SCRIPT_NAME"] == f"/{i}"


def test_row_10_management_in_the_middle_of_a_request(client):
    """Management records are answered at any time, at once, and disturb nothing."""
    values = pairs(params("POST", body_length=4))
    client.send(begin(), record(fcgi.PARAMS, 1, values[:7]))
    for more in (record(fcgi.PARAMS, 1, values[7:]), record(fcgi.PARAMS, 1),
                 record(fcgi.STDIN, 1, b"body")):
        client.send(record(fcgi.GET_VALUES, 0, pair("FCGI_MPXS_CONNS", "")))
        assert fcgi.parse_pairs(client.management().content) == [("FCGI_MPXS_CONNS", "1")]
        client.send(more)
    client.send(record(fcgi.STDIN, 1))
    assert echoed(client.answer())["body"] == "body"


def test_row_10_management_while_a_worker_runs(odd):
    """GET_VALUES is answered by the pool process, although its only worker is busy."""
    server = odd(options={"pm.max_children": 1})
    with Client(server.address) as c:
        c.start(query="do=slow&ms=3000")
        c.send(record(fcgi.GET_VALUES, 0, pair("FCGI_MAX_REQS", "")))
        c.management()
        assert not c.answers, "not when the worker was done"
        assert c.answer().status == 200


def test_row_11_get_values(client):
    """Known names once each, unknown ones left out, repetitions harmless."""
    names = ["FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"]
    content = b"".join(pair(n, "") for n in names + ["FCGI_NO_SUCH", "x"])
    client.send(record(fcgi.GET_VALUES, 0, content))
    rec = client.management()
    assert rec.kind == fcgi.GET_VALUES_RESULT
    values = fcgi.parse_pairs(rec.content)
    assert sorted(n for n, _ in values) == names
    assert dict(values)["FCGI_MPXS_CONNS"] == "1"
    assert int(dict(values)["FCGI_MAX_CONNS"]) > 0
    assert int(dict(values)["FCGI_MAX_REQS"]) > 0
    client.send(record(fcgi.GET_VALUES, 0, content * 20))
    assert sorted(n for n, _ in fcgi.parse_pairs(client.management().content)) == names
    client.send(record(fcgi.GET_VALUES, 0))
    assert client.management().content == b""
    echoed(client.request())


@pytest.mark.parametrize("kind", [11, 12, 99, 255])
def test_row_12_unknown_management_type(client, kind):
    """FCGI_UNKNOWN_TYPE names the type, and the connection goes on."""
    client.send(record(kind, 0, b"whatever"))
    rec = client.management()
    assert rec.kind == fcgi.UNKNOWN_TYPE
    assert rec.content == bytes([kind]) + bytes(7)
    echoed(client.request())


@pytest.mark.parametrize("size", [0, 7, 9, 16])
def test_row_13_begin_has_eight_bytes(server, client, size):
    """A BEGIN_REQUEST body of any other size is a protocol error."""
    client.send(record(fcgi.BEGIN, 1, (struct.pack("!HB5x", 1, 1) + bytes(8))[:size]))
    assert client.at_end()
    still_serves(server)


def test_row_13_begin_with_id_zero(server, client):
    """Id 0 belongs to management; a request cannot have it."""
    client.send(begin(0))
    assert client.at_end()
    still_serves(server)
