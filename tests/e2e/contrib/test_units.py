"""contrib/systemd: what systemd itself says of the samples, and that anyfpm can live with them."""

import os
import re
import shutil
import subprocess

import pytest
from fcgi import Client
from servers import ANYFPM, ROOT, TOP

SAMPLES = TOP + "/contrib/systemd/anyfpm."
# Out of 100: what is left open is what workers need, and what becoming other users takes.
EXPOSURE_ROOT, EXPOSURE_USER, EXPOSURE_TIGHT = 26, 19, 19


def run(*argv):
    if not shutil.which(argv[0]):
        pytest.skip(argv[0] + " is not installed")
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def unit(env, edit=lambda text: text):
    """The unit, starting the binary that is tested; returns its path."""
    with open(SAMPLES + "service", encoding="ascii") as f:
        text = f.read()
    assert "ExecStart=/usr/local/sbin/anyfpm -F" in text
    path = env.dir + "/anyfpm.service"
    with open(path, "w", encoding="ascii") as f:
        f.write(edit(text.replace("/usr/local/sbin/anyfpm", ANYFPM)))
    return path


def bounding_set():
    with open(SAMPLES + "service", encoding="ascii") as f:
        return re.search(r"^CapabilityBoundingSet=(.+)$", f.read(), re.M)[1].split()


def test_unit_is_right(env):
    """Not a word that systemd does not know, nor one that it would ignore."""
    sockets = shutil.copy(SAMPLES + "socket", env.dir)
    got = run("systemd-analyze", "verify", "--man=no", unit(env), sockets)
    assert got.returncode == 0 and not got.stderr, got.stderr


def as_one_user(text):
    """As its comment has it."""
    more = re.search(r"^# it further: +(.+)$", text, re.M)[1].split()
    return text.replace("[Install]", "\n".join(["User=daemon", *more, "", "[Install]"]))


def drop_in(name, uncomment=False):
    """An edit: what systemd reads after the unit."""
    with open(SAMPLES + f"service.d/{name}.conf", encoding="ascii") as f:
        more = f.read()
    if uncomment:
        more = re.sub(r"^#(?=[A-Z]\w+=)", "", more, flags=re.M)
    return lambda text: text + more


@pytest.mark.parametrize("edit", [drop_in("tighten"), drop_in("loosen"), drop_in("loosen", True)])
def test_drop_ins_are_right(env, edit):
    """Not a word that systemd does not know, commented out or not."""
    got = run("systemd-analyze", "verify", "--man=no", unit(env, edit))
    assert got.returncode == 0 and not got.stderr, got.stderr


@pytest.mark.parametrize("edit, most", [
    (str, EXPOSURE_ROOT), (as_one_user, EXPOSURE_USER), (drop_in("tighten"), EXPOSURE_TIGHT)],
                         ids=["root", "one user", "tight"])
def test_unit_is_confined(env, edit, most):
    got = run("systemd-analyze", "security", "--offline=yes", f"--threshold={most}",
              unit(env, edit))
    assert got.returncode == 0, got.stdout


@pytest.mark.skipif(not ROOT, reason="only root can give up capabilities")
def test_its_capabilities_are_enough(env, anyfpm, monkeypatch):
    """A pool with a user of its own is started, replaced when it dies, and ended."""
    kept = ",".join("+" + name[len("CAP_"):].lower() for name in bounding_set())
    script = env.dir + "/confined"
    with open(script, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\nexec setpriv --no-new-privs --inh-caps=-all "
                f"--bounding-set=-all,{kept} {ANYFPM} \"$@\"\n")
    subprocess.run(["chmod", "755", script], check=True)
    server = anyfpm(env.worker("echo"), binary=script)
    pool = server.pool()
    subprocess.run(["kill", "-9", str(pool)], check=True)
    server.wait_log(r"pool process \d+ exited on signal 9")
    with Client(server.address) as c:
        assert c.request().status == 200


@pytest.mark.parametrize("program, suffix, word", [
    ("systemd-tmpfiles", "tmpfiles", "/run/anyfpm-pools"),
    ("systemd-sysusers", "sysusers", "anyfpm")])
def test_users_and_directories(env, program, suffix, word):
    """Made below another root, which then has them."""
    if not ROOT:
        pytest.skip("only root can make them")
    os.mkdir(env.dir + "/etc")
    option = ["--create"] if program == "systemd-tmpfiles" else []
    got = run(program, f"--root={env.dir}", *option, SAMPLES + suffix)
    assert got.returncode == 0, got.stderr
    made = subprocess.run(["find", env.dir + "/run", env.dir + "/etc", "-type", "d", "-print", "-o",
                           "-name", "passwd", "-exec", "cat", "{}", "+"], capture_output=True,
                          text=True, check=False).stdout
    assert word in made, got.stdout
