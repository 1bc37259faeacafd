#!/usr/bin/python3 -S -E
"""A FastCGI worker that can misbehave in every way the tests need.

It speaks the raw protocol (workerlib.py) on descriptor 0. The behavior is the first argument;
`do=NAME` in the query string chooses another one for a single request. Names: see BEHAVIORS and
main().
"""

import _thread
import contextlib
import json
import mmap
import os
import signal
import socket
import sys
import time

from workerlib import END, STDERR, STDOUT, Connection, Gone, Request, header, record

FDS = sorted(int(n) for n in os.listdir("/proc/self/fd"))  # the last one is listdir's own


def die(how=signal.SIGKILL):
    os.kill(os.getpid(), how)
    time.sleep(60)


def do_echo(req):
    """Answer with everything known about the request, as JSON."""
    req.read_body()
    req.conn.stdout(header("application/json") + json.dumps(req.report()).encode())
    req.conn.end()


def do_names(req):
    """Answer with the names of the parameters; one that came twice is there twice."""
    req.read_body()
    req.conn.stdout(header() + "\n".join(req.names).encode("latin-1"))
    req.conn.end()


def do_hello(req):
    req.read_body()
    req.conn.send(record(STDOUT, header() + b"hello\n"))
    req.conn.end()


def do_self(req):
    """Answer with what the worker inherited."""
    req.read_body()
    with open("/proc/self/status", encoding="ascii") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    report = {
        "pid": os.getpid(), "ppid": os.getppid(), "pgid": os.getpgid(0), "uid": os.getuid(),
        "gid": os.getgid(), "groups": os.getgroups(), "cwd": os.getcwd(), "fds": FDS[:-1],
        "environ": dict(os.environ), "blocked": int(status["SigBlk"], 16),
        "ignored": int(status["SigIgn"], 16), "listening":
        socket.socket(fileno=os.dup(0)).getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN),
    }
    req.conn.stdout(header("application/json") + json.dumps(report).encode())
    req.conn.end()


def do_slow(req):
    req.read_body()
    time.sleep(int(req.query.get("ms", "1000")) / 1000)
    do_hello(req)


def do_split(req):
    """A header at once, the rest of the body after a while, or when the file until=PATH is there;
    field=NAME: a header field that is "no"."""
    req.read_body()
    more = f"{req.query['field']}: no\r\n" if "field" in req.query else ""
    req.conn.send(record(STDOUT, header(more=more) + b"first\n"))
    if "until" in req.query:
        while not os.path.exists(req.query["until"]):
            time.sleep(0.01)
    else:
        time.sleep(int(req.query.get("ms", "500")) / 1000)
    req.conn.send(record(STDOUT, b"second\n"))
    req.conn.end()


def note_run(req):
    """Write down in the file of the query that the request has begun to run."""
    append(req.query["runs"], f"{os.getpid()}")


def do_leave_unread(req):
    """Begins, and ends well with the body unread."""
    note_run(req)
    os._exit(0)


def do_shut_down_and_crash(req):
    """Takes no more connections, as for a graceful end, and crashes in the middle."""
    note_run(req)
    socket.socket(fileno=os.dup(0)).shutdown(socket.SHUT_RDWR)
    die(signal.SIGSEGV)


def do_store(req):
    """An upload: what came, and whether its end did."""
    note_run(req)
    try:
        req.read_body()
    except Gone:
        append(req.query["runs"], "broken off")
        raise
    append(req.query["runs"], f"stored {req.length}")
    req.conn.send(record(STDOUT, header() + b"stored\n"))
    req.conn.end()


def do_late(req):
    """Says something after the end, when the next request has come."""
    req.read_body()
    req.conn.send(record(STDOUT, header() + b"first\n"))
    late = record(STDOUT, b"secret")
    req.conn.end()
    req.conn.sock.recv(1, socket.MSG_PEEK)
    req.conn.send(late)


def do_work_after(req):
    """Answers at once, then sleeps for ms=N, or uses burn=N ms of CPU time."""
    do_echo(req)
    time.sleep(int(req.query.get("ms", "0")) / 1000)
    end = time.process_time() + int(req.query.get("burn", "0")) / 1000
    while time.process_time() < end:
        pass


