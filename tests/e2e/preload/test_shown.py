"""What is shown of a template: on the status page, by anyfpm -s status, and in metrics."""

import json
import os
import re
import signal
import subprocess

import pytest

import control
from control import send
from fcgi import Client
from servers import SLOW, wait_for
from statuspage import FORMS, page, status

OPTIONS = {"pm.preload": "yes", "pm.max_children": 3, "pm.status_path": "/status"}
KEYS = ["preload", "template process", "template state", "template start since",
        "template memory", "template memory share", "template forks", "templates started",
        "workers forked"]


def ready(server, count=3):
    """Its template, when it and so many workers are there."""
    server.wait_workers(count)
    return wait_for(lambda: status(server)["template state"] == "ready" and server.templates(),
                    10 * SLOW, "a template")[0]


def forked(server, count):
    return wait_for(lambda: status(server)["workers forked"] == count and status(server),
                    10 * SLOW, f"{count} workers forked")


def kill(server, pid, what):
    os.kill(pid, signal.SIGKILL)
    server.wait_log(rf"{what} {pid} exited on signal 9")


def test_status_page(odd):
    server = odd("echo", OPTIONS)
    pid = ready(server)
    shown = forked(server, 3)
    assert list(shown)[-len(KEYS) - 1:] == [*KEYS, "processes"]
    assert shown["preload"] == "in effect" and shown["template process"] == pid
    assert 0 < shown["template memory share"] < shown["template memory"]
    assert (shown["template forks"], shown["templates started"]) == (3, 1)
    assert pid not in [p["pid"] for p in shown["processes"]]
    for process in shown["processes"]:
        assert 0 < process["memory share"] < process["memory"]
    for form in FORMS:
        body = page(server, form).body.decode()
        if form == "html":
            assert f"<p>pid {pid}</p>" in body and "its share</th>" in body
        elif form == "openmetrics":
            assert "\nanyfpm_template_up 1\n" in body
        elif "xml" in form:
            assert f"<template-process>{pid}</template-process>" in body
        elif "json" not in form and "html" not in form:
            assert re.search(rf"^template process: +{pid}$", body, re.M)


def test_without_preload_nothing_is_shown(odd):
    server = odd("echo", {**OPTIONS, "pm.preload": "no"})
    server.wait_workers(3)
    for form in FORMS:
        body = page(server, form).body.decode()
        assert not re.search(r"its share|<h2>Template|^template |<template-|\"template |_template",
                             body, re.M), form
    shown = status(server)
    assert not set(shown) & set(KEYS)
    for process in shown["processes"]:
        assert process["memory share"] == process["memory"]


def test_totals_go_on_when_a_template_dies(odd):
    server = odd("echo", OPTIONS)
    first = ready(server)
    forked(server, 3)
    kill(server, first, "template")
    second = wait_for(lambda: [t for t in server.templates() if t != first], 10 * SLOW,
                      "another template")[0]
    worker = server.workers()[0]
    kill(server, worker, "child")
    shown = forked(server, 4)
    assert (shown["template process"], shown["template forks"]) == (second, 1)
    assert shown["templates started"] == 2 and shown["workers started"] == 4


def test_totals_go_on_over_a_reload(odd):
    server = odd("echo", OPTIONS)
    ready(server)
    forked(server, 3)
    server.change({"pm.max_children": 2})
    server.reload()
    shown = wait_for(lambda: status(server)["template forks"] == 2 and status(server),
                     20 * SLOW, "the workers of the new generation")
    assert (shown["workers forked"], shown["templates started"]) == (5, 2)


def test_command_for_people(controlled):
    server = controlled("echo", OPTIONS)
    pid = ready(server)
    forked(server, 3)
    said = send(server, "status", "-w", "www").stdout.splitlines()
    note = next(line for line in said if line.startswith("    template "))
    assert re.fullmatch(rf"    template {pid}: ready, age \S+, 3 workers forked, "
                        r"memory \S+, share \S+", note) and len(note) < 80
    assert "MEM SHARE" in next(line for line in said if line.startswith("PID"))
    pool = control.status(server)[1]["www"]
    assert (pool["template process"], pool["template up"]) == (pid, 1)
    lines = [json.loads(line) for line in
             send(server, "status", "-w", "www", "--json").stdout.splitlines()]
    assert next(line for line in lines if "page" in line)["template process"] == pid


def test_command_where_memory_is_not_measured(controlled):
    """Then it is measured by who asks, shares too."""
    server = controlled("echo", {"pm.preload": "yes", "pm.max_children": 3})
    server.wait_workers(3)
    lines = [json.loads(line) for line in
             send(server, "status", "-w", "www", "--json").stdout.splitlines()]
    assert [p["memory"] for p in lines[-1]["processes"]] == [0, 0, 0]
    said = send(server, "status", "-w", "www").stdout
    assert "MEM SHARE" in said and re.search(r"^\d+ +\w+ .* \d\S*[kM] +\d\S*[kM] ", said, re.M)


def test_metrics(metrics):
    server, endpoint = metrics("echo", OPTIONS)
    pid = ready(server)
    forked(server, 3)
    samples = endpoint.scrape()
    assert samples.get("template_up") == 1
    assert samples.get("workers_forked_total") == 3
    assert samples.get("templates_started_total") == 1
    assert samples.get("process_resident_memory_bytes", process="template") > 100000
    before = samples.get("process_cpu_seconds_total", process="workers")
    done = subprocess.run(["promtool", "check", "metrics"], input=samples.text, text=True,
                          capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    kill(server, pid, "template")
    wait_for(lambda: endpoint.scrape().get("templates_started_total") == 2, 10 * SLOW,
             "another template")
    wait_for(lambda: endpoint.scrape().get("template_up") == 1, 10 * SLOW, "it to be ready")
    assert endpoint.scrape().get("process_cpu_seconds_total", process="workers") >= before


def test_metrics_without_preload(metrics):
    server, endpoint = metrics("echo", {"pm.preload": "no", "pm.max_children": 1})
    server.wait_workers(1)
    samples = endpoint.scrape()
    assert not samples.has("template_up") and samples.get("workers_forked_total") == 0
    with Client(server.address) as c:
        assert c.request().status == 200
