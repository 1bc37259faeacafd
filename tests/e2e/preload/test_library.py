"""What anyfpm-preload.so does inside a program, at the orders of a pool process (preload/template.h).
"""

import errno
import os
import signal
import socket
import subprocess

import pytest
from preloading import (EPOLL, FAILED, FORKED, IS_TRACED, LIBRARY, READY, REFUSED, Template,
                        be_subreaper, check_worker, preloaded, template)  # noqa: F401
from servers import ASAN, SLOW, alive, children, memory_kb, stat, status_of, wait_for


def ready(template, *argv, **more):
    made = template(list(argv), **more)
    assert made.wait_ready().pid == made.pid
    return made


@pytest.mark.parametrize("first", ["accept", "poll", "ppoll", "select", "pselect", "others"])
def test_stops_at_the_first_call(template, preloaded, first):
    """It waits there, and each worker returns from the call as if it had been executed."""
    made = ready(template, preloaded, first)
    for worker in (made.order(), made.order(4294967295)):
        check_worker(worker, made)
        seen = worker.report()
        assert seen["pid"] == str(worker.pid)
        assert seen["slot"] == str(worker.slot)
        assert seen["template"] == seen["preload"] == "-"
        assert seen["polled"] == ("1 77" if "poll" in first or "select" in first else "-1 0")
        assert seen["blocked"] == "0 0"
    made.leaves_no_zombie()


def test_descriptors_and_signals_are_those_of_an_executed_worker(template, preloaded):
    executed = template([preloaded, "accept"], preload=False)
    executed.own.report()
    made = ready(template, preloaded)
    worker = made.order()
    worker.report()
    for one in (worker, executed.own):  # once the connection is closed
        wait_for(lambda: sorted(one.descriptors()) == [0, 1, 2], 5 * SLOW)
    assert worker.descriptors() == executed.own.descriptors()
    for name in ("SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd", "Threads"):
        assert status_of(worker.pid)[name] == status_of(executed.pid)[name], name


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])  # the latter has its own getenv()
def test_chain_of_programs(template, preloaded, shell):
    """Scripts may execute it; the channel reaches it, and what is loaded besides stays."""
    made = ready(template, shell, "-c", f"exec /usr/bin/env WRAPPED=1 {preloaded}")
    worker = made.order()
    check_worker(worker, made)
    assert worker.environ()["WRAPPED"] == "1"


def test_other_libraries_stay_preloaded(template, preloaded):
    other = subprocess.run(["ldd", preloaded], capture_output=True, text=True, check=True).stdout
    other = next(word for word in other.split() if "libfcgi" in word and word.startswith("/"))
    made = ready(template, preloaded, more_preload=[other])
    assert LIBRARY in made.own.environ()["LD_PRELOAD"]
    worker = made.order()
    assert worker.environ()["LD_PRELOAD"] == worker.report()["preload"] == other


@pytest.mark.parametrize("dup", ["dup=3", "dup=40"])
@pytest.mark.parametrize("more", [["poll"], ["close=0", "select"], []])
def test_copy_of_the_listening_socket(template, preloaded, dup, more):
    made = ready(template, preloaded, dup, *more)
    worker = made.order()
    sockets = [fd for fd, what in worker.descriptors().items() if what == "socket:"]
    assert sorted(sockets) == ([] if "close=0" in more else [0]) + [int(dup[4:])]
    assert all(worker.is_on(fd, worker.listener.fileno()) for fd in sockets)
    assert worker.report()["cloexec"] == "1"


def test_flags_of_descriptors(template, preloaded):
    made = ready(template, preloaded, "nonblock", "poll")
    assert made.order().report()["nonblock"] == "1 1"


def test_closed_streams_stay_closed(template, preloaded):
    made = ready(template, preloaded, "close=1", "close=2")
    for _ in range(2):
        worker = made.order()
        assert list(worker.descriptors()) == [0]
        worker.report()


def test_another_stderr_and_directory_stay(template, preloaded, env):
    made = ready(template, preloaded, f"stderr={env.dir}/pub/own.log", "chdir=/usr")
    worker = made.order()
    worker.report()
    assert os.readlink(f"/proc/{worker.pid}/fd/2") == env.dir + "/pub/own.log"
    assert os.readlink(f"/proc/{worker.pid}/cwd") == "/usr"
    assert worker.is_on(1, worker.out)


