"""A WSGI application as a FastCGI worker."""

import io
import socket
import sys
from wsgiref.handlers import BaseCGIHandler

from wire import KEEP_CONN
from workerlib import Connection, Gone, Request


def serve(application):
    listener = socket.socket(fileno=0)
    while True:
        conn = Connection(listener.accept()[0])
        try:
            while True:
                req = Request(conn, 0)
                req.read_body()
                out = io.BytesIO()
                BaseCGIHandler(io.BytesIO(req.body), out, sys.stderr, req.params).run(application)
                conn.stdout(out.getvalue())
                conn.end()
                if not req.flags & KEEP_CONN:
                    break
        except Gone:
            pass
        conn.sock.close()
