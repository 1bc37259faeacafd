"""The sample for logrotate, by logrotate itself, while requests are served."""

import collections
import glob
import gzip
import os
import re
import shutil
import subprocess

import pytest
from generations import Echo
from load import Load, all_right
from servers import ANYFPM, SLOW, TOP, wait_for

LOGROTATE = shutil.which("logrotate", path="/usr/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(not LOGROTATE, reason="tests/run installs logrotate")
ROTATIONS = 6


def sample(server, logs, before):
    """A copy of it with other paths; before: lines of the system's own file in front of it."""
    with open(TOP + "/contrib/logrotate/anyfpm", encoding="ascii") as f:
        text = f.read()
    for path, ours, times in (("/var/log/anyfpm/*.log", logs + "/own/*.log", 1),
                              ("/var/log/anyfpm", logs + "/anyfpm", 4),
                              ("/run/anyfpm.pid", server.pid_path, 2),
                              ("/usr/local/sbin/anyfpm -s reopen",
                               f"{ANYFPM} -s reopen -g {server.pid_path}", 1)):
        assert text.count(path) == times, path
        text = text.replace(path, ours)
    path = server.env.dir + "/logrotate.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(before + text)
    os.chmod(path, 0o644)
    return path


def text_of(paths):
    """What is in those files, the compressed ones too."""
    out = ""
    for path in paths:
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="latin-1") as f:
            out += f.read()
    return out


@pytest.mark.parametrize("before", ["", "create\n"], ids=["", "create"])
def test_no_line_is_lost(env, controlled, before):
    """Each request has one line in one of the files, and each file its time."""
    logs = env.dir + "/logs"
    os.mkdir(logs, 0o755)
    server = controlled(options={"access.log": logs + "/anyfpm-$pool.access.log",
                                 "access.format": "%m %q", "pm.max_children": 4,
                                 "slowlog": logs + "/anyfpm-$pool.slow.log",
                                 "request_slowlog_timeout": "10s"},
                        global_options={"error_log": logs + "/anyfpm.log", "log_level": "notice"},
                        wait=False)
    server.log_path = logs + "/anyfpm.log"
    server.wait_ready()
    config = sample(server, logs, before)
    with Load(server.address, Echo()) as load:
        for _ in range(ROTATIONS):
            more = load.served + 50
            # An empty one is not rotated.
            wait_for(lambda: load.served > more  # pylint: disable=cell-var-from-loop
                     and os.path.getsize(logs + "/anyfpm-www.access.log") > 0, 30 * SLOW)
            got = subprocess.run([LOGROTATE, "-f", "-s", env.dir + "/logrotate.state", config],
                                 env=env.environment(), capture_output=True, text=True,
                                 timeout=60 * SLOW, check=False)
            assert got.returncode == 0 and "error" not in got.stderr, got.stdout + got.stderr
    all_right(load)
    server.stop()
    files = glob.glob(logs + "/anyfpm-www.access.log*")
    assert len(files) == ROTATIONS + 1 and sum(f.endswith(".gz") for f in files) == ROTATIONS - 1
    numbers = collections.Counter(re.findall(r"id=(\d+)", text_of(files)))
    assert numbers == collections.Counter(str(n) for n in load.sent)
    text = text_of(glob.glob(logs + "/anyfpm.log*"))
    assert text.count("NOTICE: error log file re-opened") == ROTATIONS
    assert "ready to handle connections" in text and "bye-bye" in text
    assert glob.glob(logs + "/anyfpm-www.slow.log*") == [logs + "/anyfpm-www.slow.log"]  # is empty
