"""A WSGI application for threads; by what words it is asked, several.c says."""

import json
import os
import threading
import time
import zlib
from urllib.parse import parse_qsl

LOCK = threading.Lock()
RUNNING = set()  # threads
KEPT = []


def note_run(method, query):
    if "RUNS" in os.environ:
        with open(os.environ["RUNS"], "a", encoding="ascii") as f:
            f.write(f"{method} {query.get('id', '0')}\n")


def work(query):
    if "mb" in query:
        KEPT.append(b"m" * (int(query["mb"]) << 20))
    time.sleep(int(query.get("ms", "0")) / 1000)
    until = time.thread_time() + int(query.get("burn", "0")) / 1000
    while time.thread_time() < until:
        pass
    if query.get("do") == "abort":
        os.abort()
    if query.get("do") == "exit":
        os._exit(0)
    if query.get("do") == "hang":
        time.sleep(3600)


def application(environ, start_response):
    query = dict(parse_qsl(environ["QUERY_STRING"]))
    me = threading.get_native_id()
    with LOCK:
        RUNNING.add(me)
        beside = len(RUNNING)
    try:
        length = crc = 0
        while block := environ["wsgi.input"].read(65536):
            length += len(block)
            crc = zlib.crc32(block, crc)
        note_run(environ["REQUEST_METHOD"], query)
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        if "head" in query:
            write(b"the first half\n")
        work(query)
    finally:
        with LOCK:
            RUNNING.discard(me)
    report = {"pid": os.getpid(), "thread": me, "beside": beside, "length": length, "crc32": crc,
              "method": environ["REQUEST_METHOD"], "id": int(query.get("id", "0"))}
    return [json.dumps(report).encode() + b"\n", b"z" * int(query.get("bytes", "0"))]