def do_garbage(req):
    req.read_body()
    req.conn.send(b"HTTP/1.1 200 OK\r\nServer: not FastCGI at all\r\n\r\n" * 4)


def do_wrong_id(req):
    req.read_body()
    req.conn.send(record(STDOUT, header() + b"hello\n", request_id=700)
                  + record(STDOUT, request_id=700) + record(END, bytes(8), request_id=700))


def do_wrong_version(req):
    req.read_body()
    req.conn.send(record(STDOUT, header() + b"hello\n", version=2))


def do_big_record(req):
    """The largest record there is: 65,535 bytes of content and 255 of padding."""
    req.read_body()
    head = header()
    req.conn.send(record(STDOUT, head + b"x" * (65535 - len(head)), padding=255))
    req.conn.send(record(STDOUT, b"y" * 65535, padding=255))
    req.conn.end()


def do_tiny_records(req):
    req.read_body()
    for byte in header() + b"hello\n":
        req.conn.send(record(STDOUT, bytes([byte]), padding=byte % 9))
    req.conn.end()


def do_endless_header(req):
    req.read_body()
    while True:
        req.conn.send(record(STDOUT, b"X-Filler: " + b"x" * 1000 + b"\r\n"))


def do_endless_stderr(req):
    req.read_body()
    while True:
        req.conn.send(record(STDERR, b"never ends " * 500 + b"\n"))


def do_raw(req):
    """Answer with the bytes of hex=, and fill=N header fields of 4,000 bytes before them."""
    req.read_body()
    for i in range(int(req.query.get("fill", "0"))):
        req.conn.stdout(b"X-Fill-%d: %s\r\n" % (i, b"y" * 4000))
    req.conn.stdout(bytes.fromhex(req.query["hex"]))
    req.conn.end()


def do_cut_header(req):
    """Leave in the middle of the header."""
    req.read_body()
    req.conn.send(record(STDOUT, b"Content-Type: text/pl"))
    os._exit(1)


def do_cut_body(req):
    req.read_body()
    req.conn.send(record(STDOUT, header() + b"the first half"))
    die()


def do_no_end(req):
    """Close the connection without END_REQUEST, and go on."""
    req.read_body()
    req.conn.send(record(STDOUT, header() + b"hello\n"))
    req.conn.sock.shutdown(socket.SHUT_RDWR)


def do_close(req):
    """Close the connection without a single byte."""
    req.read_body()
    req.conn.sock.shutdown(socket.SHUT_RDWR)


def do_empty(req):
    """END_REQUEST and nothing else."""
    req.read_body()
    req.conn.send(record(END, bytes(8)))


def do_crash(req):
    req.read_body()
    die()


def do_segv(req):
    req.read_body()
    die(signal.SIGSEGV)


def do_exit(req):
    """Exit after the whole request was read, with code=N."""
    req.read_body()
    os._exit(int(req.query.get("code", "0")))


def do_exit_after(req):
    """Answer, then exit with code=N, or at=N seconds of the monotonic clock."""
    do_hello(req)
    if "at" in req.query:
        time.sleep(max(0, float(req.query["at"]) - time.monotonic()))
    os._exit(int(req.query.get("code", "0")))


def do_stderr(req):
    """STDERR and STDOUT in turns, and a line on descriptor 2."""
    req.read_body()
    os.write(2, b"plain words on descriptor 2\n")
    req.conn.send(record(STDERR, b"first complaint\n") + record(STDOUT, header())
                  + record(STDERR, b"second complaint\n") + record(STDOUT, b"hello\n")
                  + record(STDERR))
    req.conn.end()


def do_say(req):
    """Say fill=N bytes and the body on descriptor to=1 or 2, or to=fcgi, pieces=N bytes each, all
    of it times=N."""
    req.read_body()
    text = b"a" * int(req.query.get("fill", "0")) + bytes(req.body)
    text *= int(req.query.get("times", "1"))
    size = int(req.query.get("pieces", "65535"))
    to = req.query.get("to", "2")
    for i in range(0, len(text), size):
        piece = text[i:i + size]
        if to == "fcgi":
            req.conn.send(record(STDERR, piece))
        else:
            os.write(int(to), piece)
        if size < 65535:
            time.sleep(0.002)  # so that it is read by itself
    req.conn.send(record(STDOUT, header() + b"said\n"))
    req.conn.end()


