"""What a WSGI application can do, well and badly: the path says what. The good ones are watched by
wsgiref.validate, the bad ones are what it would refuse."""

import hashlib
import io
import json
import os
import sys
import threading
import time
import warnings
from urllib.parse import parse_qs
from wsgiref.validate import WSGIWarning, validator

warnings.simplefilter("error", WSGIWarning)
TEXT = [("Content-Type", "text/plain")]
leaked, closed = [], []


class Blocks:
    """An iterable of blocks that notes its close()."""

    def __init__(self, blocks):
        self.blocks = iter(blocks)

    def __iter__(self):
        return self

    def __next__(self):
        block = next(self.blocks)
        if isinstance(block, BaseException):
            raise block
        return block

    def close(self):
        closed.append(True)


def hello(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"hello\n"]


def tell(environ, start_response):
    """The environment, and what is known of this process."""
    start_response("200 OK", [("Content-Type", "application/json")])
    env = {k: v for k, v in environ.items() if isinstance(v, (str, bool, int, tuple))}
    return [json.dumps({"env": env, "pid": os.getpid(), "closed": len(closed),
                        "slot": os.environ.get("ANYFPM_SLOT")}).encode()]


def digest(environ, start_response):
    """The body read in one of the four ways, as length and hash."""
    sha, length, stream = hashlib.sha1(), 0, environ["wsgi.input"]
    how = environ["QUERY_STRING"]
    if how == "readline":
        parts = iter(lambda: stream.readline(), b"")
    elif how == "lines":
        parts = iter(stream)
    elif how == "readlines":
        parts = stream.readlines()
    else:
        parts = iter(lambda: stream.read(100000), b"")
    lines = 0
    for part in parts:
        sha.update(part)
        length += len(part)
        lines += 1
    assert stream.read(1) == b""
    start_response("200 OK", TEXT)
    return [f"{length} {sha.hexdigest()} {lines}".encode()]


def large(environ, start_response):
    """So many bytes in one block, or in several ("n*size")."""
    count, _, size = environ["QUERY_STRING"].rpartition("*")
    block = bytes(range(256)) * (int(size) // 256)
    write = start_response("200 OK", TEXT)
    if environ["PATH_INFO"] == "/write":
        for _ in range(int(count or 1)):
            write(block)
        return [b"end"]
    if environ["PATH_INFO"] == "/blocks":
        return Blocks([block] * int(count or 1))
    return [block] * int(count or 1)


def file(environ, start_response):
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](io.BytesIO(b"file\n" * 100000), 100)


def errors(environ, start_response):
    stream = environ["wsgi.errors"]
    stream.write("one ")
    stream.writelines(["line\n", "caf\u00e9 "])
    stream.flush()
    stream.write("rest")
    start_response("200 OK", TEXT)
    return [b"written\n"]


def other_status(environ, start_response):
    """Query: status and Content-Length; a body that some of them must not have."""
    status = environ["QUERY_STRING"].replace("_", " ")
    start_response(status, [] if status[:3] in ("204", "304") else TEXT)
    return [b"" if status[:3] in ("204", "304") else b"body\n"]


def replaced(environ, start_response):
    """A second start_response() with exc_info, before anything is sent."""
    start_response("200 OK", TEXT)
    try:
        raise KeyError("replaced")
    except KeyError:
        start_response("418 Teapot", TEXT, sys.exc_info())
    return [b"replaced\n"]


def slow(environ, start_response):
    """Blocks with a pause of so many seconds between them, or until=PATH is there."""
    start_response("200 OK", TEXT)
    pause, _, path = environ["QUERY_STRING"].partition("until=")

    def blocks():
        yield b"first\n"
        time.sleep(float(pause or 0))
        while path and not os.path.exists(path):
            time.sleep(0.01)
        yield b"second\n"
    return blocks()


def late_start(environ, start_response):
    """start_response() when the first block is asked for, and empty blocks before it."""
    yield b""
    start_response("200 OK", TEXT)
    yield b""
    yield b"late\n"


