"""What the master looks at, takes and refuses at its start."""

import fcntl
import os
import pwd
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile

import pytest

import servers
from fcgi import Client
from servers import ANYFPM, ROOT, USER, Quick, wait_for

needs_root = pytest.mark.skipif(not ROOT, reason="only root has users that it does not trust")


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

def test_a_worker_for_each_usable_cpu(env):
    """In a container that has one of many CPUs, one worker is started."""
    server = Quick(env, env.worker("echo").split(),
                   preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}))
    server.wait_log(r"ready to handle connections", timeout=15)
    assert len(server.workers()) == 1
    server.stop()
    assert server.log().count(" started") == 1


# Logs --------------------------------------------------------------------------

@pytest.fixture
def safe():
    """A directory that nobody else can write into, wherever the tests run."""
    path = tempfile.mkdtemp(prefix="anyfpm-test-", dir="/var/lib" if ROOT else "/var/tmp")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def ask(server, uri="/linked"):
    with Client(server.address) as c:
        assert c.request(uri=uri).status == 200


@pytest.mark.parametrize("target", ["/dev/stderr", "/dev/stdout", "/proc/self/fd/2", "/dev/fd/1",
                                    "../../../dev/stderr", "again"])
def test_logs_that_are_links_to_standard_streams(odd, safe, target):
    """As images of containers have it; a re-opening changes nothing."""
    os.symlink("/dev/stderr", safe + "/again")
    for name in ("error.log", "access.log", "slow.log"):
        os.symlink(target, f"{safe}/{name}")
    server = odd("echo", {"access.log": safe + "/access.log", "slowlog": safe + "/slow.log",
                           "request_slowlog_timeout": "10s"},
                 global_options={"error_log": safe + "/error.log"}, wait=False)
    wait_for(lambda: "ready to handle connections" in server.said(), 15, "anyfpm to be ready")
    ask(server)
    wait_for(lambda: "/linked" in server.said(), 10, "an access line")
    server.signal(signal.SIGUSR1)
    wait_for(lambda: "there is no file to re-open" in server.said(), 10, "the signal to be obeyed")
    ask(server, "/again")
    wait_for(lambda: "/again" in server.said(), 10, "an access line")
    server.stop()
    assert server.said().endswith("exiting, bye-bye!\n")
    assert sorted(os.listdir(safe)) == ["access.log", "again", "error.log", "slow.log"]


def start_and_test(anyfpm, env, options=None, global_options=None):
    """What a start says that fails, and that -t says the same. Both end with 78."""
    server = anyfpm(env.worker("echo"), options, wait=False,
                    global_options={"error_log": "stderr", **(global_options or {})})
    server.exit_code, server.sockets = 78, []
    assert server.wait_exit() == 78
    got = subprocess.run([ANYFPM, "-t", "-y", server.config_path], env=env.environment(),
                         capture_output=True, text=True, check=False)
    assert got.returncode == 78, got.stderr
    said, tested = (sorted({line.partition("] ")[2] for line in text.splitlines()
                            if "ERROR" in line}) for text in (server.said(), got.stderr))
    assert said == tested and said
    return "\n".join(said)


@needs_root
@pytest.mark.parametrize("log", ["access.log", "slowlog", "error_log"])
@pytest.mark.parametrize("whose", ["link", "directory", "acl", "acl of a group"])
def test_links_of_others_are_refused(anyfpm, env, safe, log, whose):
    """The link, or its directory, is a pool user's: he could have it lead anywhere."""
    user = pwd.getpwnam(USER)
    os.symlink("/dev/stderr", safe + "/log")
    if whose == "link":
        os.chown(safe + "/log", user.pw_uid, user.pw_gid, follow_symlinks=False)
    elif whose == "directory":
        os.chown(safe, user.pw_uid, -1)
    else:
        tag, owner = (8, user.pw_gid) if whose == "acl of a group" else (2, user.pw_uid)
        entries = [(1, 7, -1), (4, 5, -1), (0x10, 7, -1), (0x20, 5, -1), (tag, 7, owner)]
        acl = b"".join(struct.pack("<HHi", *e) for e in sorted(entries))
        try:
            os.setxattr(safe, "system.posix_acl_access", struct.pack("<I", 2) + acl)
        except OSError:
            pytest.skip("the file system has no access control lists")
    slow = {"request_slowlog_timeout": "1s"} if log == "slowlog" else {}
    if log == "error_log":
        said = start_and_test(anyfpm, env, None, {log: safe + "/log"})
    else:
        said = start_and_test(anyfpm, env, {log: safe + "/log", **slow})
    assert ("a symbolic link of another user's" if whose == "link"
            else "can be written by a pool's user") in said


