"""Commands that change how the service is: reload, drain and undrain."""

import os
import signal

import control
import fcgi
import scraping
import servers
from servers import SLOW, wait_for

PING = {"ping.path": "/ping", "pm.status_path": "/status"}


def ping(server):
    with fcgi.Client(server.address) as client:
        return client.request(uri="/ping").status


def edit(server, before, after):
    with open(server.config_path, encoding="utf-8") as f:
        text = f.read()
    assert before in text
    with open(server.config_path, "w", encoding="utf-8") as f:
        f.write(text.replace(before, after))


def test_reload_with_errors(controlled):
    """They are told where it was asked for, and by the exit code."""
    server = controlled()
    edit(server, "pm.max_children = 2", "pm.max_children = many")
    result = control.send(server, "reload")
    assert result.returncode == 1
    assert server.config_path in result.stderr and "max_children" in result.stderr
    assert "reload failed" in result.stderr
    service, _ = control.status(server)
    assert service["reload failed"] and service["serving"] == 1
    edit(server, "pm.max_children = many", "pm.max_children = 2")
    assert control.send(server, "reload").returncode == 0
    assert "reload failed" not in control.status(server)[0]


def test_drain(controlled):
    """Health checks fail while everything is served, also by the process that comes next."""
    endpoint = scraping.Endpoint(None)
    server = controlled(options=PING, global_options={"metrics_listen": endpoint.address})
    wait_for(lambda: endpoint.get("/healthz").status == 200, 10 * SLOW, "health")
    assert ping(server) == 200
    assert control.send(server, "drain").returncode == 0
    wait_for(lambda: ping(server) == 503, 5 * SLOW, "ping to fail")
    wait_for(lambda: endpoint.get("/healthz").status == 503, 5 * SLOW, "health to fail")
    assert endpoint.get("/healthz?pool=www").status == 503
    with fcgi.Client(server.address) as client:
        assert client.request().status == 200
        assert b'"drained":1' in client.request(uri="/status", query="json").body
    pool = control.status(server)[1]["www"]
    assert pool["state"] == "drained" and pool["drained"] is True

    old = server.pool()
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: server.pools() and old not in server.pools(), 10 * SLOW, "the next process")
    assert ping(server) == 503
    wait_for(lambda: control.status(server)[1]["www"]["state"] == "drained", 10 * SLOW, "a worker")
    result = control.send(server, "reload", "-f")
    assert result.returncode == 0, result.stderr
    assert ping(server) == 503

    assert control.send(server, "undrain").returncode == 0
    wait_for(lambda: ping(server) == 200, 5 * SLOW, "ping to succeed")
    wait_for(lambda: endpoint.get("/healthz").status == 200, 5 * SLOW, "health")
    assert control.status(server)[1]["www"]["state"] == "serving"


def test_drain_one_pool(controlled, env):
    """The others' checks succeed, and that of all."""
    endpoint = scraping.Endpoint(None)
    pools = {name: dict(PING, command=env.worker("echo"), listen=f"{env.dir}/{name}.sock")
             for name in ("one", "two")}
    server = controlled(pools=pools, global_options={"metrics_listen": endpoint.address})
    assert control.send(server, "drain", "-w", "two").returncode == 0
    wait_for(lambda: endpoint.get("/healthz?pool=two").status == 503, 5 * SLOW, "health to fail")
    assert endpoint.get("/healthz?pool=one").status == 200
    assert endpoint.get("/healthz").status == 200
    assert ping(server) == 200
    states = {name: p["state"] for name, p in control.status(server)[1].items()}
    assert states == {"one": "serving", "two": "drained"}
    assert control.send(server, "drain").returncode == 0
    wait_for(lambda: endpoint.get("/healthz").status == 503, 5 * SLOW, "health to fail")


def test_commands_are_told_of(env):
    """By the help and the manual page."""
    words = control.words()
    assert "drain" in words and "reload" in words
    with open(servers.TOP + "/fpm/anyfpm.8", encoding="utf-8") as f:
        manual = f.read()
    text = control.help_text()
    for word in words:
        assert word in text, f"anyfpm -h does not tell of {word}"
        assert f".It Cm {word}" in manual, f"the manual page does not tell of {word}"