def do_overloaded(req):
    """An answer that ends as FCGI_OVERLOADED."""
    req.read_body()
    req.conn.send(record(STDOUT, header() + b"hello\n"))
    req.conn.end(protocol_status=2)


def do_status(req):
    """END_REQUEST with an application status and dirt in the reserved bytes."""
    req.read_body()
    req.conn.send(record(STDOUT, header() + b"hello\n"))
    req.conn.end(app_status=0x01020304, reserved=b"\x55\x66\x77")


def do_no_empty_stdout(req):
    """As php-cgi: STDOUT is never closed by an empty record."""
    req.read_body()
    req.conn.send(record(STDOUT, header() + b"hello\n") + record(END, bytes(8)))


def do_early(req):
    """Answer before the body has been read, then read it, then say how long it was."""
    req.conn.send(record(STDOUT, header() + b"early\n"))
    req.read_body()
    req.conn.send(record(STDOUT, f"{req.length}\n".encode()))
    req.conn.end()


def do_ignore_body(req):
    """A whole answer without reading the body; the body is skipped afterwards."""
    req.conn.send(record(STDOUT, header(status="413 Too Large") + b"no\n"))
    req.conn.end()
    req.read_body()


def do_authorize(req):
    req.read_body()
    if req.query.get("allow") == "yes":
        req.conn.send(record(STDOUT, header(more="Variable-AUTH_METHOD: demo\r\n")))
    else:
        req.conn.send(record(STDOUT, header(status="403 Forbidden") + b"no\n"))
    req.conn.end()


def do_filter(req):
    req.read_body()
    req.conn.stdout(header() + bytes(req.data).upper() + bytes(req.body))
    req.conn.end()


def do_grandchild(req):
    """Start a process that leaves the worker's group and session, and with bare=1 has nothing of
    its environment either, with burn=1 uses CPU time; answer with its pid. The worker's goes to
    the file note."""
    req.read_body()
    if req.query.get("note"):
        append(req.query["note"], str(os.getpid()))
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write_end, str(os.getpid()).encode())
            for fd in range(64):
                try:
                    if fd != write_end or not req.query.get("bare"):
                        os.close(fd)
                except OSError:
                    pass
            if req.query.get("bare"):
                os.execve("/bin/sleep", ["sleep", "600"], {})  # closes write_end
            while req.query.get("burn") and time.process_time() < 60:
                pass
            time.sleep(600)
        os._exit(0)
    os.close(write_end)
    os.wait()
    with os.fdopen(read_end, "rb") as f:
        pid = f.read()  # to its end: the process has nothing of ours any more
    req.conn.stdout(header() + pid)
    req.conn.end()


def do_large(req):
    """bytes=N of a body, as fast as they are taken."""
    req.read_body()
    left = int(req.query.get("bytes", "1000000"))
    req.conn.send(record(STDOUT, header("application/octet-stream")))
    block = b"z" * 65528
    while left > 0:
        req.conn.send(record(STDOUT, block[:left]))
        left -= len(block)
    req.conn.end()


def resident_kb():
    with open("/proc/self/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def answer_json(req, report):
    req.conn.stdout(header("application/json") + json.dumps(report).encode())
    req.conn.end()


LEAKED = []


def do_leak(req):
    """Keep kb=N more for ever; say how much it is by now."""
    req.read_body()
    LEAKED.append(b"l" * (int(req.query.get("kb", "1024")) * 1024))
    answer_json(req, {"pid": os.getpid(), "number": req.number, "rss_kb": resident_kb()})


def do_map(req):
    """Map mb=N and touch all of it: file=PATH, which is written before, or else shared memory."""
    req.read_body()
    size = int(req.query["mb"]) << 20
    path = req.query.get("file")
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600) if path else os.memfd_create("shared")
    for _ in range(size >> 20):
        os.write(fd, b"m" * (1 << 20))
    area = mmap.mmap(fd, size, mmap.MAP_SHARED)
    os.close(fd)
    LEAKED.append(area)
    touched = sum(area[at] for at in range(0, size, 4096))
    time.sleep(int(req.query.get("ms", "0")) / 1000)
    answer_json(req, {"pid": os.getpid(), "touched": touched, "rss_kb": resident_kb()})


