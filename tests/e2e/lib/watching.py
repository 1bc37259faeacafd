"""What processes have of memory, seen from outside again and again."""

import re
import threading

from servers import children

MB = 1 << 20


def shares(pid):
    """Bytes of memory that it has, no files, of what it shares with others its share; 0: it has
    ended."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            return sum(int(kb) for kb in re.findall(r"^(?:Pss_Anon|Pss_Shmem|SwapPss): +(\d+)",
                                                    f.read(), re.M)) * 1024
    except OSError:
        return 0


class Watch:
    """Twice a second, while it is entered: all children, a template too, of pool processes."""

    def __init__(self, *pools, every=0.5):
        self.pools, self.every = pools, every
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.most = 0  # bytes of all
        self.count = 0  # processes, at most
        self.largest = 0  # bytes of one
        self.times = 0  # they were looked at

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def _run(self):
        while not self.stop.wait(self.every):
            sizes = [shares(pid) for pool in self.pools for pid in children(pool)]
            self.most = max(self.most, sum(sizes))
            self.count = max(self.count, len(sizes))
            self.largest = max([self.largest, *sizes])
            self.times += 1

    def __str__(self):
        return (f"{self.most / MB:.0f} MB in all, {self.largest / MB:.0f} in one, "
                f"{self.count} processes; {self.times} times")
