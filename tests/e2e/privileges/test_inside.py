"""What a worker is and may, as it finds it itself: as root, as an ordinary user, in a user namespace,
and under a first process of a pid namespace."""

import grp
import os
import pwd
import re
import signal
import subprocess

import pytest
import servers
from accesslog import taken_in
from fcgi import Client
from inside import inside, report  # noqa: F401
from servers import ANYFPM, ROOT, USER, children
from upgrading import install, replace, replaceable, upgrade

NONE = ["0", "0"]
# What it has at its start; of a template, the channel is one more.
STREAMS = ["0", "1", "2"] + (["63"] if servers.PRELOAD else [])
ORDINARY = "daemon"  # who starts anyfpm, when root tests what an ordinary user has


def works(*argv):
    return subprocess.run([*argv, "true"], capture_output=True, check=False).returncode == 0


def script(env, *argv):
    """A program to start anyfpm with."""
    path = env.dir + "/start"
    with open(path, "w", encoding="ascii") as f:
        f.write(f'#!/bin/sh\nexec {" ".join(argv)} {ANYFPM} "$@"\n')
    os.chmod(path, 0o755)
    return path


def confined(got, no_new_privs="0"):
    """What holds for every worker that is not root: no right, nothing open, nobody's groups."""
    for name in ("effective", "permitted"):
        assert got[name] == NONE, name
    assert got["ambient"] == ["0"]
    assert got["descriptors"] == STREAMS and got["directories"] == ["0"]
    assert got["no_new_privs"] == [no_new_privs]
    assert got["dumpable"] == ["1"]  # as every program that was executed
    assert got["core"] in (["0"], ["1"])
    for name in ("chroot", "unshare"):
        assert got[name][-1] == "permitted", name
    st = os.stat("/")
    assert got["root"] == [str(st.st_dev), str(st.st_ino)]


def groups_of(name):
    gid = pwd.getpwnam(name).pw_gid
    return {str(g) for g in os.getgrouplist(name, gid)}


@pytest.mark.skipif(not ROOT, reason="only root can become others")
@pytest.mark.parametrize("no_new_privs", ["yes", "no"])
def test_of_root(anyfpm, inside, no_new_privs):
    """The pool's user, for good, with his groups and none of root's."""
    server = anyfpm(inside, {"no_new_privs": no_new_privs})
    got = report(server)
    user = pwd.getpwnam(USER)
    assert got["uid"] == [str(user.pw_uid)] * 3 and got["gid"] == [str(user.pw_gid)] * 3
    assert set(got["groups"]) == groups_of(USER)
    assert got["become"][-1] == "permitted" and got["kill"][-1] == "permitted"
    confined(got, "1" if no_new_privs == "yes" else "0")


@pytest.mark.skipif(not ROOT, reason="only root can become others")
def test_of_root_with_another_group(anyfpm, inside):
    """Users and groups that no file knows: the group that is named, and no other."""
    got = report(anyfpm(inside, {"user": "54321", "group": "54322"}))
    assert got["uid"] == ["54321"] * 3 and got["gid"] == ["54322"] * 3
    assert got["groups"] == []
    confined(got)


def test_of_an_ordinary_user(env, anyfpm, inside):
    """His own ids; user and group of the pool change nothing."""
    binary = ANYFPM
    if ROOT:
        binary = script(env, "setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}",
                        "--init-groups")
        os.chown(env.dir, pwd.getpwnam(ORDINARY).pw_uid, -1)
    server = anyfpm(inside, binary=binary)
    got = report(server)
    uid, gid = os.getuid(), os.getgid()
    if ROOT:
        uid, gid = pwd.getpwnam(ORDINARY).pw_uid, grp.getgrnam(ORDINARY).gr_gid
    assert got["uid"] == [str(uid)] * 3 and got["gid"] == [str(gid)] * 3
    assert got["become"][-1] == "permitted"
    confined(got)


class OfUser(servers.Anyfpm):
    """Started by an ordinary user."""

    def launch(self, argv, **more):
        if ROOT:
            argv = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--init-groups", *argv]
        super().launch(argv, **more)


def test_upgrade_of_an_ordinary_user(env, inside):
    """By whoever is root, too; nothing is gained by it, and a binary of others is not taken."""
    if ROOT:
        os.chown(env.dir, pwd.getpwnam(ORDINARY).pw_uid, -1)
    server = replaceable(env, OfUser, env, inside)
    for _ in range(2):
        replace(server)
        got = report(server)
        assert got["uid"] == [str(pwd.getpwnam(ORDINARY).pw_uid if ROOT else os.getuid())] * 3
        confined(got)
    server.reload(signal.SIGUSR2)
    if ROOT:
        install(server)
        os.chown(server.binary, pwd.getpwnam(USER).pw_uid, -1)
        assert "belongs to another user" in upgrade(server, fails=True).stderr
    server.signal(signal.SIGQUIT)
    assert server.wait_exit(20 * servers.SLOW) == 0
    assert not os.path.exists(server.pid_path) and not os.path.exists(server.control_path)


