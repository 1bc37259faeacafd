"""A reload of which not all could be brought into effect: it has failed, though the rest is new."""

import os
import stat

import control
from fcgi import Client
from hanging import preload
from servers import SLOW, wait_for
from slowlog import build
from statuspage import status

FAILED = "all is in effect but this: "


def last_reload(server):
    return status(server.address)["last reload"]


def test_rights_of_the_socket(controlled, env, shared, monkeypatch):
    """Each reload tries again, also where nothing else has changed."""
    lock = env.dir + "/readonly"
    preload(build("readonly.c", shared + "/readonly.so", "-shared", "-fPIC"), monkeypatch)
    monkeypatch.setenv("READONLY", lock)
    server = controlled(options={"pm.status_path": "/status"})
    before = server.pool()
    with open(lock, "wb"):
        pass
    server.change({"listen.mode": "0600", "env[NEW]": "1"})
    for _ in range(2):
        result = control.send(server, "reload")
        assert result.returncode == 1 and FAILED + "pool www: its socket" in result.stderr
        assert FAILED + "pool www" in control.status(server)[0]["reload failed"]
        wait_for(lambda: last_reload(server).startswith(FAILED + "its socket"), 5 * SLOW)
        wait_for(lambda: before not in server.pools(), 10 * SLOW, "the pool to be new")
        before = server.pool()
    os.unlink(lock)
    assert control.send(server, "reload").returncode == 0
    assert stat.S_IMODE(os.stat(server.address).st_mode) == 0o600
    wait_for(lambda: last_reload(server) == "in effect", 5 * SLOW)
    assert "reload failed" not in control.status(server)[0]


def test_error_log(controlled, env):
    """The old one stays in use until the new one can be opened."""
    server = controlled(options={"pm.status_path": "/status"})
    other = env.dir + "/other.log"
    os.mkdir(other)
    server.rewrite(global_options=dict(server.configured_global, error_log=other))
    for _ in range(2):
        result = control.send(server, "reload")
        assert result.returncode == 1 and FAILED + "error_log" in result.stderr
        server.wait_log("ERROR: reload failed: " + FAILED + "error_log")
        wait_for(lambda: last_reload(server).startswith(FAILED + "error_log"), 5 * SLOW)
    os.rmdir(other)
    assert control.send(server, "reload").returncode == 0

    def is_said():
        with open(other, encoding="utf-8") as f:
            return "reload done" in f.read()
    wait_for(is_said, 5 * SLOW, "the new one to be written")
    with Client(server.address) as c:
        assert c.request().status == 200
