"""Load straight over a listening address: clients with kept connections, every answer checked."""

import collections
import itertools
import threading
import time

from fcgi import Client, Closed

CLIENTS = 8


class Load:
    """Clients that send one request after the other until told to stop."""

    def __init__(self, address, program, numbers=None, clients=CLIENTS, ms=0, pause=0, timeout=30):
        self.address, self.program, self.timeout = address, program, timeout
        self.ms, self.pause = ms, pause  # that the program waits, seconds that a client waits
        self.numbers = numbers or itertools.count()
        self.stop, self.lock = threading.Event(), threading.Lock()
        self.sent = []  # numbers of requests
        self.served = 0
        self.failed = []  # (number, method, what was wrong)
        self.threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self):
        self.started = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(2 * self.timeout)
        assert not any(t.is_alive() for t in self.threads), "a request hangs"
        self.seconds = time.monotonic() - self.started

    def _run(self):
        client = None
        while not self.stop.wait(self.pause):
            with self.lock:
                number = next(self.numbers)
                self.sent.append(number)
            try:
                client = client or Client(self.address, self.timeout)
                wrong = ask(client, self.program, number, self.ms)
            except (Closed, OSError) as e:
                wrong = f"{type(e).__name__} {e}"
                if client:
                    client.close()
                client = None
            with self.lock:
                if wrong:
                    self.failed.append((number, wrong))
                else:
                    self.served += 1
        if client:
            client.close()


class Asks:
    """What clients ask all the time, each on its connection; every answer is to be whole."""

    def __init__(self, query):
        self.query = query

    def request(self, *_):
        return {"query": self.query}

    def right(self, *_):
        return True


def clients_of(address, query, count):
    return Load(address, Asks(query), clients=count, timeout=60)


def ask(client, program, number, ms=0):
    """One request; returns what is wrong with its answer, or None."""
    return judge(program, number, client.request(**program.request(number, ms)))


def judge(program, number, answer):
    if answer.status != 200:
        return f"{answer.status} {bytes(answer.stdout[:300])}"
    if answer.app_status or answer.protocol_status:
        return f"ended with {answer.app_status}, {answer.protocol_status}"
    return None if program.right(number, answer) else f"body {answer.body[:100]}"


def all_right(load, program=None):
    """Every request was answered rightly; of a program that notes its runs, each ran, and no POST
    ran twice."""
    assert load.served and not load.failed, (len(load.failed), load.served, load.failed[:5])
    if program is None or not program.notes:
        return
    runs = collections.Counter(program.runs())
    twice = {run: n for run, n in runs.items() if n > 1 and run.startswith("POST")}
    assert not twice, twice
    missing = {f"{'POST' if program.post and n % 2 else 'GET'} {n}" for n in load.sent} - set(runs)
    assert not missing, sorted(missing)[:5]
