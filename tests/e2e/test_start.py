"""What the master looks at, takes and refuses at its start."""

import fcntl
import os
import shlex
import stat

import servers
from fcgi import Client
from servers import ANYFPM, ROOT, wait_for


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


# The pid file and locks --------------------------------------------------------

def test_a_reader_of_the_pid_file_stops_no_start(odd, env):
    """Everybody may read the pid file, and lock what he can read: it is no lock of ours."""
    path = env.dir + "/anyfpm.pid"
    server = odd(global_options={"pid": path})
    with open(path, encoding="ascii") as f:
        assert mode_of(path) == 0o644 and mode_of(path + ".lock") == 0o600
        fcntl.flock(f, fcntl.LOCK_EX)
        server.kill()
        wait_for(lambda: not env.leftovers(), 10, "the pool to end")
        server.start()
        with open(path, encoding="ascii") as again:
            assert int(again.read()) == server.pid
    with Client(server.address) as c:
        assert c.request().status == 200
    server.stop()
    assert not os.path.exists(path) and not os.path.exists(path + ".lock")


def test_locks_of_sockets_are_not_for_others(odd):
    server = odd()
    assert mode_of(server.address + ".lock") == 0o600


def test_a_second_master_is_refused(odd, env):
    path = env.dir + "/anyfpm.pid"
    first = odd(global_options={"pid": path})
    second = odd(global_options={"pid": path}, wait=False)
    second.exit_code = 78
    second.sockets = []
    assert second.wait_exit() == 78
    assert f"belongs to a running anyfpm, pid {first.pid}" in second.said() + second.log()
    with open(path, encoding="ascii") as f:
        assert int(f.read()) == first.pid


# The quick form ----------------------------------------------------------------

class Quick(servers.Anyfpm):
    """anyfpm -l ADDRESS [-n N] -- program, in the foreground, with what the log says on stderr."""

    def __init__(self, env, command, *args, **more):  # pylint: disable=super-init-not-called
        servers.Server.__init__(self, env)
        self.address = f"{env.dir}/quick.sock"
        self.exit_code, self.killed, self.sockets = 0, False, [self.address]
        root = ["-R"] if ROOT else []
        self.launch([ANYFPM, *root, "-l", self.address, *args, "--", *shlex.split(command)],
                    cwd=env.dir, **more)
        env.note(self.pid)

    def log(self):
        return self.said()


def test_a_worker_for_each_usable_cpu(env):
    """In a container that has one of many CPUs, one worker is started."""
    server = Quick(env, env.worker("echo"),
                   preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}))
    server.wait_log(r"ready to handle connections", timeout=15)
    assert len(server.workers()) == 1
    server.stop()
    assert server.log().count(" started") == 1
