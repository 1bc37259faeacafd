"""Fixtures: every test gets a directory and servers of its own, and leaves nothing behind."""

import os
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + "/lib")

import accesslog  # noqa: E402
import concurrency  # noqa: E402
import fcgi  # noqa: E402
import generations  # noqa: E402
import others  # noqa: E402
import scraping  # noqa: E402
import servers  # noqa: E402

TEST_TIMEOUT = 120  # seconds, unless a test is marked with another limit


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): the time a test may take")
    config.addinivalue_line("markers", "load: many requests, fewer with sanitizers; or it measures: nothing else runs beside it")
    config.addinivalue_line("markers", "executed: about what a program does when it starts, which "
                                       "with pm.preload is not done for each worker")


def pytest_sessionstart(session):
    if not session.config.option.collectonly and not os.access(servers.ANYFPM, os.X_OK):
        pytest.exit(f"{servers.ANYFPM} is missing: build first, or set ANYFPM_BUILD", 2)
    print(f"testing {servers.ANYFPM}{' (sanitized)' if servers.ASAN else ''}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    setattr(item, "report_" + report.when, report)


def pytest_runtest_setup(item):
    if servers.PRELOAD and item.get_closest_marker("executed"):
        pytest.skip("about workers that are executed")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """A test that hangs fails instead of holding up the whole run."""
    mark = item.get_closest_marker("limit")
    seconds = (mark.args[0] if mark else TEST_TIMEOUT) * servers.SLOW

    def expired(*_):
        raise TimeoutError(f"the test took longer than {seconds} s")
    previous = signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


@pytest.fixture(scope="session")
def shared():
    """A directory that the pool's user can reach, with the programs that workers run."""
    path = tempfile.mkdtemp(prefix="anyfpm-shared-", dir="/tmp")
    os.chmod(path, 0o755)
    for name in ("odd.py", "hello.pl", "hello.php"):
        shutil.copy(f"{servers.WORKERS}/{name}", path)
    for name in servers.WORKERLIB:
        shutil.copy(name, path)
    shutil.copy(servers.BUILD + "/contrib/demo/app", path)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def env(shared, request):
    """The test's directory and processes, checked and removed at its end."""
    e = servers.Env(shared)
    yield e
    problems = e.check()
    report = getattr(request.node, "report_call", None)
    if problems or (report and report.failed):
        for server in e.servers:
            if isinstance(server, servers.Anyfpm):
                print(f"--- {server.log_path}\n{server.log()[-6000:]}")
        if os.environ.get("KEEP"):
            print("kept:", e.dir)
            assert not problems, "\n".join(problems)
            return
    e.remove()
    assert not problems, "\n".join(problems)


@pytest.fixture
def anyfpm(env):
    """Start anyfpm: anyfpm(command, {"directive": value}, ...)."""
    def start(*args, **more):
        return servers.Anyfpm(env, *args, **more)
    return start


@pytest.fixture
def odd(env, anyfpm):
    """anyfpm with the misbehaving worker: odd("behavior", {"directive": value})."""
    def start(behavior="echo", options=None, *, args=(), **more):
        return anyfpm(env.worker(behavior, *args), options, **more)
    return start


@pytest.fixture
def several(env, anyfpm):
    """A program with threads: several({"directive": value}, kind="go"). Left alone, it has one
    worker, which gets as many requests at once as it has threads."""
    def start(options=None, *, kind="each", threads=16, **more):
        program = concurrency.Several(kind, threads, env.shared)
        settings = {"pm.max_children": 1, "pm.max_concurrency": threads, "rlimit_core": 0,
                    "pm.status_path": "/status", **program.make(env.dir), **(options or {})}
        server = anyfpm(settings.pop("command"), settings, **more)
        server.program = program
        return server
    return start


@pytest.fixture
def seat(env):
    """Pool processes with the test for a master: seat("behavior", {"directive": value})."""
    def start(behavior="echo", options=None, *, args=(), **more):
        return generations.Seat(env, env.worker(behavior, *args), options, **more)
    return start


@pytest.fixture
def controlled(env, odd):
    """The misbehaving worker, of a master with a pid file, and so a control socket."""
    def start(behavior="echo", options=None, *, args=(), pid_path=None, global_options=None,
              **more):
        pid_path = pid_path or f"{env.dir}/anyfpm.{len(env.servers)}.pid"
        server = odd(behavior, options, args=args, global_options={"pid": pid_path,
                                                                   **(global_options or {})},
                     **more)
        server.pid_path = pid_path
        server.control_path = pid_path.removesuffix(".pid") + ".control"
        return server
    return start


@pytest.fixture
def nginx(env):
    def start(server, **more):
        return others.Nginx(env, getattr(server, "address", server), **more)
    return start


@pytest.fixture
def apache(env):
    def start(server, **more):
        return others.Apache(env, getattr(server, "address", server), **more)
    return start


@pytest.fixture
def haproxy(env):
    def start(server, **more):
        return others.Haproxy(env, getattr(server, "address", server), **more)
    return start


@pytest.fixture
def metrics(env, anyfpm, odd):
    """Start anyfpm with metrics: (server, endpoint) = metrics("behavior", {...}, pools=...)."""
    def start(behavior="hello", options=None, *, address=None, global_options=None, pools=None,
              wait=True, **more):
        endpoint = scraping.Endpoint(address)
        settings = {"metrics_listen": endpoint.address, **(global_options or {})}
        if pools is not None:
            server = anyfpm(None, pools=pools, global_options=settings, wait=wait, **more)
        else:
            server = odd(behavior, options, global_options=settings, wait=wait, **more)
        server.sockets += [endpoint.address] if endpoint.address.startswith("/") else []
        return server, endpoint
    return start


@pytest.fixture
def logging(odd, env):
    """The misbehaving worker, and a log whose lines ends() reads."""
    def start(options=None, behavior="echo", **more):
        settings = {"pm.max_children": 1, "access.log": accesslog.log_of(env),
                    "access.format": f'"{accesslog.ENDS}"'}
        return odd(behavior, dict(settings, **(options or {})), **more)
    return start


@pytest.fixture
def server(odd):
    """The misbehaving worker, which behaves unless a request asks for something else."""
    return odd()


@pytest.fixture
def client(server):
    """A connection to it."""
    with fcgi.Client(server.address) as c:
        yield c
