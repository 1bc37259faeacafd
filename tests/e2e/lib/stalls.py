"""What the machine itself took: on a noisy virtual one a CPU may be gone for half a second."""

import os
import threading
import time

TICK = 0.01  # seconds between two looks at the clock
STALL = 0.05  # what a thread that only sleeps waits for its CPU, at least, to call it a stall
CPUS_MAX = 8


def run_delays(*pids):
    """Seconds that these and this thread have been ready to run, and had no CPU."""
    total = 0
    for path in ("thread-self", *pids):
        try:
            with open(f"/proc/{path}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[1])
        except OSError:  # it has ended
            pass
    return total / 1e9


class Stalls:
    """One thread on each CPU looks at the clock all the time; used with `with`."""

    def __init__(self):
        self.cpus = sorted(os.sched_getaffinity(0))[:CPUS_MAX]
        self.gaps = {cpu: [] for cpu in self.cpus}
        self.seen = {}
        self.ended = threading.Event()
        self.threads = []

    def watch(self, cpu):
        os.sched_setaffinity(0, {cpu})  # of this thread alone
        while not self.ended.is_set():
            time.sleep(TICK)
            now, last = time.monotonic(), self.seen[cpu]
            if now - last > TICK + STALL:
                self.gaps[cpu].append((last, now))
            self.seen[cpu] = now

    def since(self, started):
        """Seconds that the CPUs were away since then, one that is away now too."""
        lost, now = 0, time.monotonic()
        for cpu in self.cpus:
            gaps = list(self.gaps[cpu])
            if now - self.seen[cpu] > TICK + STALL:
                gaps.append((self.seen[cpu], now))
            lost += sum(end - max(begin, started) for begin, end in gaps if end > started)
        return lost

    def __enter__(self):
        self.ended.clear()
        for cpu in self.cpus:
            self.seen[cpu] = time.monotonic()
        self.threads = [threading.Thread(target=self.watch, args=(cpu,)) for cpu in self.cpus]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()
