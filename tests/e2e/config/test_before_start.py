"""What -t says that a start would fail at: addresses of others, programs that the user may not use."""

import os
import socket
import subprocess

import pytest
from servers import ANYFPM, ROOT, USER, free_port


def check(server):
    return subprocess.run([ANYFPM, "-t", "-y", server.config_path], capture_output=True, text=True,
                          timeout=60, check=False)


@pytest.fixture
def stopped(controlled):
    """anyfpm with a pid file, which has been stopped."""
    def start(**options):
        server = controlled("hello", **options)
        server.stop()
        return server
    return start


@pytest.mark.skipif(not ROOT, reason="the directory of the built-in log is root's")
def test_no_error_log_is_named(env):
    """What was built and is not installed has no directory for it, which a start would make."""
    path = env.dir + "/no-log.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"[www]\nuser = {USER}\ncommand = {env.worker('hello')}\npm.max_children = 1\n"
                f"listen = {env.dir}/no-log.sock\n")
    got = subprocess.run([ANYFPM, "-t", "-y", path], capture_output=True, text=True, timeout=60,
                         check=False)
    assert got.returncode == 0, got.stderr


def test_unix_socket_of_another_program(stopped):
    server = stopped()
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(server.address)
        s.listen(1)
        got = check(server)
    os.unlink(server.address)
    assert got.returncode == 78 and "another program listens there" in got.stderr
    assert check(server).returncode == 0


def test_port_of_another_program(stopped):
    port = free_port()
    server = stopped(listen=f"127.0.0.1:{port}")
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", port))
        s.listen(1)
        got = check(server)
    assert got.returncode == 78 and "address already in use" in got.stderr


@pytest.mark.parametrize("tcp", [False, True])
def test_our_own_addresses(controlled, tcp):
    """That of the service that runs is no mistake."""
    server = controlled("hello", listen=f"127.0.0.1:{free_port()}" if tcp else None)
    got = check(server)
    assert got.returncode == 0, got.stderr


@pytest.mark.skipif(not ROOT, reason="only root can look as another user")
@pytest.mark.parametrize("what", ["program", "directory", "argument"])
def test_user_may_not_use_the_program(stopped, env, what):
    server = stopped()
    place = env.dir + "/place"
    os.mkdir(place)
    program = place + "/program"
    with open(program, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\n")
    os.chmod(program, 0o755)
    server.change({"command": program if what != "argument" else "/bin/sh " + program})
    assert check(server).returncode == 0
    if what == "directory":
        os.chmod(place, 0o700)
    else:
        os.chmod(program, 0o700)
    got = check(server)
    assert got.returncode == 78
    assert f"user {USER} may not {'read' if what == 'argument' else 'execute'} {program}" in \
        got.stderr
