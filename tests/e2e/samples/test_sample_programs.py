"""contrib/samples: each as its README says, in a copy, beside its usual runner.

A new sample is a new directory, which is tested without a word here if it answers as the others do
and spawn-fcgi is who usually runs it; lib/samples.py says what else there can be.
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from fcgi import Client
from fronts import Front, socket_of
from samples import SAMPLES, TIME_LIMIT, UPLOAD, Sample, Started, sample_of
from servers import ROOT, TOP

NAMES = sorted(name for name in os.listdir(SAMPLES) if os.path.isdir(f"{SAMPLES}/{name}"))
CLIENTS = 4


def answer_of(client, sample, request, **more):
    answer = client.request(**request, **more)
    assert answer.app_status == 0 and answer.protocol_status == 0, answer.records
    return sample.same(bytes(answer.stdout)), bytes(answer.stderr)


def difference(answer, expected):
    """Lines that only one of two answers has, or None, which pytest shows faster than both."""
    if answer == expected:
        return None
    one, other = ([*stdout.split(b"\n"), b"STDERR:", *stderr.split(b"\n")]
                  for stdout, stderr in (answer, expected))
    return ([line[:200] for line in one if line not in other],
            [line[:200] for line in other if line not in one])


def ask_many(address, sample, numbers, expected):
    """Over one connection that is kept; what was wrong first, or None."""
    with Client(address, timeout=60) as client:
        for number in numbers:
            number %= sample.distinct
            wrong = difference(answer_of(client, sample, sample.request(number)), expected[number])
            if wrong:
                return number, wrong
    return None


@pytest.mark.limit(TIME_LIMIT)
@pytest.mark.parametrize("name", NAMES)
def test_sample(env, name):
    """1,000 requests, of some only with `tests/run samples`, and an upload are answered byte for byte as under the usual runner; the
    commands to try it work; it stops without a complaint."""
    sample = sample_of(name, env.dir)
    sample.need_packages()
    sample.shell(sample.before)
    usual = sample.usual(env)

    def usually(request):
        with Client(usual.address, timeout=60) as client:
            return answer_of(client, sample, request, flags=0)
    expected = [usually(sample.request(number)) for number in range(sample.distinct)]
    assert len({stdout for stdout, _ in expected}) == sample.distinct, expected[0]
    expected_upload = usually(sample.upload())
    assert sample.told in expected_upload[0], expected_upload[0][:1000]

    started = Started(env, sample)
    with ThreadPoolExecutor(CLIENTS) as clients:
        for wrong in clients.map(lambda i: ask_many(
                started.address, sample, range(i, sample.requests, CLIENTS), expected), range(CLIENTS)):
            assert not wrong, wrong
    with Client(started.address, timeout=60) as client:
        assert not difference(answer_of(client, sample, sample.upload()), expected_upload)
    tried(sample, started)
    sample.check_as_service()


@pytest.mark.parametrize("name", NAMES)
def test_without_root(env, name):
    """Somebody who is not root changes nothing in it."""
    if not ROOT:
        pytest.skip("the others are without root, too")
    sample = sample_of(name, env.dir, by_user=True)
    sample.need_packages()
    sample.shell(sample.before)
    tried(sample, Started(env, sample))


@pytest.mark.parametrize("name", ["c", "go", "perl-psgi", "python-django", "ruby-rack"])
def test_behind_nginx(env, name):
    """What README.md of the samples tells to ask, with curl, through the nginx of contrib/."""
    with open(SAMPLES + "/README.md", encoding="ascii") as f:
        get, post = re.findall("^    (curl .*)$", f.read(), re.M)
    sample = sample_of(name, env.dir)
    sample.need_packages()
    sample.shell(sample.before)
    started = Started(env, sample)
    os.symlink(started.address, socket_of(env))
    nginx = Front(env, "nginx")

    def ask(command):
        return sample.shell(command.replace("localhost", f"localhost:{nginx.port}"))
    assert ask(get + " -sS") == "GET /hello, 0 bytes\n"
    with open(sample.directory + "/FILE", "wb") as f:
        f.write(UPLOAD)
    assert ask(post + " -sS") == f"POST /upload, {len(UPLOAD)} bytes\n"


def tried(sample, started):
    """The commands to try it work, then it stops without a complaint."""
    shown = sample.shell(sample.attempt)
    assert re.search("^Content-type: ", shown, re.M | re.I) and "Status: 5" not in shown, shown
    started.stop()
    assert not started.trouble(), started.said()


@pytest.mark.parametrize("name", NAMES)
def test_description(env, name):
    """It stands in the table; tests/run installs what it takes; it needs no place of its own."""
    sample = Sample(name, env.dir)
    with open(f"{SAMPLES}/{name}/README.md", encoding="ascii") as f:
        for link in re.findall(r"\]\(([^)#]+)", f.read()):
            assert os.path.exists(f"{SAMPLES}/{name}/{link}"), link
    with open(SAMPLES + "/README.md", encoding="ascii") as f:
        assert f"]({name}/)" in f.read()
    with open(TOP + "/tests/run", encoding="ascii") as f:
        installed = re.search(r"^packages='(.*?)'", f.read(), re.M | re.S).group(1).split()
    assert set(sample.packages) <= set(installed)
    assert sample.pool["listen"] == f"./{name}.sock"
    assert sample.pool["user"] == "www-data"  # root must not need to change it; ignored otherwise
    assert "request_terminate_timeout" in sample.pool
