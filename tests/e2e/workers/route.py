"""A WSGI application that routes: which part of it was reached, and with what."""

import io
import socket
import sys
from wsgiref.handlers import BaseCGIHandler
from wsgiref.util import shift_path_info

from workerlib import Connection, Gone, Request


def application(environ, start_response):
    route = "top"
    if environ.get("PATH_INFO", "").split("/")[1:2] == ["hello"]:
        route = shift_path_info(environ)
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = [f"[{environ.get(n, '')}]" for n in ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")]
    return [" ".join([route, *names]).encode("latin-1")]


def main():
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
        except Gone:
            pass


main()
