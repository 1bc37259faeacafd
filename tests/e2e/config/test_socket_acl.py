"""listen.acl_users and listen.acl_groups: who is named may connect, and nobody else."""

import os
import pwd
import shutil
import stat
import struct
import subprocess

import pytest
from fcgi import Client
from servers import ANYFPM, ROOT, USER

ATTRIBUTE = "system.posix_acl_access"
TAGS = {1: "owner", 2: "user", 4: "owning group", 8: "group", 0x10: "mask", 0x20: "other"}

needs_root = pytest.mark.skipif(not ROOT, reason="only root can become others")
needs_libacl = pytest.mark.skipif(
    "built without libacl" in subprocess.run(
        [ANYFPM, "-t", "-y", "/dev/stdin"], text=True, capture_output=True, check=False,
        input="[a]\nlisten = 1\ncommand = /bin/cat\npm.max_children = 1\nlisten.acl_users = root\n"
    ).stderr, reason="built without libacl")
pytestmark = needs_libacl


def has_lists(path):
    try:
        os.getxattr(path, ATTRIBUTE)
    except OSError as e:
        return e.errno != 95  # EOPNOTSUPP
    return True


@pytest.fixture
def named(env, odd):
    """Start with these directives about the socket, those of the tests' own taken away."""
    if not has_lists(env.dir):
        pytest.skip("the file system has no access control lists")

    def start(options):
        return odd(options={"listen.owner": None, "listen.group": None, **options})
    return start


def entries(path):
    """{(kind, id): rights} of a file's access control list."""
    value = os.getxattr(path, ATTRIBUTE)
    assert struct.unpack_from("<I", value)[0] == 2
    return {(TAGS[tag], number): rights
            for tag, rights, number in struct.iter_unpack("<HHi", value[4:])}


def connects(path, *who):
    """Whether a process with these ids, as setpriv(1) takes them, can connect."""
    if not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed")
    code = ("import socket, sys\ns = socket.socket(socket.AF_UNIX)\n"
            "try:\n    s.connect(sys.argv[1])\n"
            "except PermissionError:\n    sys.exit(7)")
    got = subprocess.run(["setpriv", *who, "/usr/bin/python3", "-S", "-c", code, path],
                         capture_output=True, text=True, check=False)
    assert got.returncode in (0, 7), got.stderr
    return got.returncode == 0


def test_a_list_of_names(named):
    """The names as in the configuration, once each, the mode's rights besides; root's is the
    socket, or whose the service is."""
    server = named({"listen.acl_users": "daemon, 1, nobody", "listen.acl_groups": "daemon",
                    "listen.mode": "0600"})
    users = [pwd.getpwnam(name).pw_uid for name in ("daemon", "nobody")]
    got = entries(server.address)
    assert got == {("owner", -1): 6, ("owning group", -1): 0, ("other", -1): 0, ("mask", -1): 6,
                   ("group", 1): 6, **{("user", uid): 6 for uid in users}}
    st = os.stat(server.address)
    assert (st.st_uid, st.st_gid) == (os.geteuid(), os.getegid()) and stat.S_ISSOCK(st.st_mode)
    with Client(server.address) as c:
        assert c.request().status == 200


@needs_root
def test_who_may_connect(named):
    """Who is named, by whichever group; not the pool's user, whose socket it would else be."""
    server = named({"listen.acl_users": "daemon", "listen.acl_groups": "games"})
    for who, may in ((["--reuid=daemon", "--regid=daemon", "--clear-groups"], True),
                     (["--reuid=nobody", "--regid=games", "--clear-groups"], True),
                     (["--reuid=nobody", "--regid=nogroup", "--groups=games"], True),
                     (["--reuid=nobody", "--regid=nogroup", "--clear-groups"], False),
                     (["--reuid=nobody", "--regid=daemon", "--clear-groups"], False),
                     ([f"--reuid={USER}", f"--regid={USER}", "--clear-groups"], False)):
        assert connects(server.address, *who) == may, who


@needs_root
def test_it_holds_for_the_status_page(named, env):
    """Its socket is as the pool's."""
    own = env.dir + "/status.sock"
    server = named({"listen.acl_users": "daemon", "pm.status_listen": own,
                    "pm.status_path": "/status"})
    server.sockets.append(own)
    assert entries(own) == entries(server.address)
    assert connects(own, "--reuid=daemon", "--clear-groups")
    assert not connects(own, "--reuid=nobody", "--regid=nogroup", "--clear-groups")


def checked(env, lines, directory=None):
    """What -t says of a pool with these lines."""
    path = env.dir + "/test.conf"
    user = f"user = {USER}\n" if ROOT else ""
    with open(path, "w", encoding="ascii") as f:
        f.write(f"[www]\nlisten = {directory or env.dir}/www.sock\ncommand = /bin/cat\n{user}"
                f"pm.max_children = 1\n{lines}")
    return [ANYFPM, "-O", "-t", "-y", path], path


@pytest.mark.parametrize("line, says", [
    ("listen.acl_users = root, no-such-one", 'there is no user "no-such-one"'),
    ("listen.acl_groups = no-such-one", 'there is no group "no-such-one"')])
def test_names_that_do_not_exist(env, line, says):
    argv, path = checked(env, line)
    got = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert got.returncode == 78
    assert f"{path}:{6 if ROOT else 5}: [pool www] {line.split()[0]}: {says}" in got.stderr


def test_an_owner_besides(env):
    """As with php-fpm, he is not used; unlike a typing error it is no reason to stop."""
    argv, _ = checked(env, "listen.acl_users = root\nlisten.owner = root\n")
    got = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert got.returncode == 0, got.stderr
    assert "listen.owner: is of no effect, because listen.acl_users says who" in got.stderr


@needs_root
@pytest.mark.parametrize("option", ["-t", "-F"])
def test_a_file_system_without_lists(env, option):
    """Neither a test nor a start goes on with a socket that others than were named can use."""
    os.mkdir(env.dir + "/none")
    argv, _ = checked(env, "listen.acl_users = root\n", env.dir + "/none")
    argv[argv.index("-t")] = option
    mount = f"mount --make-rprivate / && mount -t ramfs none {env.dir}/none || exit 99; exec \"$@\""
    got = subprocess.run(["unshare", "-m", "sh", "-c", mount, "sh", *argv], capture_output=True,
                         text=True, check=False, timeout=20)
    if got.returncode == 99:
        pytest.skip("cannot mount here")
    assert got.returncode == 78, got.stderr
    assert f"cannot listen on {env.dir}/none/www.sock: cannot set its access control" in got.stderr
