"""workers_output_rate: a program that prints without end fills no disk, and hides nothing else."""

import json
import os
import re

import pytest
from fcgi import Client
from servers import SLOW

LINE = b"never ends, never ends, never ends, never ends, never ends, never ends, never ends\n"
FLOOD = 1_000_000  # bytes; no more are taken by FCGI_STDERR before a header block
BURST = 10 * 16384
OPTIONS = {"pm.max_children": 1, "catch_workers_output": "yes", "workers_output_rate": "16K",
           "pm.status_path": "/status"}
TOLD = (r"WARNING: \[pool www\] (\d+) lines \((\d+) KB\) that children printed in the last "
        r"[0-9.]+ s are not in the log, the last of them by child (\d+): that was more than "
        r"workers_output_rate \(16384 bytes per second\)")


def flood(client, to, text):
    answer = client.request(query=f"do=say&to={to}&times={FLOOD // len(text)}", body=text)
    assert answer.status == 200 and answer.body == b"said\n"
    return answer


@pytest.mark.parametrize("to", ["1", "2", "fcgi"])
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_flood(odd, to, log_format):
    """Taken whole, logged in part, counted; our own lines are all there."""
    server = odd("say", OPTIONS, global_options={"log_level": "notice", "log_format": log_format})
    with Client(server.address) as c:
        answer = flood(c, to, LINE)
        if to == "fcgi":  # its client gets all of it
            assert len(answer.stderr) == FLOOD // len(LINE) * len(LINE)
        pid = server.workers()[0]
        c.request(query="do=crash")
    server.wait_log(f"child {pid} exited on signal 9")
    server.stop()
    log = server.log()
    if log_format == "json":
        log = "".join("WARNING: [pool www] " + json.loads(line)["message"] + "\n"
                      for line in log.splitlines())
    in_log = log.count("never ends\"")
    lines, kb, who = map(int, re.search(TOLD, log).groups())
    assert in_log > 500 and in_log + lines == FLOOD // len(LINE)
    assert kb == -(-lines * (len(LINE) - 1) // 1024) and who == pid
    assert os.path.getsize(server.log_path) < BURST + 20 * 16384 * SLOW
    assert "bye-bye" in log


def test_told_while_it_lasts(odd):
    """Within about ten seconds, and the status page counts."""
    server = odd("say", OPTIONS)
    with Client(server.address) as c:
        flood(c, 2, b"x" * 999)  # one line, without an end
        flood(c, 2, LINE)
        lines = int(server.wait_log(TOLD, timeout=20).group(1))
        status = c.request(uri="/status", query="json")
        assert json.loads(status.body)["output lines dropped"] == lines > 1000


def test_no_limit(odd):
    server = odd("say", dict(OPTIONS, workers_output_rate=0),
                 global_options={"log_level": "notice"})
    with Client(server.address) as c:
        flood(c, 2, LINE)
    server.stop()
    assert server.log().count("never ends\"") == FLOOD // len(LINE)
