#!/usr/bin/python3 -S -E
"""A FastCGI worker that is the manager of a process that serves, as FCGI::ProcManager's is.

manages.py HOW DIRECTORY; in the directory files say what happened. HOW: `forwards`: takes its time
to notice SIGTERM, then asks its child to end and waits for it; `waits`: catches SIGTERM and waits
for its child all the same, as a shell does.
"""

import os
import signal
import socket
import sys
import time

from workerlib import Connection, Gone, Request, header

TERM = signal.SIGTERM


def say(name):
    with open(os.path.join(sys.argv[2], name), "w", encoding="ascii"):
        pass


def serve():
    def asked(*_):
        say("asked")
        os._exit(0)
    signal.signal(TERM, asked)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [TERM])
    listener = socket.socket(fileno=0)
    while True:
        conn = Connection(listener.accept()[0])
        number = 0
        try:
            while True:
                number += 1
                request = Request(conn, number)
                request.read_body()
                conn.stdout(header() + b"managed")
                conn.end()
                if "work" in request.params.get("QUERY_STRING", ""):
                    time.sleep(60)  # after its answer: not waiting for the next one
        except Gone:
            conn.sock.close()


def main():
    forwards = sys.argv[1] == "forwards"
    if forwards:
        signal.pthread_sigmask(signal.SIG_BLOCK, [TERM])
    else:
        signal.signal(TERM, lambda *_: say("caught"))
    child = os.fork()
    if child == 0:
        serve()
    if forwards:
        while TERM not in signal.sigpending():
            time.sleep(0.01)
        time.sleep(0.5)
        say("late" if os.path.exists(os.path.join(sys.argv[2], "asked")) else "first")
        os.kill(child, TERM)
        signal.sigwait([TERM])
    os.waitpid(child, 0)
    say("reaped")


main()