USER_NAMESPACE = ["unshare", "-Ur"]


def sockets_in(env):
    """A directory for workers' sockets that is its user's: whose /tmp is, nobody can tell there."""
    os.mkdir(env.dir + "/run", 0o700)
    return ["env", f"XDG_RUNTIME_DIR={env.dir}/run"]


# With users and groups as outside, which somebody outside has to say.
ALL_USERS = [servers.PYTHON, servers.TOP + "/tests/e2e/workers/usernamespace.py"]


@pytest.mark.skipif(not works(*USER_NAMESPACE), reason="no user namespaces here")
def test_of_a_namespaces_root(env, anyfpm, inside):
    """As -R says it is root there, and outside whoever made the namespace."""
    options = {"user": "root", "group": "root", "listen.owner": None, "listen.group": None}
    server = anyfpm(inside, options, args=["-R"],
                    binary=script(env, *USER_NAMESPACE, *sockets_in(env)))
    got = report(server)
    assert got["uid"] == ["0"] * 3
    assert got["descriptors"] == STREAMS
    for worker in server.workers():
        assert servers.status_of(worker)["Uid"].split() == [str(os.getuid())] * 4
    for worker in server.workers():
        assert os.stat(f"/proc/{worker}/ns/user").st_ino != os.stat("/proc/self/ns/user").st_ino


@pytest.mark.skipif(not ROOT or not works(*ALL_USERS), reason="cannot map users")
def test_of_a_namespace_with_users(env, anyfpm, inside):
    """As in a container with users of its own: root there starts workers who are not."""
    got = report(anyfpm(inside, binary=script(env, *ALL_USERS)))
    assert got["uid"] == [str(pwd.getpwnam(USER).pw_uid)] * 3
    assert set(got["groups"]) == groups_of(USER)
    assert got["become"][-1] == "permitted"
    confined(got)


PID_NAMESPACE = ["unshare", *([] if ROOT else ["-Ur"]), "-p", "-f", "-m", "--mount-proc"]


class FirstProcess(servers.Anyfpm):
    """It is process 1 of a namespace, below unshare(1), which passes no signals on."""

    def launch(self, argv, **more):
        super().launch([*PID_NAMESPACE, *([] if ROOT else sockets_in(self.env)), *argv], **more)

    @property
    def pid(self):
        below = children(self.process.pid)
        return below[0] if below else self.process.pid

    def stop(self, sig=signal.SIGTERM):
        if self.stopped or self.process.poll() is not None:
            return
        self.stopped = True
        self.env.note(self.pid)
        os.kill(self.pid, sig)
        self.process.wait(self.grace * servers.PATIENCE)


def stop_as_sample(server):
    """By the signal that contrib/container has: a request that runs is answered."""
    with open(servers.TOP + "/contrib/container/Containerfile", encoding="ascii") as f:
        sig = re.search(r"^STOPSIGNAL (\w+)$", f.read(), re.M)[1]
    with Client(server.address) as c:
        c.start(query="slow")
        server.env.note(server.pid)
        taken_in(c)
        server.stop(getattr(signal, sig))
        assert c.answer().status == 200


@pytest.mark.skipif(not works(*PID_NAMESPACE), reason="no pid namespaces here")
def test_of_a_first_process(env, inside):
    """As in a container: the same, and orphans of workers are reaped by it."""
    options = {"command": inside, "listen": env.dir + "/www.sock"}
    if not ROOT:
        options["user"] = "root"
    server = FirstProcess(env, None, pools={"www": options}, args=[] if ROOT else ["-R"])
    server.wait_log(r"fpm is running, pid 1\n")
    got = report(server)
    if ROOT:
        assert got["uid"] == [str(pwd.getpwnam(USER).pw_uid)] * 3
        assert got["kill"][-1] == "permitted"
        confined(got)
    assert got["descriptors"] == STREAMS
    stop_as_sample(server)
    assert server.process.returncode == 0
    assert server.log().endswith("exiting, bye-bye!\n")


@pytest.mark.skipif(not works(*PID_NAMESPACE), reason="no pid namespaces here")
def test_upgrade_of_a_first_process(env, inside):
    """It stays the first, and what it adopts is reaped as before."""
    options = {"command": inside, "listen": env.dir + "/www.sock"}
    if not ROOT:
        options["user"] = "root"
    server = replaceable(env, FirstProcess, env, None, pools={"www": options},
                         args=[] if ROOT else ["-R"])
    for times in (1, 2):
        replace(server)
        server.wait_log("goes on as master, pid 1\n", times)
        assert report(server)["descriptors"] == STREAMS
    stop_as_sample(server)
    assert server.process.returncode == 0
