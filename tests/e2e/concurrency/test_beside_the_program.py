"""What is said of workers with several requests: status page, metrics, access log, slow log."""

import pytest
from accesslog import ENDS, ends, lines, log_of
from concurrency import AtOnce, Several, learn
from scraping import Endpoint
from servers import PATIENCE, SLOW, wait_for
from slowlog import program, slow, stacks  # noqa: F401
from statuspage import FORMS, page, status


def begun(server, count):
    """Requests that do not end by themselves."""
    before = len(server.program.runs())
    batch = AtOnce(server, [f"id={i}&do=hang" for i in range(count)])
    server.program.wait_runs(before + count)
    return batch


def test_processes_and_places(several):
    """php-fpm's keys are of processes; what can start at once is told beside."""
    server = several({"pm.max_children": 2}, threads=4)
    server.wait_workers(2)
    with begun(server, 5):
        said = status(server)
        assert (said["active processes"], said["idle processes"], said["total processes"]) == \
            (2, 0, 2)
        assert (said["max concurrency"], said["running requests"], said["free places"]) == (4, 5, 3)
        assert sorted(p["running requests"] for p in said["processes"]) == [2, 3]


@pytest.mark.parametrize("form", FORMS)
def test_every_form(several, form):
    server = several(threads=4)
    with begun(server, 3):
        text = page(server, form).body
        named = {"html": b"room for 1 more", "html&full": b"room for 1 more",
                 "openmetrics": b"anyfpm_places_free 1"}.get(form, b"free places")
        assert named in text.replace(b"-", b" ") or named in text, text


def test_metrics(several):
    endpoint = Endpoint()
    server = several({"pm.max_children": 2}, threads=4,
                     global_options={"metrics_listen": endpoint.address})
    server.wait_workers(2)
    names = ("worker_requests_limit", "requests_running", "places_free")
    with begun(server, 5):
        wait_for(lambda: [endpoint.scrape().get(name) for name in names] == [4, 5, 3], 5, "5")


def test_what_was_found_is_told(several):
    """Of a program that takes fewer, those are the places."""
    server = several({"pm.max_concurrency": 8, "pm.start_timeout": "1s"}, threads=1)

    def found():
        with AtOnce(server, ["ms=500"] * 3) as batch:
            batch.told()
        said = status(server)
        return said["max concurrency"] == 1 and said
    said = wait_for(found, 5 * SLOW, "it is found")
    assert said["free places"] == 1


def test_access_log(several, env):
    """A line for each, with its own times."""
    server = several({"access.log": log_of(env), "access.format": f'"{ENDS}"'}, threads=4)
    learn(server, 4)
    n = len(server.program.runs())
    with AtOnce(server, [f"id={ms}&ms={ms}" for ms in (200, 600, 1000, 1400)]) as batch:
        pid, = {t["pid"] for t in batch.told()}
    found = ends(env, n + 4)[n:]
    assert {(line.pid, line.status, line.end) for line in found} == {(str(pid), "200", "-")}
    for ms, duration in zip((200, 600, 1000, 1400), sorted(float(line.duration) for line in found)):
        assert ms / 1000 <= duration < ms / 1000 + 0.3 * SLOW * PATIENCE
    assert sorted(int(line.number) for line in ends(env, n + 4)) == list(range(1, n + 5))


def test_processor_time_in_company_is_nobodys(several, env):
    """%C is a number only for a request that was alone in its worker."""
    server = several({"access.log": log_of(env), "access.format": "'%q %C'"},
                     threads=4)
    with AtOnce(server, ["id=1&burn=50"]) as alone:
        alone.told()
    with AtOnce(server, ["id=2&burn=50&ms=2000", "id=3&ms=2000"]) as batch:
        batch.told()
    said = dict(line.rsplit(" ", 1) for line in lines(log_of(env), 3))
    assert float(said.pop("id=1&burn=50")) > 0
    assert list(said.values()) == ["-", "-"], said


@stacks
def test_slow_log_shows_all_threads(slow, env):
    """Nobody can say which thread has the request: whoever reads it sees all of them."""
    program = Several("each", 4, env.shared)
    options = program.make(env.dir)
    server = slow({"pm.max_concurrency": 4, "rlimit_core": 0, "pm.max_children": 1, **options},
                  command=options.pop("command"))
    server.program = program
    learn(server, 4)
    before = len(server.entries())
    with AtOnce(server, ["ms=2500"] * 3) as batch:
        pid, = {t["pid"] for t in batch.told()}
    entries = server.wait_entries(before + 3)[before:]
    assert {e.pid for e in entries} == {pid}
    whole = [e for e in entries if e.threads and not e.incomplete]
    assert whole and all(len(e.threads) == 4 for e in whole)
    sleeping = [sum(any("nanosleep" in name for name in functions) for functions in e.functions)
                for e in whole]
    assert max(sleeping) >= 2
