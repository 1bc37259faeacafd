"""The FastCGI protocol as a worker speaks it: a connection's records, a request read from them."""

import os
import struct
import zlib
from _thread import _local as local  # threading takes a while to load

from wire import (AUTHORIZER, BEGIN, DATA, END, FILTER, PARAMS, STDERR, STDIN,  # noqa: F401
                  STDOUT, Reader, each_pair)
from wire import Closed as Gone


class Current(local):
    """Of the request that came last, in each thread: the id that its answer has to have."""
    id = 1


current = Current()


def record(kind, content=b"", padding=0, request_id=None, version=1):
    return struct.pack("!BBHHBB", version, kind, request_id or current.id, len(content),
                       padding, 0) + content + b"\xbb" * padding


def header(content_type="text/plain", status=None, more=""):
    out = f"Status: {status}\r\n" if status else ""
    return (out + more + f"Content-Type: {content_type}\r\n\r\n").encode()


class Connection(Reader):
    def send(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise Gone from None

    def stdout(self, data):
        for i in range(0, len(data), 65535):
            self.send(record(STDOUT, data[i:i + 65535]))

    def end(self, app_status=0, protocol_status=0, reserved=b"\0\0\0"):
        self.send(record(STDOUT)
                  + record(END, struct.pack("!IB", app_status, protocol_status) + reserved))


class Request:
    """One request as it came in, with what the tests want to know about its framing."""

    count = 0  # that this process, or what it was forked of, has had

    def __init__(self, conn, number):
        self.conn, self.number = conn, number
        self.records = []
        self.params = {}
        self.names = []  # of the parameters, as they came
        self.body, self.data = bytearray(), bytearray()
        self.length = self.crc = 0
        self.params_whole = True
        self.done = False
        while True:
            version, kind, request_id, content, padding = conn.read_record()
            self.note(version, kind, request_id, content, padding)
            if kind == BEGIN:
                current.id = request_id
                self.role, self.flags = struct.unpack_from("!HB", content)
            elif kind == PARAMS and content:
                self.add_params(content)
            elif kind == PARAMS:
                break
        Request.count += 1

    def note(self, version, kind, request_id, content, padding):
        if len(self.records) < 64:
            self.records.append([version, kind, request_id, len(content), padding])

    def add_params(self, content):
        try:
            for name, value in each_pair(content):
                self.names.append(name)
                self.params[name] = value
        except (IndexError, struct.error):
            self.params_whole = False

    def read_body(self):
        """Read to the end of the last stream that this role has."""
        last = DATA if self.role == FILTER else STDIN
        if self.done or self.role == AUTHORIZER:
            return
        while True:
            version, kind, request_id, content, padding = self.conn.read_record()
            self.note(version, kind, request_id, content, padding)
            if kind == STDIN:
                self.length += len(content)
                self.crc = zlib.crc32(content, self.crc)
                if len(self.body) < 65536:
                    self.body += content
            elif kind == DATA:
                self.data += content
            if kind == last and not content:
                self.done = True
                return

    @property
    def query(self):
        return dict(item.partition("=")[::2]
                    for item in self.params.get("QUERY_STRING", "").split("&") if item)

    def report(self):
        return {
            "pid": os.getpid(), "number": self.number,
            "count": Request.count, "role": self.role, "flags": self.flags,
            "params": self.params, "params_whole": self.params_whole, "records": self.records,
            "body": self.body.decode("latin-1"), "length": self.length, "crc32": self.crc,
            "data": self.data.decode("latin-1"),
        }
