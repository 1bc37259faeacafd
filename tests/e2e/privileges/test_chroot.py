"""chroot: workers are in it and cannot leave, all else is outside."""

import os
import shutil
import signal
import subprocess

import pytest
from fcgi import Client
from inside import inside, jail, report  # noqa: F401
from servers import ANYFPM, ROOT, USER, status_of, wait_for
from upgrading import replace, replaceable, settled, upgrade

needs_root = pytest.mark.skipif(not ROOT, reason="only root can make a chroot")


def directory(path):
    st = os.stat(path)
    return [str(st.st_dev), str(st.st_ino)]


@needs_root
def test_a_worker_cannot_leave(anyfpm, env, jail):
    """Its root is the directory, it has no way up, no right, and nothing open but its streams.
    The pool process is outside, and writes its logs there."""
    server = anyfpm("/app/inside", {"chroot": jail, "pm.max_children": 1})
    got = report(server)
    assert got["root"] == got["above"] == directory(jail)
    assert got["cwd"] == ["/"]
    assert got["descriptors"] == ["0", "1", "2"] and got["directories"] == ["0"]
    assert got["effective"] == got["permitted"] == ["0", "0"] and got["ambient"] == ["0"]
    for name in ("chroot", "unshare"):
        assert got[name] == ["Operation", "not", "permitted"], name
    assert got["become"][-1] == "permitted"
    assert os.readlink(f"/proc/{server.workers()[0]}/root") == jail
    pool = server.pool()
    assert os.readlink(f"/proc/{pool}/root") == "/"
    assert int(status_of(pool)["CapPrm"], 16) == 0
    for task in os.listdir(f"/proc/{pool}/task"):
        with open(f"/proc/{pool}/task/{task}/status", encoding="ascii") as f:
            text = f.read()
        assert "CapPrm:\t0000000000000000" in text and "CapEff:\t0000000000000000" in text
        assert "Uid:\t0" not in text


@needs_root
def test_directory_and_path_within(anyfpm, env, jail):
    """chdir starts from there, with a slash before it or not; a program is found by PATH there,
    which is a link that leads astray outside."""
    os.makedirs(jail + "/srv/data")
    os.symlink("/app/inside", jail + "/srv/tool")
    for chdir, command, more in (("/srv/data", "../tool", {}), ("srv", "./tool", {}),
                                 (None, "tool", {"env[PATH]": "/none:/srv"})):
        server = anyfpm(command, {"chroot": jail, "chdir": chdir, "pm.max_children": 1, **more})
        got = report(server)
        assert got["root"] == directory(jail)
        assert got["cwd"] == ["/" + chdir.lstrip("/") if chdir else "/"]
        tested = subprocess.run([ANYFPM, "-t", "-y", server.config_path], capture_output=True,
                                text=True, check=False)
        assert tested.returncode == 0, tested.stderr
        server.stop()


@needs_root
def test_workers_come_and_go(anyfpm, env, jail):
    """They are counted, replaced and ended as others, though another thread forks them."""
    server = anyfpm("/app/inside", {"chroot": jail, "pm.max_children": 3, "pm.max_requests": 2})
    workers = server.wait_workers(3)
    with Client(server.address) as c:
        def replaced():
            assert c.request().status == 200
            return server.log().count("stopped: it has reached pm.max_requests") >= 3
        wait_for(replaced, 20, "workers to be replaced")
    server.wait_workers(3, ready=False)
    os.kill(server.workers()[0], 9)
    server.wait_log("exited on signal 9")
    assert server.wait_workers(3, ready=False) != workers
    pool = server.pool()
    os.kill(pool, 9)
    server.wait_log(r"pool process \d+ exited on signal 9")
    assert report(server)["root"] == directory(jail)


def replace_inside(jail):
    """Another file of the same program."""
    shutil.copy(jail + "/app/inside", jail + "/app/new")
    os.rename(jail + "/app/new", jail + "/app/inside")


def moved(server, before, how):
    """The workers that have followed, after this was done."""
    how()
    settled(server, before)
    return server.pools()


@needs_root
def test_reload_and_upgrade(anyfpm, env, jail):
    """What is new inside is found, and the next workers are inside as those before; a broken
    program there changes nothing; a link to another directory is followed by reload alone."""
    first, second = env.dir + "/first", env.dir + "/second"
    os.rename(jail, first)
    os.symlink("first", jail)
    server = replaceable(env, anyfpm, "/app/inside", {"chroot": jail, "pm.max_children": 1})
    assert report(server)["root"] == directory(first)
    pools = server.pools()
    server.reload(signal.SIGHUP)
    assert server.pools() == pools  # nothing has changed
    replace_inside(jail)
    pools = moved(server, pools, lambda: server.reload(signal.SIGHUP))
    shutil.copytree(first, second, copy_function=os.link)  # the very same files
    os.symlink("second", jail + ".new")
    os.rename(jail + ".new", jail)
    assert report(server)["root"] == directory(first)
    pools = moved(server, pools, lambda: server.reload(signal.SIGHUP))
    assert report(server)["root"] == directory(second)

    replace(server)
    got = report(server)
    assert got["root"] == got["above"] == directory(second) and got["cwd"] == ["/"]
    assert got["descriptors"] == ["0", "1", "2"] and got["directories"] == ["0"]
    for name in ("chroot", "unshare"):
        assert got[name] == ["Operation", "not", "permitted"], name
    assert os.readlink(f"/proc/{server.pool()}/root") == "/"
    pools = server.pools()
    with Client(server.address) as c:
        c.start(query="slow")
        pools = moved(server, pools, lambda: server.reload(signal.SIGUSR2))
        assert c.answer().status == 200

    os.rename(second + "/app/inside", second + "/app/away")
    server.reload(signal.SIGUSR2, fails=True)
    result = upgrade(server, fails=True)
    assert "/app/inside: No such file or directory, within chroot" in result.stderr, result.stderr
    assert server.pools() == pools and report(server)["root"] == directory(second)
    os.rename(second + "/app/away", second + "/app/inside")
    pools = moved(server, pools, lambda: server.reload(signal.SIGUSR2))
    assert report(server)["root"] == directory(second)


