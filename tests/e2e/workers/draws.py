#!/usr/bin/python3
"""Draws a random number for each request. Loads once, by itself (contrib/preload), or "plain" by the
library; "ignore" has SIGCHLD ignored."""

import json
import os
import random
import signal
import socket
import sys

import anyfpm_preload
from workerlib import Connection, Gone, Request, header

first = random.random()
if "ignore" in sys.argv:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if "plain" not in sys.argv:
    anyfpm_preload.wait()
listener = socket.socket(fileno=0)
while True:
    conn = Connection(listener.accept()[0])
    try:
        while True:
            request = Request(conn, 1)
            request.read_body()
            conn.stdout(header() + json.dumps({
                "pid": os.getpid(), "first": first, "drawn": random.random(),
                "environ": dict(os.environ)}).encode())
            conn.end()
    except Gone:
        pass
    conn.sock.close()
