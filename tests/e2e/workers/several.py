#!/usr/bin/python3 -S -E
"""A FastCGI program with as many threads as its argument says, each of which accepts by itself; by
what words it is asked, several.c says. "deaf" behind their number: it answers no GET_VALUES."""

import json
import os
import socket
import sys
import threading
import time

from wire import GET_VALUES, GET_VALUES_RESULT, KEEP_CONN
from workerlib import Connection, Gone, Request, header

LISTENER = socket.socket(fileno=0)
LOCK = threading.Lock()
RUNNING = set()  # threads
KEPT = []


class Asked(Connection):
    """Management records are answered: with no value, which leaves all open."""

    def read_record(self):
        while True:
            rec = super().read_record()
            if rec[1] != GET_VALUES:
                return rec
            if "deaf" not in sys.argv:
                self.send(bytes([1, GET_VALUES_RESULT, 0, 0, 0, 0, 0, 0]))


def note_run(req):
    path = os.environ.get("RUNS")
    if path:
        with open(path, "a", encoding="ascii") as f:
            f.write(f"{req.params.get('REQUEST_METHOD', '')} {req.query.get('id', '0')}\n")


def work(req):
    if "mb" in req.query:
        KEPT.append(b"m" * (int(req.query["mb"]) << 20))
    if "head" in req.query:
        req.conn.stdout(header() + b"the first half\n")
    time.sleep(int(req.query.get("ms", "0")) / 1000)
    until = time.thread_time() + int(req.query.get("burn", "0")) / 1000
    while time.thread_time() < until:
        pass
    do = req.query.get("do")
    if do == "abort":
        os.abort()
    if do == "exit":
        os._exit(0)
    if do == "hang":
        time.sleep(3600)


def serve(conn):
    req = Request(conn, 1)
    me = threading.get_native_id()
    with LOCK:
        RUNNING.add(me)
        beside = len(RUNNING)
    try:
        req.read_body()
        note_run(req)
        work(req)
        report = {"pid": os.getpid(), "thread": me, "beside": beside, "length": req.length,
                  "method": req.params.get("REQUEST_METHOD", ""),
                  "id": int(req.query.get("id", "0")), "crc32": req.crc}
        head = b"" if "head" in req.query else header()
        conn.stdout(head + json.dumps(report).encode() + b"\n"
                    + b"z" * int(req.query.get("bytes", "0")))
        conn.end()
    finally:
        with LOCK:
            RUNNING.discard(me)
    return req.flags & KEEP_CONN


def accept_and_serve():
    while True:
        conn = Asked(LISTENER.accept()[0])
        try:
            while serve(conn):
                pass
        except Gone:
            pass
        conn.sock.close()


for _ in range(int(sys.argv[1]) - 1):
    threading.Thread(target=accept_and_serve, daemon=True).start()
accept_and_serve()
