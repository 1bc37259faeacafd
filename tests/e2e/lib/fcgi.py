"""A FastCGI client with control over every byte, for the conformance tests."""

import select
import socket
import struct
import time

from wire import (ABORT, AUTHORIZER, BEGIN, CANT_MPX_CONN, DATA, END, FILTER,  # noqa: F401
                  GET_VALUES, GET_VALUES_RESULT, KEEP_CONN, OVERLOADED, PARAMS,
                  REQUEST_COMPLETE, RESPONDER, STDERR, STDIN, STDOUT, UNKNOWN_ROLE,
                  UNKNOWN_TYPE, Closed, Reader, each_pair)


def record(kind, request_id, content=b"", padding=0, version=1):
    """One record; padding bytes are not zero, so that nobody can take them for content."""
    return struct.pack("!BBHHBB", version, kind, request_id, len(content), padding,
                       0) + content + b"\xaa" * padding


def begin(request_id=1, role=RESPONDER, flags=KEEP_CONN, padding=0):
    return record(BEGIN, request_id, struct.pack("!HB5x", role, flags), padding)


def length(n, wide=False):
    return bytes([n]) if n < 128 and not wide else struct.pack("!I", n | 0x80000000)


def pair(name, value, wide=False):
    name = name.encode("latin-1") if isinstance(name, str) else name
    value = value.encode("latin-1") if isinstance(value, str) else value
    return length(len(name), wide) + length(len(value), wide) + name + value


def pairs(params, wide=False):
    return b"".join(pair(name, value, wide) for name, value in params.items())


def stream(kind, request_id, content, size=65535, padding=0, end=True):
    """Records of at most `size` bytes, and the empty one that ends the stream."""
    out = [record(kind, request_id, content[i:i + size], padding)
           for i in range(0, len(content), size)]
    if end:
        out.append(record(kind, request_id))
    return b"".join(out)


def parse_pairs(data):
    return list(each_pair(data))


def params(method="GET", uri="/", query="", body_length=0, **more):
    """The parameters a web server would send."""
    out = {
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_METHOD": method,
        "SCRIPT_NAME": uri, "SCRIPT_FILENAME": "/srv" + uri, "QUERY_STRING": query,
        "REQUEST_URI": uri + ("?" + query if query else ""),
        "CONTENT_LENGTH": str(body_length) if body_length or method == "POST" else "",
    }
    out.update(more)
    return out


class Record:
    def __init__(self, kind, request_id, content, padding):
        self.kind, self.request_id, self.content, self.padding = kind, request_id, content, padding

    def __repr__(self):
        return f"<record type {self.kind} id {self.request_id} {len(self.content)} bytes>"


class Answer:
    """What came back for one id."""

    def __init__(self):
        self.stdout, self.stderr = bytearray(), bytearray()
        self.records = []
        self.app_status = self.protocol_status = self.reserved = None

    def add(self, rec):
        self.records.append(rec)
        if rec.kind == STDOUT:
            self.stdout += rec.content
        elif rec.kind == STDERR:
            self.stderr += rec.content
        elif rec.kind == END:
            self.app_status, self.protocol_status = struct.unpack_from("!IB", rec.content)
            self.reserved = rec.content[5:]

    @property
    def ended(self):
        return self.protocol_status is not None

    @property
    def header(self):
        block = bytes(self.stdout.split(b"\r\n\r\n", 1)[0]).decode("latin-1")
        out = {}
        for line in block.split("\r\n"):
            name, _, value = line.partition(":")
            out[name.strip().lower()] = value.strip()
        return out

    @property
    def body(self):
        return bytes(self.stdout.partition(b"\r\n\r\n")[2])

    @property
    def status(self):
        """The HTTP status a web server would make of it; 0 without any header."""
        if b"\r\n\r\n" not in self.stdout:
            return 0
        return int(self.header.get("status", "200").split()[0])


class Client(Reader):
    """One connection. `address` is a path or a (host, port) pair, `source` ours of the latter."""

    def __init__(self, address, timeout=10, source=None):
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
        else:
            self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if source is not None:
            self.sock.bind((source, 0))
        self.sock.connect(address)  # blocking: a full backlog is waited for
        self.sock.settimeout(timeout)
        super().__init__(self.sock)
        self.answers = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, *parts):
        """Send all of it; while the peer does not read, take what it says meanwhile."""
        data = memoryview(b"".join(parts))
        deadline = time.monotonic() + self.sock.gettimeout()
        while data:
            readable, writable, _ = select.select([self.sock], [self.sock], [], 1)
            if readable:
                chunk = self.sock.recv(1 << 18)
                if not chunk:
                    raise Closed
                self.buffer += chunk
            if writable:
                try:
                    n = self.sock.send(data, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    continue
                data = data[n:]
                deadline = time.monotonic() + self.sock.gettimeout()
            if time.monotonic() > deadline:
                raise TimeoutError("the peer does not read")

    def record(self):
        """The next record, whatever its id."""
        version, kind, request_id, content, padding = self.read_record()
        assert version == 1, "a record of another version"
        return Record(kind, request_id, content, padding)

    def take(self):
        rec = self.record()
        self.answers.setdefault(rec.request_id, Answer()).add(rec)
        return rec

    def answer(self, request_id=1):
        """Read until this id has ended; what other ids get meanwhile is kept for them."""
        while True:
            answer = self.answers.setdefault(request_id, Answer())
            if answer.ended:
                return self.answers.pop(request_id)
            self.take()

    def answer_or_cut(self, request_id=1):
        """The same, or None when the connection was closed before its end."""
        try:
            return self.answer(request_id)
        except Closed:
            return None

    def management(self):
        """Read until a record with id 0 comes."""
        while True:
            rec = self.record()
            if rec.request_id == 0:
                return rec
            self.answers.setdefault(rec.request_id, Answer()).add(rec)

    def at_end(self):
        """True once the peer has closed and nothing was left to read."""
        try:
            self.read(1)
        except (Closed, ConnectionResetError, BrokenPipeError):
            return True
        return False

    def request(self, request_id=1, *, role=RESPONDER, flags=KEEP_CONN, body=b"", data=None,
                **more):
        """A whole, ordinary request; returns its answer."""
        self.start(request_id, role=role, flags=flags, body=body, data=data, **more)
        return self.answer(request_id)

    def start(self, request_id=1, *, role=RESPONDER, flags=KEEP_CONN, body=b"", data=None, **more):
        """Send a request and do not wait for its answer."""
        if "method" not in more:
            more["method"] = "POST" if body else "GET"
        parts = [begin(request_id, role, flags),
                 stream(PARAMS, request_id, pairs(params(body_length=len(body), **more))),
                 stream(STDIN, request_id, body)]
        if data is not None:
            parts.append(stream(DATA, request_id, data))
        self.send(*parts)
