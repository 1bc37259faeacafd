"""Where the library of pm.preload comes from, and what anyfpm -t says of it."""

import os
import re
import shutil
import stat
import subprocess

import pytest

import servers
from servers import ROOT, SLOW, wait_for

LIBRARY = "anyfpm-preload.so"


def preloaded(pid):
    with open(f"/proc/{pid}/environ", "rb") as f:
        names = dict(item.partition(b"=")[::2] for item in f.read().split(b"\0"))
    return names[b"LD_PRELOAD"].decode().split(":")


def check(env, options, binary=servers.ANYFPM):
    """(code, what it says) of anyfpm -t for a pool with pm.preload."""
    path = os.path.join(env.dir, "check.conf")
    pool = {"command": "/bin/cat", "listen": os.path.join(env.dir, "check.sock"),
            "pm.max_children": 1, "pm.preload": "yes", "user": "nobody" if ROOT else "", **options}
    with open(path, "w", encoding="utf-8") as f:
        f.write("[global]\nerror_log = stderr\n[www]\n" +
                "".join(f"{key} = {value}\n" for key, value in pool.items()))
    result = subprocess.run([binary, "-t", "-y", path], capture_output=True, text=True,
                            timeout=20 * SLOW, check=False)
    return result.returncode, result.stdout + result.stderr


@pytest.fixture
def alone(env):
    """A copy of the binary without the library beside it."""
    directory = os.path.join(env.dir, "alone")
    os.mkdir(directory)
    shutil.copy(servers.ANYFPM, directory)
    return os.path.join(directory, "anyfpm")


def test_only_ours_is_loaded(odd, env):
    """Neither a directory that the pool's settings name nor the working directory has a say."""
    fake = os.path.join(env.dir, LIBRARY)
    with open(fake, "wb") as f:
        f.write(b"none")
    server = odd("echo", {"pm.preload": "yes", "pm.max_children": 1, "chdir": env.dir,
                          "env[LD_LIBRARY_PATH]": env.dir, "env[LD_PRELOAD]": "/no/such.so"})
    template = wait_for(server.templates, 10 * SLOW, "a template")[0]
    server.wait_workers(1)
    first, second = preloaded(template)
    assert os.path.isabs(first) and second == "/no/such.so"
    assert os.path.samefile(os.path.dirname(os.path.dirname(first)),
                            os.path.dirname(os.readlink(f"/proc/{server.pool()}/exe")))
    with open(f"/proc/{template}/maps", encoding="utf-8") as f:
        loaded = {line.split()[-1] for line in f if LIBRARY in line}
    assert loaded == {first}


def test_who_may_write_it(odd):
    """Nobody but who built or installed it."""
    server = odd("echo", {"pm.preload": "yes", "pm.max_children": 1})
    path = preloaded(wait_for(server.templates, 10 * SLOW, "a template")[0])[0]
    for name in (path, os.path.dirname(path)):
        st = os.stat(name)
        assert st.st_uid == os.geteuid() and not stat.S_IMODE(st.st_mode) & 0o022, name


def test_checked_when_it_is_there(env):
    assert check(env, {})[0] == 0


def test_warmup_of_no_template(env):
    """A note, no reason to stop."""
    code, said = check(env, {"pm.preload": "no", "pm.preload_warmup": "/"})
    assert code == 0 and "pm.preload_warmup: is of no effect without pm.preload" in said


def test_checked_when_it_is_missing(env, alone):
    code, said = check(env, {}, alone)
    if code == 0:
        pytest.skip("anyfpm is installed here")
    assert code == 78
    assert re.search(rf"pm\.preload: /\S+/anyfpm/{LIBRARY}: No such file or directory", said)
    assert check(env, {"pm.preload": "no"}, alone)[0] == 0


@pytest.mark.skipif(not ROOT, reason="only root can tell for others")
def test_checked_for_the_pools_user(env, alone):
    directory = os.path.join(os.path.dirname(alone), "preload")
    os.mkdir(directory, 0o755)
    with open(os.path.join(directory, LIBRARY), "wb") as f:
        os.fchmod(f.fileno(), 0o600)
    code, said = check(env, {}, alone)
    assert code == 78
    assert f"pm.preload: user nobody may not read {directory}/{LIBRARY}" in said


@pytest.mark.skipif(not ROOT, reason="chroot takes root")
def test_checked_within_chroot(env, alone):
    root = os.path.join(env.dir, "root")
    inside = root + os.path.dirname(alone) + "/preload"
    os.makedirs(inside)
    options = {"chroot": root, "no_new_privs": "yes"}
    beside = os.path.join(os.path.dirname(alone), "preload")
    os.mkdir(beside)
    for directory in (beside, inside):
        code, said = check(env, options, alone)
        assert re.search(rf"pm\.preload: /\S+/anyfpm/{LIBRARY}: No such file or directory, "
                         rf"within chroot, {root}", said)
        with open(os.path.join(directory, LIBRARY), "wb"):
            pass
    assert "pm.preload" not in check(env, options, alone)[1]
