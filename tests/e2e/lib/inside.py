"""The worker inside.c, which tells what it is and may, and a directory to be its root."""

import os
import shutil
import subprocess

import pytest
from fcgi import Client
from servers import WORKERS


@pytest.fixture(scope="session")
def inside(shared):
    """The path of the worker."""
    path = shared + "/inside"
    subprocess.run(["cc", "-O1", "-o", path, WORKERS + "/inside.c", "-lfcgi"], check=True)
    return path


def libraries(program):
    """What the dynamic loader maps, itself included."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [word for line in text.splitlines() for word in line.split() if word.startswith("/")]


@pytest.fixture
def jail(env, inside):
    """A directory with the worker as /app/inside, and all that it needs."""
    path = env.dir + "/jail"
    for source, to in [(inside, "/app/inside")] + [(lib, lib) for lib in libraries(inside)]:
        os.makedirs(path + os.path.dirname(to), exist_ok=True)
        shutil.copy(source, path + to)
    return path


def report(server):
    """{name: [value, ...]} as a worker tells it."""
    with Client(getattr(server, "address", server)) as c:
        response = c.request()
    assert response.status == 200, response.stdout
    lines = response.body.decode().splitlines()
    return {words[0]: words[1:] for words in
            (line.split(" ") for line in lines) if words}