@pytest.mark.parametrize("behaviour", ["ignore", "handlers", "restart", "child"])
def test_program_does_not_see_our_children(template, preloaded, behaviour):
    made = ready(template, preloaded, behaviour)
    others = children(made.pid)
    for _ in range(5):
        worker = made.order()
        assert worker.report()["signals"] == "0 0"
        worker.end()
    made.leaves_no_zombie()
    assert children(made.pid) == others
    wait_for(lambda: status_of(made.pid)["ShdPnd"] == status_of(made.pid)["SigPnd"] == "0" * 16, 5,
             "no signal")


@pytest.mark.parametrize("behaviour", ["handlers", "restart"])
def test_handlers_run_while_it_waits(template, preloaded, behaviour):
    made = ready(template, preloaded, behaviour)
    made.kill(signal.SIGUSR1)
    wait_for(lambda: int(status_of(made.pid)["ShdPnd"], 16) == 0, 5)
    assert made.order().report()["signals"] == "0 1"
    assert alive(made.pid)


def test_mask_of_the_program_stays(template, preloaded):
    made = ready(template, preloaded, "block")
    assert made.order().report()["blocked"] == "1 0"
    assert int(status_of(made.pid)["SigBlk"], 16) == 1 << (signal.SIGUSR2 - 1)


def test_atfork_handlers_run(template, preloaded):
    """libc's fork, twice: the template's count of ends as a parent is that of the orders."""
    made = ready(template, preloaded, "atfork")
    assert made.order().report()["atfork"] == "2 0 2"
    assert made.order().report()["atfork"] == "3 1 2"


def test_environment_of_the_program_stays(template, preloaded):
    made = ready(template, preloaded, "setenv")
    worker = made.order()
    assert worker.environ()["ANYFPM_SLOT"] == worker.report()["slot"] == str(worker.slot)


def test_program_that_writes_its_title_over_its_environment(template, env):
    made = ready(template, "/usr/bin/perl", "-MSocket", "-e",
                 "$0 = 'x' x 3000; accept(C, STDIN); print C `env`; close C; sleep 1 while 1")
    worker = made.order()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(worker.path)
        lines = s.makefile(encoding="ascii").read().splitlines()
    assert f"ANYFPM_SLOT={worker.slot}" in lines
    assert not [line for line in lines if "anyfpm-preload" in line or "TEMPLATE" in line]


@pytest.mark.parametrize("how", ["unsetenv=ANYFPM_TEMPLATE_FD", "clearenv", "closefrom"])
def test_no_template_without_its_channel(template, preloaded, how):
    """A program that speaks the protocol by itself, or has closed the channel, just accepts."""
    made = template([preloaded, how])
    assert made.own.report()["pid"] == str(made.pid)
    assert made.hears_nothing() == ("the end" if how == "closefrom" else True)


def test_epoll_is_refused(template, preloaded):
    made = template([preloaded, "epoll"])
    said = made.hear(REFUSED)
    assert (said.arg, said.pid) == (EPOLL, made.pid)
    assert made.own.report()["pid"] == str(made.pid)
    assert made.hears_nothing() is True


def test_ready_is_said_once_with_threads(template, preloaded):
    """The pool process sees that there are two, and gives no order."""
    made = ready(template, preloaded, "thread")
    wait_for(lambda: status_of(made.pid)["Threads"] == "2", 5)
    assert made.hears_nothing() is True


def test_end_of_the_channel_is_its_end(template, preloaded):
    made = ready(template, preloaded)
    worker = made.order()
    made.channel.close()
    assert made.wait_exit() == 0
    assert worker.report()["pid"] == str(worker.pid)


def test_sigterm_ends_it(template, env):
    made = ready(template, "/usr/bin/perl", "-MSocket", "-e", "accept(my $c, STDIN)")
    made.kill(signal.SIGTERM)
    assert made.wait_exit() == -signal.SIGTERM


def test_worker_ends_with_the_pool_process(env, preloaded):
    """Not with the process between, nor with the template."""
    reader, writer = os.pipe()
    stand_in = os.fork()
    if stand_in == 0:
        made = Template(env, [preloaded])
        made.wait_ready()
        worker = made.order()
        made.kill()
        made.wait_exit()
        worker.report()
        os.write(writer, b"%d" % worker.pid)
        signal.pause()
        os._exit(0)
    os.close(writer)
    pid = int(os.read(reader, 32))
    os.close(reader)
    assert stat(pid)[1] == stand_in
    os.kill(stand_in, signal.SIGKILL)
    os.waitpid(stand_in, 0)
    wait_for(lambda: not alive(pid), 5 * SLOW, "the worker to end")