def test_links_to_files_are_refused(anyfpm, env, safe):
    os.symlink("file", safe + "/log")
    with open(safe + "/file", "w", encoding="ascii"):
        pass
    said = start_and_test(anyfpm, env, {"access.log": safe + "/log"})
    assert f"it is a symbolic link, to {safe}/file; write that path instead" in said
    os.remove(safe + "/file")
    said = start_and_test(anyfpm, env, {"access.log": safe + "/log"})
    assert "it is a symbolic link to nothing" in said and not os.path.exists(safe + "/file")


def test_a_slow_log_that_is_off_is_not_opened(odd, env):
    """Without request_slowlog_timeout nothing is written there: its directory may be missing."""
    server = odd(options={"slowlog": env.dir + "/none/slow.log"})
    ask(server)


# What a start needs, and -t looks at --------------------------------------------

def test_everything_wrong_is_said_at_once(anyfpm, env):
    """Missing directories of logs, sockets and the pid file, whether started or tested."""
    said = start_and_test(anyfpm, env, {
        "access.log": f"{env.dir}/none/access", "slowlog": f"{env.dir}/none/slow",
        "request_slowlog_timeout": "1s", "listen": f"{env.dir}/none/socket",
        "pm.status_path": "/status", "pm.status_listen": f"{env.dir}/nothing/status",
    }, {"error_log": f"{env.dir}/none/error", "pid": f"{env.dir}/none/pid",
        "metrics_listen": f"{env.dir}/none/metrics"})
    for what in ("access.log", "slowlog", "error_log", "pid file"):
        assert f"cannot open the directory of {what} {env.dir}/none/" in said
    for what in (f"[pool www] cannot listen on {env.dir}/none/socket",
                 f"[pool www] cannot listen on {env.dir}/nothing/status",
                 f"metrics_listen: cannot listen on {env.dir}/none/metrics"):
        assert f"{what}: there is no directory" in said


def test_things_in_the_way(anyfpm, env, safe):
    """Neither a start nor a test changes what it cannot use."""
    for name in ("socket", "pid"):
        with open(f"{safe}/{name}", "w", encoding="ascii") as f:
            f.write("precious")
    os.mkdir(safe + "/access")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(safe + "/slow")
    said = start_and_test(anyfpm, env, {
        "access.log": safe + "/access", "slowlog": safe + "/slow", "listen": safe + "/socket",
        "request_slowlog_timeout": "1s"}, {"pid": safe + "/pid"})
    assert "access.log" in said and "it is a directory" in said
    assert "slowlog" in said and "it is a socket" in said
    assert "a file that is not a socket is in the way" in said
    assert "or holds more than a process id" in said
    assert sorted(os.listdir(safe)) == ["access", "pid", "slow", "socket"]
    for name in ("socket", "pid"):
        with open(f"{safe}/{name}", encoding="ascii") as f:
            assert f.read() == "precious"


def test_addresses_that_are_not_ours(anyfpm, env):
    said = start_and_test(anyfpm, env, {"listen": "192.0.2.1:9000"})
    assert "this machine has no such address" in said


@pytest.mark.parametrize("address", ["socket", "port"])
def test_a_running_service_can_be_tested(odd, env, address):
    """-t is run before a restart: what this service uses itself is not in its way."""
    listen = f"127.0.0.1:{servers.free_port()}" if address == "port" else env.dir + "/www.sock"
    server = odd(options={"access.log": env.dir + "/access" if not ROOT else None,
                          "listen": listen}, global_options={"pid": env.dir + "/pid"})
    got = subprocess.run([ANYFPM, "-t", "-y", server.config_path], env=env.environment(),
                         capture_output=True, text=True, check=False)
    assert got.returncode == 0, got.stderr
    ask(server)


def test_a_test_makes_nothing(env, safe):
    """Not even the files that the start would make."""
    path = env.dir + "/test.conf"
    user = f"user = {USER}\n" if ROOT else ""
    with open(path, "w", encoding="ascii") as f:
        f.write(f"[global]\nerror_log = {safe}/error\npid = {safe}/pid\n[www]\n{user}"
                f"command = /bin/cat\nlisten = {safe}/socket\npm.max_children = 1\n"
                f"access.log = {safe}/access\n")
    got = subprocess.run([ANYFPM, "-t", "-y", path], capture_output=True, text=True, check=False)
    assert got.returncode == 0, got.stderr
    assert os.listdir(safe) == []


READ_ONLY = """set -e
    mount --make-rprivate /
    for d in /tmp /var/tmp /run /var/run /usr/local/var; do
        [ ! -d $d ] || [ -L $d ] || mount -t tmpfs -o ro none $d
    done
    exec "$@" """


