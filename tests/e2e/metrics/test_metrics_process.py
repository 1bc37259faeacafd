"""The process that serves the metrics: what clients cannot disturb, and what it may not do."""

import glob
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import time

from fcgi import Client
import pytest
from scraping import ask, metrics_pid, metrics_pids
from servers import ASAN, ROOT, SLOW, alive, children, cpu_ticks, free_port, memory_kb, status_of, wait_for


# Hostile clients ---------------------------------------------------------------------

def test_hostile_clients(metrics):
    """Half requests, floods, a megabyte of header: scrapes go on, the process lives."""
    server, endpoint = metrics()
    port = int(endpoint.address.rpartition(":")[2])
    pid = metrics_pid(server)
    endpoint.scrape()
    before = memory_kb(pid)

    def connect(data=b""):
        s = socket.create_connection(("127.0.0.1", port), 10)
        try:
            s.sendall(data)
        except OSError:
            pass  # it had enough
        return s

    held = []
    for data in (b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Half: "):
        held += [connect(data) for _ in range(70)]
        assert endpoint.scrape().get("up") == 1
    for data in (b"\0" * 100000, b"GET " + b"/" * 1000000,
                 b"GET /metrics HTTP/1.1\r\n" + b"X-A: " + b"a" * 1000000 + b"\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\n" + b"X-A: b\r\n" * 100000 + b"\r\n",
                 b"POST /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 1000000,
                 b"POST /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                 b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                 + b"f" * 16 + b"\r\n",
                 b"GET /metrics HTTP/9.9\r\n\r\n", b"BREW /metrics HTTP/1.1\r\n\r\n",
                 b"GET /healthz?pool=%00%ff&pool=%zz HTTP/1.1\r\n\r\n",
                 b"GET * HTTP/1.1\r\n\r\n", b"GET /%00 HTTP/1.0\r\n\r\n",
                 b"CONNECT x:1 HTTP/1.1\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n", b"\r\n\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\n\r\n" * 1000):
        held.append(connect(data))
        assert endpoint.scrape().get("up") == 1
    assert metrics_pids(server) == [pid]
    assert memory_kb(pid) - before < 4096 * (8 if ASAN else 1)
    # No more than 64 at a time are kept, and none for more than some seconds.
    if ROOT:
        assert len(os.listdir(f"/proc/{pid}/fd")) < 64 + 20
    wait_for(lambda: all(is_closed(s) for s in held), 20, "the connections to be closed")
    for s in held:
        s.close()
    assert server.log().count("ERROR") == 0


def test_few_descriptors(metrics):
    """With a low limit there are fewer connections; at the limit it pauses, it does not spin."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
    try:
        server, endpoint = metrics()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    port = int(endpoint.address.rpartition(":")[2])
    pid = metrics_pid(server)
    endpoint.scrape()
    held = []
    for _ in range(200):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", port))
        held.append(s)
    before, started = cpu_ticks(pid), time.monotonic()
    for _ in range(8):
        assert endpoint.scrape().has("process_resident_memory_bytes")
        time.sleep(0.25)
    used = (cpu_ticks(pid) - before) / os.sysconf("SC_CLK_TCK")
    assert used < 0.4 * (time.monotonic() - started), used
    assert metrics_pids(server) == [pid]
    for s in held:
        s.close()


def is_closed(sock):
    sock.setblocking(False)
    try:
        while sock.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_a_client_that_drips_is_ended(metrics):
    """A byte now and then keeps no connection for longer than others."""
    _, endpoint = metrics()
    with socket.create_connection(("127.0.0.1", int(endpoint.address.rpartition(":")[2]))) as s:
        s.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")
        started = time.monotonic()

        def dropped():
            try:
                s.sendall(b"x")
            except OSError:
                return True
            return is_closed(s)
        wait_for(dropped, 25, "the connection to be closed", 0.5)
        assert time.monotonic() - started > 5, "it had its time"


def test_clients_that_do_not_read(metrics):
    """Answers that nobody takes hold nobody up."""
    _, endpoint = metrics()
    port = int(endpoint.address.rpartition(":")[2])
    held = []
    for _ in range(200):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.connect(("127.0.0.1", port))
        s.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        held.append(s)
    for _ in range(10):
        assert endpoint.scrape().get("up") == 1
    for s in held:
        s.close()


# The process --------------------------------------------------------------------------

def links(pid):
    """What the descriptors of a process are; one may be closed meanwhile."""
    out = {}
    for path in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            out[os.path.basename(path)] = os.readlink(path)
        except FileNotFoundError:
            pass
    return out


def test_the_process_has_no_rights(env, metrics):
    server, endpoint = metrics()
    endpoint.scrape()
    pid = metrics_pid(server)
    status = status_of(pid)
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert os.getsid(pid) == pid
    assert children(pid) == []
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0, "it is dumpable"
    if not ROOT:
        return
    nobody = subprocess.run(["id", "-u", "nobody"], capture_output=True, text=True,
                            check=True).stdout.strip()
    assert status["Uid"].split() == [nobody] * 4
    assert "0" not in status["Gid"].split() and "0" not in status.get("Groups", "").split()

    # Its view of the numbers can never be written: not mapped so (wr), not to be made so (mw).
    flags = []
    with open(f"/proc/{pid}/smaps", encoding="ascii") as f:
        mapped = False
        for line in f:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                mapped = "memfd:anyfpm statistics" in line
            elif mapped and line.startswith("VmFlags:"):
                flags.append(line.split()[1:])
    assert len(flags) == 1 and "rd" in flags[0] and "ms" in flags[0]
    assert not {"wr", "mw"} & set(flags[0])
    targets = links(pid)
    assert not any("memfd" in t for t in targets.values()), targets
    # Nor could it open the memory again: it is the master's alone.
    memory, = (fd for fd, t in links(server.pid).items() if "memfd:anyfpm statistics" in t)
    info = os.stat(f"/proc/{server.pid}/fd/{memory}")
    assert (info.st_uid, stat.S_IMODE(info.st_mode)) == (0, 0o600)
    assert server.log_path in targets.values()


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_metrics_user(metrics):
    server, endpoint = metrics(global_options={"metrics_user": "daemon"})
    endpoint.scrape()
    assert status_of(metrics_pid(server))["Uid"].split() == ["1"] * 4


@pytest.mark.skipif(not ROOT, reason="only root has something to lose")
@pytest.mark.parametrize("mode, served", [(0o755, False), (0o770, False), (0o750, True)])
def test_metrics_user_replaces_no_log(env, metrics, mode, served):
    """No log in a directory of metrics_user's, nor in one that its group can write."""
    logs = env.dir + "/logs"
    os.mkdir(logs)
    os.chown(logs, 1 if mode == 0o755 else 0, 1)
    os.chmod(logs, mode)
    server, endpoint = metrics(options={"access.log": logs + "/access"}, wait=served,
                               global_options={"metrics_user": "daemon"})
    if served:
        endpoint.scrape()
        return
    server.exit_code = 78
    assert server.wait_exit() == 78
    assert f"access.log {logs}/access is refused" in server.said() + server.log()
    assert not os.listdir(logs)


@pytest.mark.parametrize("settings, message", [
    ({"metrics_listen": "127.0.0.1:0"}, r"metrics_listen: expected a port from 1 to 65535"),
    ({"metrics_listen": "example.org:9253"}, r"metrics_listen: .*names are not looked up"),
    ({"metrics_listen": "{www}"}, r"metrics_listen: .* is pool www's already, at .*:\d+"),
    pytest.param({"metrics_listen": "9253", "metrics_user": "nobody-there"},
                 r'metrics_user: there is no user "nobody-there"',
                 marks=pytest.mark.skipif(not ROOT, reason="ignored, unless root")),
    pytest.param({"metrics_listen": "9253", "metrics_user": "root"},
                 r"metrics_user: expected another user than root",
                 marks=pytest.mark.skipif(not ROOT, reason="ignored, unless root")),
])
def test_settings_that_are_refused(env, anyfpm, settings, message):
    listen = f"{env.dir}/www.sock"
    settings = {k: v.format(www=listen) for k, v in settings.items()}
    server = anyfpm(env.demo, listen=listen, global_options=settings, wait=False)
    assert server.wait_exit() == 78
    server.exit_code = 78
    assert re.search(rf"anyfpm\.1\.conf:\d+: \[global\] {message}", server.said())


@pytest.mark.parametrize("address", ["unix", "[::1]:{port}", "{port}"])
def test_addresses(env, metrics, address):
    address = f"{env.dir}/metrics.sock" if address == "unix" else address.format(port=free_port())
    _, endpoint = metrics(address=address)
    assert endpoint.scrape().get("up") == 1
    assert endpoint.health() == (200, "ok\n")
    if address.startswith("/"):
        assert stat.S_IMODE(os.stat(address).st_mode) == 0o666


def test_an_address_in_use_is_an_error_at_the_start(env, anyfpm):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = anyfpm(env.demo, global_options={"metrics_listen": f"127.0.0.1:{port}"},
                        wait=False)
        assert server.wait_exit() == 78
    server.exit_code = 78
    assert f"metrics_listen: cannot listen on 127.0.0.1:{port}: address already in use" in \
        server.said() + server.log()


def test_it_comes_back_and_no_pool_notices(metrics):
    server, endpoint = metrics()
    with Client(server.address) as c:
        c.start(query="do=sleep&ms=3000")
        wait_for(lambda: endpoint.scrape().get("workers", state="active") == 1, 5, "a request")
        workers = server.wait_workers(2)
        for times in (1, 2, 3):
            pid = metrics_pid(server)
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: [p for p in metrics_pids(server) if p != pid], 10, "another process")
            assert endpoint.scrape().get("up") == 1
            server.wait_log(r"WARNING: metrics process \d+ exited on signal 9", times)
        assert c.answer().status == 200
    assert server.workers() == workers
    assert endpoint.scrape().ends() == {"ok": 1}


