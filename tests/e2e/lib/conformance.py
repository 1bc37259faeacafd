"""What the tests of the specification share: ordinary requests and the worker's report of them."""

import json

import fcgi
from fcgi import Client, begin, pairs, params, stream


def echoed(answer):
    assert answer.status == 200, (bytes(answer.stdout[:500]), answer.protocol_status)
    assert answer.protocol_status == fcgi.REQUEST_COMPLETE
    return json.loads(answer.body)


def whole(request_id=1, flags=fcgi.KEEP_CONN, body=b"", **more):
    """The bytes of an ordinary request."""
    return (begin(request_id, flags=flags)
            + stream(fcgi.PARAMS, request_id, pairs(params(body_length=len(body), **more)))
            + stream(fcgi.STDIN, request_id, body))


def still_serves(server):
    with Client(server.address) as c:
        assert c.request().status == 200
