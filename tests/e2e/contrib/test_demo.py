"""contrib/demo/run as a newcomer runs it: on a terminal, ended by Ctrl-C."""

import glob
import os
import pty
import select
import signal
import time
import urllib.request

import servers


def _read_until(fd, wanted, timeout):
    """What the terminal shows until wanted is among it, or until the end (wanted is None)."""
    shown, deadline = b"", time.monotonic() + timeout
    while wanted is None or wanted not in shown:
        assert time.monotonic() < deadline, shown.decode(errors="replace")
        if not select.select([fd], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(fd, 4096)
        except OSError:  # what a terminal says when nobody holds its other side
            data = b""
        if not data:
            assert wanted is None, shown.decode(errors="replace")
            break
        shown += data
    return shown


def test_demo_on_a_terminal(env):
    """On a terminal anyfpm logs there, and the demo, which waits for a line, must not miss it."""
    port = servers.free_port()
    pid, fd = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # else no shell can trap it
        os.execve(servers.TOP + "/contrib/demo/run", ["contrib/demo/run"], {
            **os.environ, "TMPDIR": env.dir, "DEMO_PORT": str(port), "DEMO_BUILD": servers.BUILD})
    try:
        _read_until(fd, b"Ctrl-C stops everything", 60 * servers.SLOW)
        env.note(pid)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=10) as reply:
            assert b"process manager" in reply.read()
        os.write(fd, b"\x03")
        last = _read_until(fd, None, 20 * servers.SLOW)
    finally:
        os.close(fd)
        status = os.waitpid(pid, 0)[1]
    assert os.waitstatus_to_exitcode(status) == 0, last.decode(errors="replace")
    assert not glob.glob(env.dir + "/anyfpm-demo.*")
