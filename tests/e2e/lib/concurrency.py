"""What the tests of pm.max_concurrency share: programs that take several requests at once, and
requests that are sent at once."""

import collections
import json
import os
import shutil
import subprocess

import wsgi
from fcgi import Client
from programs import Program, build_go
from servers import PYTHON, SLOW, WORKERLIB, WORKERS, wait_for


class Several(Program):
    """workers/several*: go, python, deaf (the same, but it answers no GET_VALUES), wsgi (under
    anyfpm-wsgi), or a way of several.c (each, late, mutex)."""

    def __init__(self, kind, threads, shared):
        super().__init__(kind, [])
        self.kind, self.threads, self.shared = kind, threads, shared

    def build(self):
        """Once for all tests; returns the command line."""
        if self.kind in ("python", "deaf"):
            if not os.path.exists(self.shared + "/several.py"):
                for path in (WORKERS + "/several.py", *WORKERLIB):
                    shutil.copy(path, self.shared)
            return f"{PYTHON} -S -E {self.shared}/several.py {self.threads} {self.kind}"
        if self.kind == "wsgi":
            wsgi.install(self.shared, WORKERS + "/severalwsgi.py")
            return wsgi.command(self.shared, "severalwsgi", "--threads", str(self.threads))
        if self.kind == "go":
            path = self.shared + "/several-go"
            return path if os.path.exists(path) else build_go("several.go", path)
        path = self.shared + "/several"
        if not os.path.exists(path):
            subprocess.run(["cc", "-g", "-O2", "-o", path, WORKERS + "/several.c", "-lfcgi",
                            "-pthread"], check=True)
        return f"{path} {self.kind} {self.threads}"

    def make(self, directory):
        return dict(super().make(directory), command=self.build())

    def wait_runs(self, count):
        return wait_for(lambda: len(self.runs()) >= count and self.runs(), 10 * SLOW,
                        f"{count} runs")

    def right(self, number, answer):
        body = super().request(number)["body"]
        told = json.loads(answer.body)
        return told["id"] == number and told["length"] == len(body) and \
            told["method"] == ("POST" if body else "GET")


class AtOnce:
    """Requests that are sent at once, each over a connection of its own: those of the queries, with
    the bodies, if any."""

    def __init__(self, server, queries, bodies=None, timeout=60):
        self.clients = []
        for query, body in zip(queries, bodies or [b""] * len(queries)):
            client = Client(server.address, timeout)
            self.clients.append(client)
            client.start(query=query, body=body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.close()

    def answers(self):
        """In their order; None: cut."""
        return [client.answer_or_cut() for client in self.clients]

    def told(self):
        """What the program says, where all are answered 200."""
        answers = self.answers()
        assert [a and a.status for a in answers] == [200] * len(answers), answers
        return [told_by(a) for a in answers]


def told_by(answer):
    return json.loads(answer.body.split(b"\n")[-2])


def ask(server, query="", timeout=60, **more):
    """One request; what the program says of it."""
    with Client(server.address, timeout) as c:
        answer = c.request(query=query, **more)
    assert answer.status == 200, bytes(answer.stdout)
    return told_by(answer)


def learn(server, n, workers=1, interval=0):
    """Let each worker show that it takes n requests at once: before, nobody relies on it. Twice: at
    the end of the first time it may be asked whether it reads what it keeps, and gets none until it
    has answered."""
    def shown():
        most = collections.Counter()
        with AtOnce(server, ["ms=300"] * n * workers) as batch:
            for t in batch.told():
                most[t["pid"]] = max(most[t["pid"]], t["beside"])
        return len(most) == workers and min(most.values()) == n
    wait_for(lambda: shown() and shown(), 10 * SLOW,
             f"{workers} workers to have {n} requests at once", interval=interval)


def learn_alone(server, n):
    """The same with pm = ondemand, whose only worker it is to be: one that was slow to accept has
    got company. There is none at the end. pm.process_idle_timeout is to be a second."""
    learn(server, n, interval=1.5)
    wait_for(lambda: not server.workers(), 10 * SLOW, "no worker")
