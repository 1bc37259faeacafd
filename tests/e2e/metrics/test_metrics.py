"""Metrics and health over HTTP: what real consumers read."""

import collections
import os
import re
import resource
import signal
import socket
import subprocess
import time
import urllib.parse

from fcgi import Client
from prometheus_client.openmetrics.parser import \
    text_string_to_metric_families as parse_openmetrics
import pytest
from scraping import ENDS, Prometheus, Samples, ask, in_threads, metrics_pids
from servers import ASAN, SLOW, TOP, cpu_ticks, memory_kb, wait_for

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


# Formats ------------------------------------------------------------------------

def test_promtool_finds_nothing_to_complain_about(metrics):
    server, endpoint = metrics()
    assert ask(server, 20) == [200] * 20
    reply = endpoint.get("/metrics")
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    done = subprocess.run(["promtool", "check", "metrics"], input=reply.text, text=True,
                          capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_both_formats_hold_the_same(metrics):
    """OpenMetrics is read by its strict parser; HEAD and GET agree about the type."""
    server, endpoint = metrics()
    server.wait_workers(2)
    ask(server, 20)
    reply = endpoint.get("/metrics", headers={"Accept": OPENMETRICS})
    assert reply.headers["Content-Type"] == \
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert reply.text.endswith("\n# EOF\n")
    strict, old = Samples(reply.text, parse_openmetrics), endpoint.scrape()
    assert set(strict.samples) == set(old.samples)
    for name in ("requests_total", "request_duration_seconds_bucket", "workers"):
        assert {k: v for k, v in strict.samples.items() if k[0] == "anyfpm_" + name} == \
            {k: v for k, v in old.samples.items() if k[0] == "anyfpm_" + name}
    types = {f.name: f.type for f in strict.families.values()}
    assert types["anyfpm_requests"] == "counter" and types["anyfpm_build"] == "info"
    assert types["anyfpm_queue_wait_seconds"] == "histogram" and types["anyfpm_up"] == "gauge"
    head = endpoint.get("/metrics", "HEAD")
    assert (head.status, head.text) == (200, "")
    assert head.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize("path, status", [("/metrics", 200), ("/healthz?pool=none", 404)])
def test_head_has_no_body(metrics, path, status):
    """The length that GET would have, and not a byte after the header."""
    _, endpoint = metrics()
    with socket.create_connection(("127.0.0.1", int(endpoint.address.rpartition(":")[2])), 5) as s:
        s.sendall(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        reply = b"".join(iter(lambda: s.recv(65536), b""))
    header, _, body = reply.partition(b"\r\n\r\n")
    assert (header.split()[1], body) == (str(status).encode(), b"")
    length = int(re.search(rb"\r\nContent-Length: (\d+)", header).group(1))
    text = endpoint.get(path).text
    assert abs(length - len(text)) < 100 and len(text) > 10  # numbers change between the two


def test_what_is_not_served(metrics):
    _, endpoint = metrics()
    assert endpoint.get("/").status == 404
    assert endpoint.get("/metrics/").status == 404
    assert endpoint.get("/metrics?x=1").status == 200
    assert endpoint.get("http://example.org/metrics").status == 200
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        reply = endpoint.get("/metrics", method)
        assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")
    assert endpoint.get("/healthz?pool=" + urllib.parse.quote("no\n<pool>")).status == 404


def test_every_metric_is_in_the_manual(metrics):
    _, endpoint = metrics()
    with open(TOP + "/conf/anyfpm.conf.5", encoding="ascii") as f:
        manual = f.read()
    strict = Samples(endpoint.get("/metrics", headers={"Accept": OPENMETRICS}).text,
                     parse_openmetrics)
    suffix = {"counter": "_total", "info": "_info"}
    names = [f.name + suffix.get(f.type, "") for f in strict.families.values()]
    assert len(names) > 25
    assert [n for n in names if not re.search(rf"^\.It Li (.* )?{n}\b", manual, re.M)] == []


def test_samples_for_prometheus_are_valid():
    for kind, name in (("rules", "anyfpm-rules.yml"), ("config", "anyfpm.yml")):
        done = subprocess.run(["promtool", "check", kind, f"{TOP}/contrib/prometheus/{name}"],
                              text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.load
@pytest.mark.limit(180)
def test_ten_thousand_requests_are_counted_exactly(env, metrics):
    """With kills, time-outs and refusals among them, by us and by a real Prometheus."""
    total = 2000 if ASAN else 10000
    server, endpoint = metrics(options={
        "pm.max_children": 4, "request_queue_limit": 4, "request_terminate_timeout": "3s",
        "request_terminate_memory": "100M"})
    prometheus = Prometheus(env, endpoint)
    wait_for(lambda: prometheus.value('up{job="anyfpm"}') == 1, 20, "the first scrape")
    seen = collections.Counter()

    seen["timeout"] = in_threads(server, 8, 4, query="do=sleep")[504]
    seen["memory"] = in_threads(server, 4, 2, query="do=eat&kb=2048")[503]
    seen["crash"] = in_threads(server, 50, 2, query="do=crash")[502]
    seen["invalid"] = in_threads(server, 50, 2, query="do=garbage")[502]
    # Four run, four wait, and the others are refused.
    wait_for(lambda: endpoint.scrape().get("workers", state="idle") == 4, 10, "idle workers")
    burst = in_threads(server, 20, 20, query="do=sleep&ms=1500")
    seen["queue_full"], seen["ok"] = burst[503], burst[200]
    fails = in_threads(server, 100, 4, query="do=fail")
    seen["ok"] += fails[500]
    rest = total - sum(seen.values())
    good = in_threads(server, rest, 4, query="do=hello")
    seen["ok"] += good[200]
    assert seen["timeout"] == 8 and seen["memory"] == 4 and seen["crash"] == 50
    assert seen["invalid"] == 50 and seen["queue_full"] == 12 and good[200] == rest
    assert sum(seen.values()) == total

    now = endpoint.scrape()
    assert now.ends() == dict(seen)
    assert now.get("requests_accepted_total") == total
    classes = {c: now.get("responses_total", **{"class": c}) for c in ("2xx", "5xx", "none")}
    assert now.get("request_duration_seconds_count") == total - seen["queue_full"]
    assert now.get("request_duration_seconds_bucket", le="+Inf") == total - seen["queue_full"]
    assert sum(classes.values()) == total
    buckets = [now.get("request_duration_seconds_bucket", le=le) for le in
               ("0.0005", "0.01", "0.1", "1.0", "10.0", "+Inf")]
    assert buckets == sorted(buckets)
    # What was ended after 3 s is in no bucket below, and in every one above.
    assert buckets[-1] - now.get("request_duration_seconds_bucket", le="0.5") >= seen["timeout"]
    assert now.get("request_duration_seconds_sum") >= 8 * 3 + 8 * 1.5
    assert now.get("workers_crashed_total") >= 50
    assert now.get("sent_bytes_total") > total * len(b"hello\n")

    def shows(expression, value):
        """As its next scrape is to have it; one that takes a second fails, and removes them all."""
        wait_for(lambda: prometheus.value(expression) == value, 20, f"{expression} to be {value}")

    shows("sum(anyfpm_requests_total)", total)
    shows('up{job="anyfpm"}', 1)
    shows("anyfpm_up", 1)
    for end in ENDS:
        shows(f'anyfpm_requests_total{{result="{end}"}}', seen[end])
    shows("anyfpm_request_duration_seconds_count", total - seen["queue_full"])
    shows("anyfpm_build_info", 1)
    # The sample's alerts see what happened, and nothing else.
    shows('ALERTS{alertname="AnyfpmWorkersCrash"}', 1)
    shows('ALERTS{alertname=~"AnyfpmDown|AnyfpmPoolDown"}', None)


def test_memory_and_cpu_time_are_those_of_the_processes(metrics):
    server, endpoint = metrics(options={"pm.max_children": 2})
    pool, workers = server.pool(), server.wait_workers(2)
    hertz = os.sysconf("SC_CLK_TCK")
    assert ask(server, 1, query="do=burn&ms=300") == [200]
    before = sum(map(cpu_ticks, workers)) / hertz
    now = endpoint.scrape()
    after = sum(map(cpu_ticks, workers)) / hertz
    spent = now.get("process_cpu_seconds_total", process="workers")
    assert before <= spent + 0.001 and spent <= after + 0.001 and spent >= 0.29
    for which, pids in (("pool", [pool]), ("workers", workers)):
        got = now.get("process_resident_memory_bytes", process=which) / 1024
        want = sum(memory_kb(p) for p in pids)
        assert abs(got - want) < 0.2 * want + 1024, (which, got, want)

    # A worker that has ended goes on counting.
    assert ask(server, 1, query="do=exit") == [502]
    server.wait_log("child .* started", 3)
    wait_for(lambda: endpoint.scrape().get("workers", state="idle") == 2, 5, "the successor")
    assert ask(server, 1, query="do=burn&ms=300") == [200]
    assert endpoint.scrape().get("process_cpu_seconds_total", process="workers") >= spent + 0.29


def test_counters_survive_the_pool_process(metrics):
    server, endpoint = metrics()
    assert ask(server, 5) == [200] * 5
    os.kill(server.pool(), signal.SIGKILL)
    server.wait_log(r"first worker \d+ is ready", 2, timeout=15)
    wait_for(lambda: endpoint.health() == (200, "ok\n"), 5, "the pool to be back")
    now = endpoint.scrape()
    assert now.ends() == {"ok": 5}
    assert now.get("pool_restarts_total") == 1
    assert ask(server, 3) == [200] * 3
    assert endpoint.scrape().get("request_duration_seconds_count") == 8


def test_requests_crash_with_the_pool_process_not_with_the_next(metrics):
    """The master has no descriptor for a next process, so that there is none for a while."""
    server, endpoint = metrics(options={"pm": "static", "pm.max_children": 2})
    clients = [Client(server.address) for _ in range(3)]
    for c in clients:
        c.start(query="do=sleep&ms=60000")
    names = ("requests_accepted_total", "requests_running", "queue_length")
    wait_for(lambda: [endpoint.scrape().get(n) for n in names] == [3, 2, 1], 10,
             "requests to run and to wait")
    limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        os.kill(server.pool(), signal.SIGKILL)
        server.wait_log("cannot make a directory for workers' sockets", timeout=10)
        now = endpoint.scrape()
        assert now.ends() == {"crash": 3}
        assert now.get("up") == now.get("queue_length") == 0
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
    for c in clients:
        c.close()
    server.wait_log(r"first worker \d+ is ready", 2, timeout=30)
    wait_for(lambda: endpoint.health() == (200, "ok\n"), 10, "the pool to be back")
    assert endpoint.scrape().ends() == {"crash": 3}


@pytest.mark.load
def test_scrapes_while_everything_is_busy(metrics):
    """All workers sleep, the queue is full: a scrape says so, at once, and is no request."""
    server, endpoint = metrics(options={"pm.max_children": 2, "request_queue_limit": 3})
    server.wait_workers(2)
    clients = [Client(server.address) for _ in range(5)]
    for c in clients:
        c.start(query="do=sleep&ms=60000")
    wait_for(lambda: endpoint.scrape().get("queue_length") == 3, 5, "the queue to fill")
    times = []
    for _ in range(100):
        started = time.monotonic()
        now = endpoint.scrape()
        times.append(time.monotonic() - started)
    assert sorted(times)[90] < 0.1 * SLOW, f"scrapes took {sorted(times)[-10:]}"
    assert now.get("workers", state="active") == 2 and now.get("workers", state="idle") == 0
    assert now.get("queue_limit") == 3 and now.get("workers_limit") == 2
    assert now.get("requests_accepted_total") == 5 and now.get("client_connections") == 5
    first = now.get("queue_oldest_seconds")
    assert first > 0
    wait_for(lambda: endpoint.scrape().get("queue_oldest_seconds") > first, 5, "it to grow")
    assert endpoint.health() == (200, "ok\n")
    for c in clients:
        c.close()


# Health ---------------------------------------------------------------------------

def pool_of(env, name, *behavior, **options):
    return {"listen": f"{env.dir}/{name}.sock", "command": env.worker(*behavior), **options}


def test_health_names_the_pools_that_cannot_serve(env, metrics):
    """One serves, one crashes at its start, one is not ready yet."""
    server, endpoint = metrics(pools={
        "good": pool_of(env, "good", "hello"),
        "bad": pool_of(env, "bad", "dies-at-start"),
        "slow": pool_of(env, "slow", "starts-with", env.dir + "/may-start"),
        "later": pool_of(env, "later", "hello", pm="ondemand"),
    }, wait=False)
    wait_for(lambda: os.path.exists(server.log_path) and metrics_pids(server), 10, "a start")
    server.wait_log(r"\[pool bad\] 1 start failed", timeout=15)
    for name in "good", "later":
        wait_for(lambda name=name: endpoint.health(name)[0] == 200, 10, name)  # noqa: B023
    wait_for(lambda: "pool bad: no worker runs, and starting one fails; the error log says why\n" in
             endpoint.health()[1], 10, "bad")
    status, text = endpoint.health()
    assert status == 503
    assert "pool slow: it is starting; no worker is ready yet\n" in text
    assert "good" not in text and "later" not in text
    assert endpoint.health("bad")[0] == endpoint.health("slow")[0] == 503
    assert endpoint.health("later") == (200, "ok\n")
    now = endpoint.scrape()
    assert [now.get("up", p) for p in ("good", "bad", "slow", "later")] == [1, 0, 0, 1]
    with open(env.dir + "/may-start", "w", encoding="ascii"):
        pass
    wait_for(lambda: endpoint.health("slow") == (200, "ok\n"), 10 * SLOW, "slow to be ready")
    # Between its attempts and during them, bad is never healthy.
    until = time.monotonic() + 2
    while time.monotonic() < until:
        assert endpoint.health("bad")[0] == 503
    server.env.note(server.pid)


def test_health_of_a_program_that_begins_to_fail_and_is_mended(env, metrics):
    flag = env.dir + "/broken"
    server, endpoint = metrics(pools={"www": pool_of(
        env, "www", "fails-while", flag, **{"pm.max_children": 1})})
    assert endpoint.health() == (200, "ok\n")
    with open(flag, "w", encoding="ascii"):
        pass
    assert ask(server, 1, query="do=crash") == [502]
    wait_for(lambda: endpoint.health()[0] == 503, 10, "503")
    os.unlink(flag)
    wait_for(lambda: endpoint.health() == (200, "ok\n"), 10, "200")


def test_health_of_a_pool_process_that_is_stopped_or_dead(metrics):
    """The master, which would continue or replace it, is stopped before it."""
    server, endpoint = metrics()
    pool = server.pool()
    os.kill(server.pid, signal.SIGSTOP)
    try:
        os.kill(pool, signal.SIGSTOP)
        wait_for(lambda: endpoint.health() == (503, "pool www: its process is stopped\n"), 5, "503")
        assert endpoint.scrape().get("up") == 0
        os.kill(pool, signal.SIGCONT)
        wait_for(lambda: endpoint.health() == (200, "ok\n"), 5, "200")
    finally:
        os.kill(server.pid, signal.SIGCONT)


def test_health_while_the_service_finishes(env, metrics):
    """SIGQUIT: the pool can take nothing new; metrics are there until the last request ends."""
    server, endpoint = metrics()
    with Client(server.address) as c:
        c.start(query=f"do=split&until={env.dir}/pub/end")
        wait_for(lambda: endpoint.scrape().get("workers", state="active") == 1, 5, "a request")
        server.signal(signal.SIGQUIT)
        wait_for(lambda: endpoint.health()[0] == 503, 5, "503")
        assert "it is being stopped" in endpoint.health()[1]
        assert endpoint.scrape().get("workers", state="active") == 1
        with open(env.dir + "/pub/end", "wb"):
            pass
        assert c.answer().status == 200
    assert server.wait_exit() == 0
