#!/usr/bin/python3
"""Is a template by itself (contrib/preload), and does one thing wrong: what it is named by."""

import errno
import os
import signal
import socket
import sys
import time

import anyfpm_preload as adapter
from workerlib import Connection, Gone, Request, header

WRONG = sys.argv[1]
FAILURES = 2
say, be_worker, carry_out = adapter._say, adapter._be_worker, adapter._carry_out
orders = 0


def says(channel, word, serial, arg=0):
    if WRONG == "child-prints" and word == adapter.FORKED:
        os.write(2, b"before it is one\n")
        time.sleep(0.2)
    say(channel, word, serial, arg)
    if word != adapter.READY:
        return
    if WRONG == "template-prints":
        os.write(1, b"last words")  # a line that does not end
        os.kill(os.getpid(), signal.SIGKILL)
    if WRONG == "closes":
        channel.close()
        signal.pause()
    while WRONG == "babbles":
        try:
            channel.send(b"hello")
        except OSError:
            signal.pause()  # nobody listens any more: it is being ended


def is_worker(channel, fds, serial, *more, between):
    if WRONG == "child-fails" and orders <= FAILURES:
        say(channel, adapter.FAILED, serial, errno.ENOSPC)
        os._exit(1)
    be_worker(channel, fds, serial, *more, between=between)


def carries_out(channel, fds, serial, *more):
    global orders
    orders += 1
    if WRONG == "lies":
        say(channel, adapter.FORKED, serial)
        signal.pause()
    return carry_out(channel, fds, serial, *more)


adapter._say, adapter._be_worker, adapter._carry_out = says, is_worker, carries_out
adapter.wait()
listener = socket.socket(fileno=0)
while True:
    conn = Connection(listener.accept()[0])
    try:
        while True:
            Request(conn, 1).read_body()
            conn.stdout(header() + b"hello\n")
            conn.end()
    except Gone:
        pass
    conn.sock.close()