def in_namespace(script, *argv, **more):
    argv = ["unshare", "-m", "sh", "-c", script, "sh", *argv]
    return subprocess.run(argv, cwd="/", capture_output=True, text=True, timeout=20, check=False,
                          **more)


needs_namespaces = pytest.mark.skipif(
    not ROOT or in_namespace("mount -t tmpfs none /mnt").returncode != 0,
    reason="cannot mount as this user")


@needs_namespaces
def test_nothing_can_be_written():
    """A container without a volume: the start ends and names the directory; no port is opened."""
    with tempfile.TemporaryDirectory(dir="/var/lib") as directory:
        os.chmod(directory, 0o755)
        binary = shutil.copy(ANYFPM, directory)
        user = pwd.getpwnam(USER)
        argv = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
                "env", "-u", "XDG_RUNTIME_DIR", "-u", "TMPDIR", binary]
        quick = ["-l", f"127.0.0.1:{servers.free_port()}", "-n", "1", "--", "/bin/cat"]
        for options in ([], ["-t"]):
            got = in_namespace(READ_ONLY, *argv, *options, *quick)
            assert got.returncode == 78, got.stderr
            assert "/tmp: Read-only file system" in got.stderr
            assert "XDG_RUNTIME_DIR" in got.stderr and "running" not in got.stderr


@needs_namespaces
def test_a_missing_null_device_is_named():
    """As in a chroot without devices: no process could ever be started."""
    quick = ["-R", "-l", f"127.0.0.1:{servers.free_port()}", "-n", "1", "--", "/bin/cat"]
    script = "mount --make-rprivate /; mount -t tmpfs none /dev; exec \"$@\""
    for options in ([], ["-t"]):
        got = in_namespace(script, ANYFPM, *options, *quick)
        assert got.returncode == 78, got.stderr
        assert "cannot open /dev/null" in got.stderr and "mknod" in got.stderr


# Many pools, and pools that cannot be started -----------------------------------

FEW = 64  # descriptors: fewer than the master needs


class Limited(servers.Anyfpm):
    """Started with a soft limit of few descriptors."""

    def launch(self, argv, **more):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        super().launch(argv, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                                                   (FEW, hard)), **more)


def soft_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        return next(int(line.split()[3]) for line in f if line.startswith("Max open files"))


def test_more_pools_than_the_soft_limit_bears(env, safe):
    """The master raises its own limit; workers get the one that anyfpm was started with."""
    logs = safe if ROOT else env.dir
    pools = {f"p{i}": {"command": env.worker("echo"), "listen": f"{env.dir}/{i}.sock",
                       "pm": "ondemand", "access.log": f"{logs}/access", "slowlog": f"{logs}/slow",
                       "request_slowlog_timeout": "10s", "pm.status_path": "/status",
                       "pm.status_listen": f"{env.dir}/status{i}.sock"} for i in range(20)}
    server = Limited(env, None, pools=pools)
    with Client(f"{env.dir}/19.sock") as c:
        assert c.request().status == 200
        assert [soft_limit(w) for w in server.workers()] == [FEW]
    assert soft_limit(server.pid) > FEW
    assert len(os.listdir(f"/proc/{server.pid}/fd")) > FEW


@needs_root
@pytest.mark.parametrize("option", ["-F", "-D"])
def test_a_pool_that_cannot_be_started_fails_the_start(env, safe, option):
    """Root without the right to become somebody else: no retry would help. All pools say so, the
    one that could serve does not stay."""
    path = env.dir + "/test.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"[global]\nerror_log = {safe}/error\npid = {safe}/pid\n")
        for name in "abc":
            user = f"user = {USER}\n" if name != "c" else ""
            f.write(f"[{name}]\n{user}command = /bin/cat\n"
                    f"listen = {env.dir}/{name}.sock\npm = ondemand\npm.max_children = 1\n"
                    f"env[ANYFPM_TEST] = {env.mark}\n")
    got = subprocess.run(["setpriv", "--bounding-set", "-setuid,-setgid", ANYFPM, "-R", option,
                          "-y", path], env=env.environment(), capture_output=True, text=True,
                         timeout=60, check=False)
    with open(safe + "/error", encoding="utf-8") as f:
        log = f.read()
    assert got.returncode == 78, log + got.stderr
    for name in "ab":
        assert f'[pool {name}] cannot become user "{USER}"' in log
    assert "2 of 3 pools could not be started" in log and "ready to handle" not in log
    assert option == "-F" or "the error log says why" in got.stderr
    assert os.listdir(safe) == ["error"]