def do_eat(req):
    """Allocate without end, kb=N at a time, ms=N apart; head=1: after the header."""
    req.read_body()
    begin_answer(req)
    while True:
        LEAKED.append(b"e" * (int(req.query.get("kb", "1024")) * 1024))
        time.sleep(int(req.query.get("ms", "5")) / 1000)


def do_try(req):
    """Try to allocate mb=N; a failure is reported, and survived."""
    req.read_body()
    try:
        block = b"t" * (int(req.query["mb"]) << 20)
        got = len(block) >> 20
    except MemoryError:
        got = -1
    answer_json(req, {"pid": os.getpid(), "got_mb": got})


def begin_answer(req):
    if req.query.get("head"):
        req.conn.send(record(STDOUT, header() + b"the first half\n"))


def do_burn(req):
    """Use CPU time, for ms=N of it or for ever; head=1: after the header."""
    req.read_body()
    begin_answer(req)
    end = time.process_time() + int(req.query.get("ms", "3600000")) / 1000
    while time.process_time() < end:
        pass
    do_hello(req)


def do_sleep(req):
    """Sleep for ms=N; head=1: after the header."""
    req.read_body()
    begin_answer(req)
    time.sleep(int(req.query.get("ms", "3600000")) / 1000)
    do_hello(req)


def do_stop(req):
    """Stop itself in the middle of the request."""
    req.read_body()
    begin_answer(req)
    os.kill(os.getpid(), signal.SIGSTOP)
    do_hello(req)


def do_children(req):
    """Fork n=N children that sleep and ignore SIGTERM, with session=1 in sessions of their own;
    note=FILE gets their pids; then sleep."""
    req.read_body()
    for _ in range(int(req.query.get("n", "3"))):
        if os.fork() == 0:
            if req.query.get("session"):
                os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            append(req.query["note"], str(os.getpid()))
            time.sleep(3600)
            os._exit(0)
    begin_answer(req)
    time.sleep(3600)


def do_child(req):
    """Fork a child, with thread=1 by another thread, that takes mb=N of memory and ms=N of CPU time;
    note=FILE gets its pid. Then wait for its end, or with keep=1 until it has done that: then it
    stays. Answer with its pid."""
    req.read_body()
    read_end, write_end = os.pipe()
    pid = 0

    def start():
        nonlocal pid
        pid = os.fork()
        if pid == 0:
            if req.query.get("note"):
                append(req.query["note"], str(os.getpid()))
            LEAKED.append(b"c" * (int(req.query.get("mb", "0")) << 20))
            end = time.process_time() + int(req.query.get("ms", "0")) / 1000
            while time.process_time() < end:
                pass
            os.write(write_end, b".")
            if req.query.get("keep"):
                time.sleep(3600)
            os._exit(0)
        if req.query.get("thread"):
            time.sleep(3600)

    if req.query.get("thread"):
        _thread.start_new_thread(start, ())
    else:
        start()
    os.read(read_end, 1)
    if not req.query.get("keep"):
        with contextlib.suppress(ChildProcessError):  # where SIGCHLD is ignored
            os.wait()
    for fd in (read_end, write_end):
        os.close(fd)
    req.conn.stdout(header() + str(pid).encode())
    req.conn.end()


def do_many(req):
    """Take mb=N of memory, and for ms=N start programs and children that end at once, one after the
    other; answer how many."""
    import subprocess  # of all that can be done here only this takes so much
    req.read_body()
    own = b"m" * (int(req.query.get("mb", "0")) << 20)
    end, count = time.monotonic() + int(req.query["ms"]) / 1000, 0
    while time.monotonic() < end:
        subprocess.run(["/bin/true"], check=True)
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        count += 2
    req.conn.stdout(header() + b"%d" % count)
    req.conn.end()
    del own


