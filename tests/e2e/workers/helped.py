#!/usr/bin/python3 -S -E
"""Starts a helper while it loads, which tells each that connects to the socket of the first argument its
pid; the worker answers with its own and the helper's. "double": the helper is no child of ours.
"""

import json
import os
import socket
import sys

from workerlib import Connection, Gone, Request, header


def help_others(listener):
    while True:
        conn = listener.accept()[0]
        conn.sendall(b"%d" % os.getpid())
        conn.close()


def start_helper(path):
    with socket.socket(socket.AF_UNIX) as listener:
        if os.path.exists(path):
            os.unlink(path)
        listener.bind(path)
        listener.listen(64)
        if os.fork() == 0:
            if "double" in sys.argv and os.fork() != 0:
                os._exit(0)
            os.close(0)
            help_others(listener)
        if "double" in sys.argv:
            os.wait()


def ask_helper(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        try:
            s.connect(path)
            return int(s.recv(32))
        except OSError as e:
            return str(e)


start_helper(sys.argv[1])
accepting = socket.socket(fileno=0)
while True:
    connection = Connection(accepting.accept()[0])
    try:
        while True:
            request = Request(connection, 1)
            request.read_body()
            connection.stdout(header("application/json") + json.dumps(
                {"pid": os.getpid(), "helper": ask_helper(sys.argv[1])}).encode())
            connection.end()
    except Gone:
        pass
    connection.sock.close()
