"""Let processes of anyfpm hang in their event loop; they are not stopped, and answer nobody."""

import os
import signal

import pytest
from servers import ASAN, SLOW, Env, stat, wait_for
from slowlog import build

HANG, GO_ON = signal.SIGRTMIN + 2, signal.SIGRTMIN + 3


@pytest.fixture(scope="session")
def hang_library(shared):
    return build("hang.c", shared + "/hang.so", "-shared", "-fPIC")


def wait_until_said(pid):
    """What it has written to the log it tells its master next: wait until it has nothing to do."""
    wait_for(lambda: stat(pid)[0] == "S", 5 * SLOW, "it to be idle")


def preload(library, monkeypatch):
    """Into what is started after this."""
    if ASAN:  # its own library has to be the first, or be told that it need not be
        options = Env.sanitizer_options
        monkeypatch.setattr(Env, "sanitizer_options", lambda self: {
            k: v + ":verify_asan_link_order=0" for k, v in options(self).items()})
    monkeypatch.setenv("LD_PRELOAD", library)


@pytest.fixture
def hang(hang_library, monkeypatch):
    """What is started after this can be made to hang: hang(pid), hang(pid, GO_ON)."""
    preload(hang_library, monkeypatch)
    return lambda pid, sig=HANG: os.kill(pid, sig)
