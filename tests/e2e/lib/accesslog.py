"""What the tests of the access log share: a format, and the lines of a log."""

import collections

import fcgi
from servers import wait_for

ENDS = '%n|%p|%m|%r|%s|%x|%{detail}x|%w|%d|%k|%B|%I'

End = collections.namedtuple("End", "pool pid method uri status end detail wait duration number "
                                    "sent received")


def log_of(env, name="www"):
    return f"{env.dir}/{name}.access.log"


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


def lines(path, count):
    """Wait for so many lines; it is an error when there are more."""
    wait_for(lambda: read(path).count(b"\n") >= count, 10, f"{count} lines in {path}")
    out = read(path).decode("utf-8").split("\n")
    assert out[-1] == "" and len(out) == count + 1, out
    return out[:-1]


def ends(env, count):
    return [End(*line.split("|")) for line in lines(log_of(env), count)]


def taken_in(client):
    """Wait until all that the client has sent was read."""
    client.send(fcgi.record(fcgi.GET_VALUES, 0, fcgi.pairs({"FCGI_MPXS_CONNS": ""})))
    client.management()
