"""What processes have of memory, seen from outside again and again."""

import os
import re
import threading

from servers import Anyfpm, children, wait_for

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
            sizes = [shares(pid) for pid in children(*self.pools)]
            self.most = max(self.most, sum(sizes))
            self.count = max(self.count, len(sizes))
            self.largest = max([self.largest, *sizes])
            self.times += 1

    def __str__(self):
        return (f"{self.most / MB:.0f} MB in all, {self.largest / MB:.0f} in one, "
                f"{self.count} processes; {self.times} times")


class MemoryGroup:
    """A control group with a limit of memory, of whichever version there is."""

    FILES = {2: ("memory.max", "memory.events"), 1: ("memory.limit_in_bytes", "memory.oom_control")}

    def __init__(self, path, version, limit):
        self.path, self.limit = path, limit
        limit_file, self.events = self.FILES[version]
        with open(f"{path}/{limit_file}", "w", encoding="ascii") as f:
            f.write(str(limit))

    @property
    def kills(self):
        with open(f"{self.path}/{self.events}", encoding="ascii") as f:
            return int(re.search(r"^oom_kill (\d+)", f.read(), re.M).group(1))

    def remove(self):
        wait_for(self._is_gone, 10, f"{self.path} to be removed")

    def _is_gone(self):
        try:
            os.rmdir(self.path)
        except OSError:
            pass
        return not os.path.exists(self.path)


def memory_group(limit):
    """A new one, or in words why there is none."""
    with open("/proc/self/mountinfo", encoding="ascii") as f:
        mounts = [line.split() for line in f]
    why = "no control groups are mounted"
    for fields in mounts:
        kind, options = fields[fields.index("-") + 1], fields[-1].split(",")
        version = 2 if kind == "cgroup2" else 1 if kind == "cgroup" and "memory" in options else 0
        if not version:
            continue
        path = f"{fields[4]}/anyfpm-memory-{os.getpid()}"
        try:
            os.mkdir(path)
        except OSError as e:
            why = f"no control group can be made in {fields[4]}: {e}"
            continue
        try:
            return MemoryGroup(path, version, limit)
        except OSError as e:
            os.rmdir(path)
            why = f"the control groups of {fields[4]} have no limit of memory: {e}"
    return why


class Within(Anyfpm):
    """anyfpm as a service manager starts it: in a control group of its own."""

    home = None  # the group's directory

    def launch(self, argv, **more):
        super().launch(["sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', self.home, *argv],
                       **more)