def do_spread(req):
    """Leave depth=N generations of two, each of them in a session of its own and gone as soon as
    it has forked, the last to stay; note=FILE gets their pids; then sleep."""
    req.read_body()
    leader = os.getpid()
    for _ in range(int(req.query["depth"])):
        if os.fork() and os.fork():
            break
        os.setsid()
        append(req.query["note"], str(os.getpid()))
        time.sleep(0.1)
    else:
        time.sleep(3600)
    if os.getpid() != leader:
        os._exit(0)
    time.sleep(3600)


def do_fail(req):
    req.read_body()
    req.conn.send(record(STDOUT, header(status="500 Internal Server Error") + b"failed\n"))
    req.conn.end()


def do_chatty(req):
    """Words on descriptors 1 and 2, before, in the middle of and after the answer."""
    req.read_body()
    os.write(1, b"before on descriptor 1\n")
    os.write(2, b"before on descriptor 2\n")
    req.conn.send(record(STDOUT, header() + b"hello"))
    os.write(1, b"x" * 100000 + b"\n")
    os.write(2, b"in the middle, without an end of line")
    req.conn.send(record(STDOUT, b"\n"))
    req.conn.end()
    os.write(1, b"after on descriptor 1\n")


BEHAVIORS = {name[3:].replace("_", "-"): function
             for name, function in list(globals().items()) if name.startswith("do_")}


def append(path, line):
    with open(path, "a", encoding="ascii") as f:
        f.write(line + "\n")


def main():
    behavior = sys.argv[1] if len(sys.argv) > 1 else "echo"
    value = sys.argv[2] if len(sys.argv) > 2 else ""

    if behavior == "dies-at-start":
        if value:
            append(value, f"{time.monotonic():.3f}")
        os.write(2, b"cannot find the database\n")
        os._exit(3)
    if behavior == "never-accepts":
        if value == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.write(1, b"deaf now\n")
        time.sleep(600)
    if behavior == "ignores-term":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if behavior == "notes-term":
        # Writes down that a SIGTERM came before anything else ended it.
        def note(*_):
            append(value, f"{os.getpid()} SIGTERM")
            os._exit(0)
        signal.signal(signal.SIGTERM, note)
    if behavior == "fails-while" and os.path.exists(value):
        os.write(2, b"not now\n")
        os._exit(4)
    if behavior == "slow-start":
        time.sleep(float(value or "1"))
    while behavior == "starts-with" and not os.path.exists(value):
        time.sleep(0.02)

    while behavior == "starts-without" and os.path.exists(value):
        time.sleep(0.02)

    listener = socket.socket(fileno=0)
    number = 0
    while True:
        sock = listener.accept()[0]
        if behavior == "crash-before-reading":
            sock.recv(1, socket.MSG_PEEK)
            die()
        if behavior == "crash-first" and not os.path.exists(value):
            # The first worker of all dies with its first request read; its successors serve.
            sock.recv(1, socket.MSG_PEEK)
            append(value, str(os.getpid()))
            die()
        conn = Connection(sock)
        served = 0
        try:
            while True:
                if behavior.endswith("-on-reuse") and served == 2:
                    # Keeps the connection for two requests, leaves with the third one unread.
                    if not sock.recv(1, socket.MSG_PEEK):
                        raise Gone
                    if behavior == "crash-on-reuse":
                        die()
                    os._exit(0)
                req = Request(conn, number + 1)
                number += 1
                served += 1
                name = req.query.get("do")
                if behavior == "warms-up" and req.params.get("REQUEST_URI") == "/warm-up":
                    # value: what becomes of the first request, and a file that says so no more.
                    how, _, mended = value.partition(":")
                    if not mended or not os.path.exists(mended):
                        name = how
                if behavior == "notes-requests":
                    append(value, f"{os.getpid()} {req.params.get('REQUEST_METHOD', '')} "
                                  f"{req.params.get('REQUEST_URI', '')}")
                chosen = BEHAVIORS.get(name) or BEHAVIORS.get(behavior) or do_echo
                chosen(req)
                if behavior == "exits-after" and number >= int(value):
                    os._exit(0)
                if behavior == "no-keepalive":
                    time.sleep(float(value or "0"))
                    break
        except Gone:
            pass
        sock.close()


main()