def test_no_worker_of_another_parent(template, preloaded):
    """Its parent becomes another than the order said."""
    made = ready(template, preloaded)
    worker = made.socket_and_pipes()
    made.send(worker, parent=made.pid + 100000)
    assert made.leaves_only() == 126
    worker.close()
    assert made.hears_nothing() is True
    made.order().report()


@pytest.mark.parametrize("fault,error", [
    ("first", errno.EAGAIN), ("second", errno.EAGAIN), ("killed", errno.EINTR)])
@pytest.mark.parametrize("more", [[], ["ignore"]])
def test_failed_fork_is_said_once(template, preloaded, fault, error, more):
    made = ready(template, preloaded, "handlers", *more, "fault=" + fault)
    before = os.listdir(f"/proc/{made.pid}/fd")
    for _ in range(3):
        said = made.order_fails()
        assert (said.arg, said.pid) == (error, made.pid)
    made.leaves_no_zombie()
    assert os.listdir(f"/proc/{made.pid}/fd") == before
    made.kill(signal.SIGUSR1)  # from now on forks succeed
    wait_for(lambda: int(status_of(made.pid)["ShdPnd"], 16) == 0, 5)
    assert made.order().report()["signals"] == "0 1"


def test_order_is_answered_once_when_the_process_between_is_killed(template, preloaded):
    """It has forked, and did not come to say so."""
    made = ready(template, preloaded, "fault=killed-late")
    for _ in range(30):
        worker = made.socket_and_pipes()
        made.send(worker)
        said = made.hear(FORKED, FAILED)
        if said.word == FORKED:
            os.kill(said.pid, signal.SIGKILL)
        worker.close()
        made.leaves_only(said.pid if said.word == FORKED else None)
    assert made.hears_nothing() is True


def test_wrong_orders_are_answered(template, preloaded):
    made = ready(template, preloaded)
    before = os.listdir(f"/proc/{made.pid}/fd")
    null = os.open("/dev/null", os.O_WRONLY)
    assert made.order_fails(flags=1).arg == errno.EINVAL  # no cgroup.procs comes with it
    assert made.order_fails(fds=[null] * 9).arg == errno.EINVAL
    assert made.order_fails(fds=[]).arg == errno.EINVAL
    assert made.order_fails(size=4).arg == errno.EINVAL
    full = os.open("/dev/full", os.O_WRONLY)
    worker = made.socket_and_pipes()
    said = made.order_fails(flags=1, fds=[worker.listener.fileno(), null, null, full])
    assert said.arg == errno.ENOSPC and said.pid != made.pid  # of the worker that was to be
    worker.close()
    made.leaves_only(said.pid)
    os.close(null)
    os.close(full)
    wait_for(lambda: os.listdir(f"/proc/{made.pid}/fd") == before, 10 * SLOW,
             "the descriptors of before")
    made.order().report()


def test_no_room_for_descriptors(template, preloaded):
    made = ready(template, preloaded)
    count = len(os.listdir(f"/proc/{made.pid}/fd"))
    subprocess.run(["prlimit", f"--pid={made.pid}", "--nofile=5:"], check=True)
    assert made.order_fails().arg == errno.EMFILE
    assert len(os.listdir(f"/proc/{made.pid}/fd")) == count
    subprocess.run(["prlimit", f"--pid={made.pid}", "--nofile=1024:"], check=True)
    made.order().report()


def test_traced(template, preloaded):
    """PR_SET_PTRACER is asked for; where there is no Yama it is an error, and not needed."""
    made = ready(template, preloaded)
    worker = made.order(flags=IS_TRACED)
    check_worker(worker, made)


@pytest.mark.load
@pytest.mark.limit(300)
def test_many_forks_leak_nothing(template, preloaded):
    made = ready(template, preloaded)

    def fork(count):
        for _ in range(count):
            made.workers.clear()
            made.order().end()

    fork(20)
    # It closes those of an order when there is a worker already.
    wait_for(lambda: len(os.listdir(f"/proc/{made.pid}/fd")) == 4, 5 * SLOW,
             "no order's descriptors")
    before = os.listdir(f"/proc/{made.pid}/fd"), os.listdir("/proc/self/fd")
    rss = memory_kb(made.pid), memory_kb(made.pid, "VmSize")
    fork(200 if ASAN else 2000)
    wait_for(lambda: (os.listdir(f"/proc/{made.pid}/fd"), os.listdir("/proc/self/fd")) == before,
             5 * SLOW, "the descriptors of before")
    assert (memory_kb(made.pid), memory_kb(made.pid, "VmSize")) == rss
    made.leaves_no_zombie()
