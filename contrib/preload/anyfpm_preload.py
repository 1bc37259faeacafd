"""Be a template of anyfpm's pm.preload: load once, then become a worker in each fork.

    import anyfpm_preload
    import application              # all that is to be loaded once
    anyfpm_preload.wait()           # returns in each worker
    application.serve()             # connect to databases, accept on descriptor 0

Without pm.preload, wait() returns at once. With it, anyfpm's library would do without this module,
but forks below Python. os.fork() runs Python's own handlers (os.register_at_fork), so that `random`
is seeded anew in each worker, and os.environ has the worker's ANYFPM_SLOT. The program must have no
other thread, and not listen with asyncio, before wait() returns. preload/template.h in anyfpm's
sources specifies the protocol.
"""

import ctypes
import errno
import os
import signal
import socket
import stat
import struct
import time

VERSION = 1
READY, FORKED, FAILED = 2, 4, 5  # enum template_word
HAS_CGROUP, IS_TRACED, SERVES = 1, 2, 4  # enum template_flags
PR_SET_PDEATHSIG, PR_SET_PTRACER = 1, 0x59616d61
SLOT_TEXT = b"0000000000"

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
_libc.getenv.restype = ctypes.c_void_p


def wait(serve_one=None):
    """Wait for orders. Returns in each worker; at once when this is not a template.

    serve_one(), if given, accepts one connection on descriptor 0, answers its request and closes it:
    that is for pm.preload_warmup.
    """
    number = os.environ.pop("ANYFPM_TEMPLATE_FD", None)  # anyfpm's library does nothing from now on
    if number is None:
        return
    paths = os.environ.pop("LD_PRELOAD", "").replace(" ", ":").split(":")
    others = [path for path in paths if path and not path.endswith("/anyfpm-preload.so")]
    if others:
        os.environ["LD_PRELOAD"] = ":".join(others)
    channel = socket.socket(fileno=int(number))
    _say(channel, READY, 0, VERSION)
    while True:
        data, fds, _, _ = socket.recv_fds(channel, 16, 4, socket.MSG_CMSG_CLOEXEC)
        if not data:
            os._exit(0)
        serial, slot, parent, flags = struct.unpack("=IIII", data)
        if flags & SERVES:
            if serve_one is None:
                _say(channel, FAILED, serial, errno.EOPNOTSUPP)
            else:
                serve_one()
                _say(channel, READY, 0, VERSION)
            continue
        is_worker = _carry_out(channel, fds, serial, slot, parent, flags)
        for fd in fds:
            os.close(fd)
        if is_worker:
            channel.close()
            return


def _say(channel, word, serial, arg=0):
    channel.send(struct.pack("=III", word, serial, arg))


def _carry_out(channel, fds, serial, slot, parent, flags):
    """True in the worker, a grandchild whose parent exits, so that it is the pool process's."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    error = 0
    try:
        child = os.fork()
    except OSError as e:
        child, error = None, e.errno
    if child == 0:
        _be_worker(channel, fds, serial, slot, parent, flags, between=_fork_again(slot))
    elif child is not None:
        try:
            error = abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        except ChildProcessError:
            pass  # the program ignores SIGCHLD
        signal.sigtimedwait([signal.SIGCHLD], 0)  # nor should it see this one
    if error:
        _say(channel, FAILED, serial, error)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return child == 0


def _fork_again(slot):
    """Returns in the worker, the pid of the process between."""
    between = os.getpid()
    place = _libc.getenv(b"ANYFPM_SLOT")  # where /proc/PID/environ reads
    if place and ctypes.string_at(place) == SLOT_TEXT:
        ctypes.memmove(place, str(slot).encode().ljust(len(SLOT_TEXT), b"\0"), len(SLOT_TEXT))
    try:
        if os.fork():
            os._exit(0)
    except OSError as e:
        os._exit(e.errno)
    return between


def _be_worker(channel, fds, serial, slot, parent, flags, between):
    try:
        if flags & HAS_CGROUP:
            os.write(fds[3], b"0")
        while os.getppid() == between:
            time.sleep(0.0001)
        os.setpgid(0, 0)  # before PR_SET_PDEATHSIG: it waits until the kernel has sent that
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(126)  # the pool process is gone
        if flags & IS_TRACED:
            _libc.prctl(PR_SET_PTRACER, parent, 0, 0, 0)
        os.dup2(fds[0], 0)
        for fd in (1, 2):
            if _is_pipe(fd):
                os.dup2(fds[fd], fd)
        os.environ["ANYFPM_SLOT"] = str(slot)
        _say(channel, FORKED, serial)
    except OSError as e:
        _say(channel, FAILED, serial, e.errno)
        os._exit(126)


def _is_pipe(fd):
    """Unless the program has closed it, or writes to a file of its own."""
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False
