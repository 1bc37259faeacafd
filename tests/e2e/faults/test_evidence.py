"""What is known of a request decides whether it runs again, and a part is never taken for the whole."""

import json
import os
import re
import time

import fcgi
import pytest
from servers import wait_for


@pytest.fixture
def runs(env):
    """A file in which the worker notes each run."""
    path = os.path.join(str(env.dir), "runs")
    open(path, "w", encoding="ascii").close()
    os.chmod(path, 0o666)
    return path


def lines(path):
    with open(path, encoding="ascii") as f:
        return f.read().split("\n")[:-1]


@pytest.mark.parametrize("what", ["leave-unread", "shut-down-and-crash"])
def test_a_post_runs_once(odd, runs, what):
    """An exit code or a listener that polls readable proves nothing: 502, and no second run."""
    server = odd(options={"pm.max_children": 4, "rlimit_core": 0})
    for _ in range(8):  # their connections have carried requests before
        with fcgi.Client(server.address) as c:
            assert c.request().status == 200
    with fcgi.Client(server.address) as c:
        answer = c.request(body=b"x" * 20000, query=f"do={what}&runs={runs}")
    assert answer.status == 502
    assert len(lines(runs)) == 1


@pytest.mark.parametrize("how", ["close", "abort", "stall"])
def test_a_part_of_a_body_is_not_the_whole(odd, runs, how):
    server = odd(options={"pm.max_children": 1, "request_body_timeout": "1s"})
    with fcgi.Client(server.address) as c:
        c.send(fcgi.begin(1) + fcgi.stream(fcgi.PARAMS, 1, fcgi.pairs(fcgi.params(
            method="POST", query=f"do=store&runs={runs}", CONTENT_LENGTH="500000"))))
        c.send(fcgi.record(fcgi.STDIN, 1, b"x" * 60000) * 5)
        wait_for(lambda: lines(runs), what="the request to run")
        if how == "abort":
            c.send(fcgi.record(fcgi.ABORT, 1))
            assert c.answer().ended
        elif how == "stall":
            assert c.answer().status == 408
    wait_for(lambda: len(lines(runs)) > 1, what="the worker to see its end")
    assert lines(runs)[1] == "broken off"
    with fcgi.Client(server.address) as c:
        assert c.request(query="do=hello").status == 200
    assert "child" not in "".join(re.findall(r"exited.*", server.log())), "it serves on"


def test_late_output_is_nobodys_answer(odd):
    server = odd(options={"pm.max_children": 1})
    with fcgi.Client(server.address) as c:
        assert c.request(query="do=late").body == b"first\n"
        answer = c.request(query="do=hello")
    assert answer.status == 502 and b"secret" not in answer.stdout
    server.wait_log("wrong request id", 1)


@pytest.mark.parametrize("method,length", [("POST", "0"), ("GET", None), ("HEAD", None),
                                           ("GET", "")])
def test_no_stdin_record(odd, method, length):
    """Some clients send no STDIN for a body that is not there."""
    server = odd("hello", options={"pm.max_children": 1})
    more = {} if length is None else {"CONTENT_LENGTH": length}
    params = fcgi.params(method=method, **more)
    if length is None:
        del params["CONTENT_LENGTH"]
    with fcgi.Client(server.address) as c:
        c.send(fcgi.begin(1) + fcgi.stream(fcgi.PARAMS, 1, fcgi.pairs(params)))
        assert c.answer().status == 200
        c.send(fcgi.record(fcgi.STDIN, 1))  # and some send it after all
        assert c.request(2).status == 200


@pytest.mark.parametrize("then,pause", [("", 0), ("", 0.05), ("do=work-after&burn=4", 0)])
def test_a_worker_at_work_after_its_answer_is_left_alone(odd, then, pause):
    """The others are idle; the next request is theirs, even while they are on their way back (with
    burn=4 they always are, as on a machine whose CPUs are all taken)."""
    server = odd(options={"pm.max_children": 3})
    server.wait_workers(3)
    with fcgi.Client(server.address) as c:
        first = json.loads(c.request(query="do=work-after&ms=60000").body)["pid"]
        for _ in range(6):
            time.sleep(pause)
            assert json.loads(c.request(query=then).body)["pid"] != first, "it waited for it"


@pytest.mark.parametrize("limit,most,work,then", [
    ("request_terminate_timeout", "4s", "ms=3000", "slow&ms=1500"),
    ("request_terminate_cpu", "800ms", "burn=700", "burn&ms=300")])
def test_clocks_begin_when_the_request_is_read(odd, limit, most, work, then):
    """With one worker only: what it does after its answer is not the next one's."""
    server = odd(options={"pm.max_children": 1, limit: most})
    with fcgi.Client(server.address) as c:
        assert c.request(query="do=work-after&" + work).status == 200
        assert c.request(query=f"do={then}").status == 200
    assert "exceeded" not in server.log()


def test_the_limit_holds_for_a_request_that_is_never_read(odd):
    """A worker that never comes back from its work after an answer is ended, too."""
    server = odd(options={"pm.max_children": 1, "request_terminate_timeout": "1s"})
    with fcgi.Client(server.address) as c:
        assert c.request(query="do=work-after&ms=60000").status == 200
        assert c.request().status == 504
        assert c.request().status == 200
