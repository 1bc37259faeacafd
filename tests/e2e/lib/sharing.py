"""What processes have of memory by their share, and many requests at one moment."""

import re
import selectors
import time

from fcgi import Client
from web import fetch_all

OWN = ("Pss_Anon", "Pss_Shmem")


def pss_kb(pids, kinds=("Pss",)):
    """Sum of the proportional sizes: what several share is divided among them. OWN is that without
    the pages of files, which the page cache has anyway, and which count less when other processes
    of the machine, too, have mapped them."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += sum(int(line.split()[1]) for line in f if line.partition(":")[0] in kinds)
    return total


def worker_of(reply):
    """The pid that the header X-Worker has, or the demo's page."""
    said = reply.headers["X-Worker"]
    return int(said or re.search(rb"worker (\d+)", reply.body).group(1))


def serve_each(front, path, workers, times, timeout):
    """Ask until each worker has answered so often; returns their pids."""
    served, deadline = {}, time.monotonic() + timeout
    while sum(n >= times for n in served.values()) < workers:
        assert time.monotonic() < deadline, f"not every worker was used: {served}"
        for reply in fetch_all(front, [path] * (8 * workers), 2 * workers):
            assert reply.status == 200, (reply.status, reply.body[:300])
            pid = worker_of(reply)
            served[pid] = served.get(pid, 0) + 1
    return list(served)


def burst(address, count, timeout, **params):
    """Send so many requests at once, each on its own connection; seconds from the first one sent to
    each answer."""
    clients = [Client(address, timeout) for _ in range(count)]
    took = []
    with selectors.DefaultSelector() as selector:
        began = time.monotonic()
        for client in clients:
            client.start(**params)
            selector.register(client.sock, selectors.EVENT_READ, client)
        while len(took) < count:
            ready = selector.select(timeout)
            assert ready, f"{len(took)} of {count} were answered"
            for key, _ in ready:
                answer = key.data.answer()
                assert answer.status == 200, bytes(answer.stdout[:300])
                took.append(time.monotonic() - began)
                selector.unregister(key.fileobj)
                key.data.close()
    return took
