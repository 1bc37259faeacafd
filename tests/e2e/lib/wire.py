"""FastCGI as both ends of the tests read it: constants, name-value pairs, whole records."""

import struct

(BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA,
 GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE) = range(1, 12)
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
KEEP_CONN = 1
REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE = range(4)


def each_pair(data):
    """(name, value) after (name, value); IndexError or struct.error where the last one is cut."""
    i = 0
    while i < len(data):
        sizes = []
        for _ in range(2):
            if data[i] < 128:
                sizes.append(data[i])
                i += 1
            else:
                sizes.append(struct.unpack_from("!I", data, i)[0] & 0x7fffffff)
                i += 4
        if i + sum(sizes) > len(data):
            raise IndexError
        yield (data[i:i + sizes[0]].decode("latin-1"),
               data[i + sizes[0]:i + sum(sizes)].decode("latin-1"))
        i += sum(sizes)


class Closed(Exception):
    """The other side closed the connection."""


class Reader:
    """What comes over a connection, `sock`."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = bytearray()

    def read(self, n):
        while len(self.buffer) < n:
            try:
                chunk = self.sock.recv(1 << 18)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise Closed
            self.buffer += chunk
        out = bytes(self.buffer[:n])
        del self.buffer[:n]
        return out

    def read_record(self):
        version, kind, request_id, size, padding, _ = struct.unpack("!BBHHBB", self.read(8))
        content = self.read(size)
        self.read(padding)
        return version, kind, request_id, content, padding
