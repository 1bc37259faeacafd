"""contrib/adapters/wsgi under each version of Python that it is for, as far as this machine has
them: in PATH, or of pyenv."""

import ast
import glob
import hashlib
import os
import shutil
import subprocess

import pytest
from servers import SLOW
from wsgi import PRELOAD, WSGI, Alone

OLDEST, NEWEST = 9, 14  # of Python 3
BODY = b"line\n" * 40000


def interpreter(minor):
    """Its path, or None. pyenv's own in PATH is there for versions, too, that it has not chosen."""
    name = f"python3.{minor}"
    for path in [*glob.glob(os.path.expanduser(f"~/.pyenv/versions/3.{minor}.*/bin/{name}")),
                 shutil.which(name)]:
        if path and subprocess.run([path, "-c", ""], capture_output=True,
                                   check=False).returncode == 0:
            return path
    return None


@pytest.mark.parametrize("path", [WSGI, PRELOAD])
def test_syntax_of_the_oldest(path):
    with open(path, encoding="ascii") as f:
        ast.parse(f.read(), path, feature_version=(3, OLDEST))


@pytest.mark.parametrize("minor", range(OLDEST, NEWEST + 1))
def test_version(env, minor):
    """Small and large answers, bodies that are read and that are not, failures, SIGTERM; the
    application is watched by wsgiref.validate."""
    python = interpreter(minor)
    if python is None:
        pytest.skip(f"there is no Python 3.{minor}")
    for args in ([], ["--threads", "2"], ["--ahead"]):
        alone = Alone(env, *args, python=python)
        with alone.client(timeout=20 * SLOW) as c:
            assert c.request(uri="/tell").status == 200
            assert f"python3.{minor}" in os.readlink(f"/proc/{alone.pid}/exe")
            for how in ("read", "lines"):
                answer = c.request(uri="/digest", query=how, body=BODY)
                assert answer.body.split()[:2] == [
                    b"%d" % len(BODY), hashlib.sha1(BODY).hexdigest().encode()]
            answer = c.request(uri="/hello", body=BODY * 5)
            assert answer.body == b"hello\n"
            for path in ("large", "blocks"):
                answer = c.request(uri=f"/{path}", query="20*65536")
                assert answer.body == bytes(range(256)) * 5120
            answer = c.request(uri="/raises")
            assert answer.status == 500 and b"RuntimeError: raised before" in answer.stderr
            assert c.request(uri="/file").body == b"file\n" * 100000
        alone.stop()
