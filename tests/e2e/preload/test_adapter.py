"""contrib/preload/anyfpm_preload.py: a program that speaks the protocol of preload/template.h itself."""

import errno
import json
import os

import pytest
from preloading import check_worker, template  # noqa: F401
from servers import PYTHON, TOP, WORKERS, alive, status_of

COMMAND = [PYTHON, WORKERS + "/draws.py"]
PATHS = {"PYTHONPATH": f"{TOP}/contrib/preload:{TOP}/tests/e2e/lib", "PYTHONDONTWRITEBYTECODE": "1"}


def ask(worker):
    return json.loads(worker.ask().body)


@pytest.mark.parametrize("more", [[], ["ignore"]])
def test_workers_draw_different_numbers(template, more):
    """os.fork() seeds `random` anew, which a fork below Python does not."""
    made = template(COMMAND + more, PATHS)
    assert made.wait_ready().pid == made.pid
    seen = []
    for _ in range(3):
        worker = made.order()
        check_worker(worker, made, clears=False)
        seen.append(ask(worker))
        assert sorted(worker.descriptors())[:3] == [0, 1, 2]
        assert made.channel_fd not in worker.descriptors()
        assert int(status_of(worker.pid)["SigBlk"], 16) == 0
        environ = seen[-1]["environ"]
        assert environ["ANYFPM_SLOT"] == str(worker.slot)
        assert "ANYFPM_TEMPLATE_FD" not in environ and "LD_PRELOAD" not in environ
    assert len({s["first"] for s in seen}) == 1 and len({s["drawn"] for s in seen}) == 3
    made.leaves_no_zombie()
    made.channel.close()
    assert made.wait_exit() == 0


def test_the_library_alone_repeats_numbers(template):
    """What the manual page says of random numbers, and why there is the adapter."""
    made = template(COMMAND + ["plain"], PATHS)
    made.wait_ready()
    assert ask(made.order())["drawn"] == ask(made.order())["drawn"]


def test_executed_as_without_preload(template):
    worker = template(COMMAND, PATHS, preload=False).own
    assert ask(worker)["pid"] == worker.pid


def test_order_that_fails(template):
    made = template(COMMAND, PATHS)
    made.wait_ready()
    full = os.open("/dev/full", os.O_WRONLY)
    worker = made.socket_and_pipes()
    said = made.order_fails(flags=1, fds=[worker.listener.fileno(), full, full, full])
    assert said.arg == errno.ENOSPC and said.pid != made.pid
    os.close(full)
    worker.close()
    made.leaves_only(said.pid)
    assert ask(made.order()) and alive(made.pid)