@needs_root
def test_what_is_missing_inside_is_named(anyfpm, env, jail):
    """A program that is only outside; one whose loader is."""
    server = anyfpm("/usr/bin/true", {"chroot": jail, "pm.max_children": 1}, wait=False)
    server.wait_log(r'did not start: cannot execute "/usr/bin/true": No such file or directory\n')
    server.stop()
    for name in os.listdir(jail):
        if name.startswith("lib"):
            shutil.rmtree(f"{jail}/{name}")
    server = anyfpm("/app/inside", {"chroot": jail, "pm.max_children": 1}, wait=False)
    server.wait_log(r'cannot execute "/app/inside": No such file or directory; it is there, but '
                    r'not what runs it')


@needs_root
def test_a_test_looks_inside(env, jail):
    """-t finds the program, its interpreter and its directory there, by links there, or says what
    is missing."""
    os.makedirs(jail + "/bin")
    os.symlink("/app/inside", jail + "/bin/link")
    for name, interpreter in (("good", "/bin/link"), ("bad", "/usr/bin/env")):
        with open(f"{jail}/bin/{name}", "w", encoding="ascii") as f:
            f.write(f"#! {interpreter} python\n")
        os.chmod(f"{jail}/bin/{name}", 0o755)
    where = f"within chroot, {jail}"
    for command, chdir, says in (
            ("/bin/link", "/bin", None), ("good", "/bin", None), ("./link", "bin", None),
            ("/usr/bin/env", "/", f"command: /usr/bin/env: No such file or directory, {where}"),
            ("bad", "/", f"command: /bin/bad: it needs /usr/bin/env to run: No such file or "
                         f"directory, {where}"),
            ("good", "/usr/bin", f"chdir: /usr/bin: No such file or directory, {where}")):
        got = checked(env, f"chroot = {jail}\nuser = {USER}\nchdir = {chdir}\n", command)
        assert got.returncode == (78 if says else 0), got.stderr
        assert says is None or f"[pool www] {says}" in got.stderr


def checked(env, text, command="/app/inside"):
    path = env.dir + "/test.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"[www]\nlisten = {env.dir}/www.sock\ncommand = {command}\n"
                f"pm.max_children = 1\n{text}")
    return subprocess.run([ANYFPM, "-O", "-R", "-t", "-y", path], capture_output=True, text=True,
                          check=False)


def test_only_root_may_ask_for_it(env, jail):
    """Nobody may believe that it holds where it does not."""
    got = checked(env, f"chroot = {jail}\n")
    assert got.returncode == 78
    says = "a user other than root" if ROOT else "that anyfpm is started as root"
    assert f"test.conf:5: [pool www] chroot: requires {says}" in got.stderr


@needs_root
@pytest.mark.parametrize("lines, says", [
    ("chroot = /none\n", "chroot: /none: No such file or directory"),
    ("chroot = /etc/passwd\n", "chroot: /etc/passwd: Not a directory"),
    ("chroot = JAIL\nuser = root\n", "chroot: requires a user other than root")])
def test_mistakes(env, jail, lines, says):
    if "user =" not in lines:
        lines += f"user = {USER}\n"
    got = checked(env, lines.replace("JAIL", jail))
    assert got.returncode == 78 and f"[pool www] {says}" in got.stderr


@needs_root
def test_a_directory_of_others(env, jail):
    """Worth a word, but no reason to stop; none with no_new_privs."""
    os.chmod(jail, 0o777)
    for more, warned in (("", True), ("no_new_privs = yes\n", False)):
        got = checked(env, f"chroot = {jail}\nuser = {USER}\n{more}")
        assert got.returncode == 0, got.stderr
        assert ("set-user-ID program" in got.stderr) == warned


@needs_root
def test_no_helper_outside(anyfpm, env, jail):
    """A process of the worker's user outside would be a way out: a slow request has an entry, but
    no stack."""
    log = env.dir + "/slow.log"
    os.chmod(env.dir, 0o755)
    server = anyfpm("/app/inside", {"chroot": jail, "slowlog": log, "pm.max_children": 1,
                                    "request_slowlog_timeout": "1ms",
                                    "slowlog_command": f"touch {env.dir}/pub/outside"})
    with Client(server.address) as c:
        assert c.request(query="slow").status == 200
    server.wait_log("executing too slow")
    server.stop()
    with open(log, encoding="utf-8") as f:
        assert "stack = none: workers are in a chroot" in f.read()
    assert not os.listdir(env.dir + "/pub")
    assert "slowlog_command: is of no effect with chroot" in server.said() + server.log()