def test_stopped_it_is_continued(metrics):
    server, endpoint = metrics()
    endpoint.scrape()
    os.kill(metrics_pid(server), signal.SIGSTOP)
    server.wait_log(r"metrics process \d+ was stopped by signal 19; continuing it")
    assert endpoint.scrape().get("up") == 1
    assert ask(server, 1) == [200]


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_it_ends_with_the_master(metrics, stopped):
    """kill -9 of the master, whatever the process is doing then."""
    server, endpoint = metrics()
    endpoint.scrape()
    pid = metrics_pid(server)
    server.env.note(server.pid)
    if stopped:
        os.kill(server.pid, signal.SIGSTOP)  # so that it does not continue it
        os.kill(pid, signal.SIGSTOP)
    server.kill()
    wait_for(lambda: not alive(pid), 2 * SLOW, "the metrics process to end")


def test_it_follows_the_rotated_log(env, metrics):
    server, endpoint = metrics()
    endpoint.scrape()
    pid = metrics_pid(server)
    if not ROOT:
        pytest.skip("its descriptors can be seen by root only")
    os.rename(server.log_path, server.log_path + ".1")
    server.signal(signal.SIGUSR1)
    wait_for(lambda: links(pid).get("2") == server.log_path, 5, "the new log")
    wait_for(lambda: not any(t.endswith(".1") for t in links(pid).values()), 5,
             "the old log to be closed")
    with open(server.log_path, "a", encoding="ascii") as new, \
            open(server.log_path + ".1", encoding="ascii") as old:
        new.write(old.read())  # for the checks at the end


def context_switches(pid):
    return int(status_of(pid)["voluntary_ctxt_switches"])


def test_idle_it_uses_no_cpu(metrics):
    server, endpoint = metrics()
    endpoint.scrape()
    pid = metrics_pid(server)

    def is_quiet():
        before = context_switches(pid)
        time.sleep(3)  # nothing is waited for: this is about what does not happen
        # What remains after a scrape is one sweep of its connection.
        return context_switches(pid) - before <= 2
    wait_for(is_quiet, 10, "three seconds in which it does nothing")


def test_no_process_without_the_directive(odd):
    server = odd("hello")
    assert metrics_pids(server) == []
    assert ask(server, 1) == [200]
