"""What the tests of the metrics share: the endpoint, what a scrape brought, a real Prometheus."""

import collections
import concurrent.futures
import http.client
import json
import shutil
import socket
import urllib.parse

from fcgi import Client
from prometheus_client.parser import text_string_to_metric_families as parse_text
from servers import TOP, Server, children, cmdline, free_port, wait_for

ENDS = ("ok timeout memory cpu company crash invalid queue_full queue_timeout no_worker client_gone "
        "client_timeout refused no_resources stopped").split()


# Helpers ------------------------------------------------------------------------

class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Endpoint:
    """metrics_listen of a test's anyfpm."""

    def __init__(self, address=None):
        self.address = address or f"127.0.0.1:{free_port()}"

    def get(self, path, method="GET", headers=None, timeout=10, body=None):
        if self.address.startswith("/"):
            conn = UnixConnection(self.address, timeout)
        else:
            host, _, port = self.address.rpartition(":")
            conn = http.client.HTTPConnection(host.strip("[]") or "127.0.0.1", int(port),
                                              timeout=timeout)
        try:
            conn.request(method, path, body, headers or {})
            reply = conn.getresponse()
            reply.text = reply.read().decode()
            return reply
        finally:
            conn.close()

    def health(self, pool=None):
        reply = self.get("/healthz" + (f"?pool={pool}" if pool else ""))
        return reply.status, reply.text

    def scrape(self):
        reply = self.get("/metrics")
        assert reply.status == 200
        return Samples(reply.text)


class Samples:
    """What a scrape brought, by Prometheus's own Python parser."""

    def __init__(self, text, parse=parse_text):
        self.text = text
        self.families = {f.name: f for f in parse(text)}
        self.samples = {(s.name, tuple(sorted(s.labels.items()))): s.value
                        for f in self.families.values() for s in f.samples}

    def get(self, name, pool="www", **labels):
        labels["pool"] = pool
        return self.samples["anyfpm_" + name, tuple(sorted(labels.items()))]

    def has(self, name):
        return any(n == "anyfpm_" + name for n, _ in self.samples)

    def ends(self, pool="www"):
        return {end: int(self.get("requests_total", pool, result=end)) for end in ENDS
                if self.get("requests_total", pool, result=end)}


def metrics_pids(server):
    return [p for p in children(server.pid) if cmdline(p) == "anyfpm: metrics"]


def metrics_pid(server):
    return wait_for(lambda: metrics_pids(server), 5, "the metrics process")[0]


def ask(server, count=1, **more):
    with Client(server.address) as c:
        return [c.request(**more).status for _ in range(count)]


# Numbers -------------------------------------------------------------------------

class Prometheus(Server):
    """A real Prometheus with the sample of contrib/, scraping once a second."""

    name = "prometheus"
    grace = 30  # it waits for the disk

    def __init__(self, env, endpoint):
        super().__init__(env)
        self.port = free_port()
        directory = f"{env.dir}/prometheus"
        shutil.copytree(TOP + "/contrib/prometheus", directory)
        with open(directory + "/anyfpm.yml", encoding="ascii") as f:
            config = f.read().replace("127.0.0.1:9253", endpoint.address).replace("15s", "1s")
        with open(directory + "/anyfpm.yml", "w", encoding="ascii") as f:
            f.write(config)
        self.launch(["/usr/bin/prometheus", f"--config.file={directory}/anyfpm.yml",
                     f"--storage.tsdb.path={directory}/data",
                     f"--web.listen-address=127.0.0.1:{self.port}"])
        self.wait_listening(("127.0.0.1", self.port))

    def query(self, expression):
        """{labels: value} of an instant query; empty while it is starting."""
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        conn.request("GET", "/api/v1/query?query=" + urllib.parse.quote(expression))
        reply = conn.getresponse()
        text = reply.read()
        conn.close()
        if reply.status != 200:
            return {}
        return {tuple(sorted((k, v) for k, v in r["metric"].items() if k != "__name__")):
                float(r["value"][1]) for r in json.loads(text)["data"]["result"]}

    def value(self, expression):
        return next(iter(self.query(expression).values()), None)


def in_threads(server, count, threads, **more):
    """Statuses of count requests over some kept connections."""
    share = [count // threads + (i < count % threads) for i in range(threads)]
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(ask, server, n, **more) for n in share]
        return collections.Counter(s for f in futures for s in f.result())