def head(environ, start_response):
    start_response("200 OK", TEXT + [("Content-Length", "5")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"12345"]


# What is no WSGI ---------------------------------------------------------------

def raises(environ, start_response):
    raise RuntimeError("raised before")


def raises_after(environ, start_response):
    start_response("200 OK", TEXT)
    raise RuntimeError("raised after start_response")


def raises_late(environ, start_response):
    """In the middle of the body."""
    start_response("200 OK", TEXT)
    return Blocks([b"begun\n", RuntimeError("raised in the body")])


def raises_again(environ, start_response):
    """exc_info when the head is sent: start_response() raises it."""
    start_response("200 OK", TEXT)(b"begun\n")
    try:
        raise KeyError("raised again")
    except KeyError:
        start_response("500 Error", TEXT, sys.exc_info())
    return [b"not reached"]


def raises_in_close(environ, start_response):
    start_response("200 OK", TEXT)

    class Bad(list):
        def close(self):
            raise RuntimeError("raised in close")
    return Bad([b"whole\n"])


def exits(environ, start_response):
    sys.exit(3)


def no_start(environ, start_response):
    return [b"no head"]


def starts_twice(environ, start_response):
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return [b""]


def text(environ, start_response):
    start_response("200 OK", TEXT)
    return ["text, not bytes"]


def bad_header(environ, start_response):
    start_response("200 OK", [("X-Bad", "a\r\nSet-Cookie: b")])
    return [b""]


def hop(environ, start_response):
    start_response("200 OK", TEXT + [("Connection", "close"), ("Transfer-Encoding", "chunked")])
    return [b"hop\n"]


def lengths(environ, start_response):
    """Query: Content-Length. The body has 6 bytes, in two blocks or one."""
    start_response("200 OK", TEXT + [("Content-Length", environ["QUERY_STRING"])])
    return [b"abcdef"] if environ["PATH_INFO"] == "/length" else Blocks([b"abc", b"def"])


def head_body(environ, start_response):
    """A body that HEAD, 204 and 304 have not, with a Content-Length."""
    start_response(environ["QUERY_STRING"].replace("_", " "), TEXT + [("Content-Length", "5")])
    return [b"12345"]


def cpu(environ, start_response):
    """Use the CPU for so long; tells who did from when to when."""
    left = float(environ["QUERY_STRING"])
    began, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < left:
        sum(range(1000))
    start_response("200 OK", TEXT)
    return [json.dumps([os.getpid(), began, time.monotonic()]).encode()]


def endless(environ, start_response):
    while True:
        pass


def leak(environ, start_response):
    leaked.append(b"x" * (int(environ["QUERY_STRING"]) << 20))
    return hello(environ, start_response)


def hog(environ, start_response):
    """Allocate everything, in large pieces or in small ones."""
    kept = []
    while True:
        kept.append(bytearray(1 << 20) if environ["QUERY_STRING"] != "small" else [object()] * 100)


together = threading.Barrier(2)


def meet(environ, start_response):
    """Two requests that run at once meet here."""
    together.wait(30)
    start_response("200 OK", TEXT)
    return [threading.current_thread().name.encode()]


def plain(environ, start_response):
    """A list, which the validator would hide, and its own Content-Length if the query has one."""
    own = [("Content-Length", environ["QUERY_STRING"])] if environ["QUERY_STRING"] else []
    start_response("200 OK", TEXT + own)
    return [b"pla", b"in\n"]


GOOD = {"hello": hello, "tell": tell, "digest": digest, "large": large, "write": large,
        "blocks": large, "file": file, "errors": errors, "status": other_status,
        "replaced": replaced, "slow": slow, "head": head}
BAD = {"raises": raises, "raises_after": raises_after, "raises_late": raises_late,
       "raises_again": raises_again, "raises_in_close": raises_in_close, "exits": exits,
       "no_start": no_start, "twice": starts_twice, "text": text, "bad_header": bad_header,
       "hop": hop, "length": lengths, "lengths": lengths, "head_body": head_body, "cpu": cpu,
       "endless": endless, "leak": leak, "hog": hog, "meet": meet, "late": late_start,
       "plain": plain}
APPLICATIONS = {**{name: validator(app) for name, app in GOOD.items()}, **BAD}


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/").partition("/")[0]
    return APPLICATIONS.get(name, APPLICATIONS["tell"])(environ, start_response)
