"""contrib/container without a container program: its configuration and its command line, as an
ordinary user in namespaces with a root that is read-only."""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest
from fcgi import Client
from servers import ANYFPM, BUILD, SLOW, TOP, children, free_port, wait_for

SAMPLE = TOP + "/contrib/container/"
USER_ID = 4321
# What the runtime gives to it: --read-only --tmpfs /tmp.
SANDBOX = ["bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
           "--unshare-user", "--uid", str(USER_ID), "--gid", str(USER_ID), "--unshare-pid",
           "--unshare-ipc", "--as-pid-1", "--cap-drop", "ALL", "--die-with-parent"]


def works():
    return shutil.which("bwrap") and subprocess.run([*SANDBOX, "/bin/true"], capture_output=True,
                                                    check=False).returncode == 0


pytestmark = pytest.mark.skipif(not works(), reason="bubblewrap is not installed, or may not")


def line_of(text, word):
    return re.search(rf"^{word} (.*)$", text, re.M)[1]


class Container:
    """What ENTRYPOINT starts, with a pool as the first lines of the Containerfile have it."""

    def __init__(self, env):
        self.port = free_port()
        with open(SAMPLE + "Containerfile", encoding="ascii") as f:
            text = f.read()
        entry = json.loads(line_of(text, "ENTRYPOINT"))
        self.stop_signal = getattr(signal, line_of(text, "STOPSIGNAL"))
        with open(SAMPLE + "anyfpm.conf", encoding="ascii") as f:
            conf = f.read()
        assert entry[0] == "/usr/sbin/anyfpm" and "= /etc/anyfpm/pool.d/" in conf
        self.config = env.dir + "/anyfpm.conf"
        with open(self.config, "w", encoding="ascii") as f:
            f.write(conf.replace("= /etc/anyfpm/pool.d/", f"= {env.dir}/pool.d/"))
        os.mkdir(env.dir + "/pool.d")
        with open(env.dir + "/pool.d/www.conf", "w", encoding="ascii") as f:
            f.write(f"[www]\ncommand = {BUILD}/contrib/demo/app\nlisten = 127.0.0.1:{self.port}\n"
                    "access.log = /dev/stdout\npm.max_children = 2\n")
        subprocess.run(["chmod", "-R", "a+rX", env.dir], check=True)
        self.files = [env.dir + "/stdout", env.dir + "/stderr"]
        shown = [word for path in (TOP, BUILD, env.dir) for word in ("--ro-bind", path, path)]
        with open(self.files[0], "wb") as out, open(self.files[1], "wb") as err:
            self.process = subprocess.Popen(
                [*SANDBOX, *shown, ANYFPM, *entry[1:], "-y", self.config],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd="/")
        wait_for(lambda: "ready to handle connections" in self.stderr(), 10 * SLOW, "the pool")
        self.first = children(self.process.pid)[0]

    def stdout(self):
        with open(self.files[0], encoding="ascii") as f:
            return f.read()

    def stderr(self):
        with open(self.files[1], encoding="ascii") as f:
            return f.read()

    def run(self, *argv):
        """As by "podman exec"."""
        return subprocess.run(["nsenter", "-t", str(self.first), "-U", "-m", "-p",
                               "--preserve-credentials", *argv], capture_output=True, text=True,
                              check=False, timeout=30 * SLOW)

    def end(self):
        if self.process.poll() is None:
            os.kill(self.first, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def container(env):
    running = Container(env)
    yield running
    running.end()


def test_sample(container):
    """Process 1, nobody's root, logs on the two streams, and nothing else written."""
    with Client(("127.0.0.1", container.port)) as client:
        assert client.request(uri="/hello").status == 200
    assert "fpm is running, pid 1\n" in container.stderr()
    wait_for(lambda: '"GET /hello" 200' in container.stdout(), 10 * SLOW, "the access line")
    with open(f"/proc/{container.first}/status", encoding="ascii") as f:
        status = f.read()
    assert re.search(r"^NSpid:\t\d+\t1$", status, re.M) and re.search(r"^CapEff:\t0+$", status, re.M)
    with open(f"/proc/{container.first}/uid_map", encoding="ascii") as f:
        assert f.read().split()[0] == str(USER_ID)
    got = container.run(ANYFPM, "-s", "status", "-y", container.config)
    assert got.returncode == 0 and "1 of 1 pools serve" in got.stdout, got.stderr
    assert container.run("touch", "/etc/written").returncode != 0


def test_stop_answers_what_was_accepted(container):
    with Client(("127.0.0.1", container.port), 30) as client:
        client.start(uri="/slow", query="ms=3000", SCRIPT_NAME="/slow")
        wait_for(lambda: '"active processes":1' in container.run(
            ANYFPM, "-s", "status", "--json", "-y", container.config).stdout, 10 * SLOW)
        os.kill(container.first, container.stop_signal)
        assert client.answer().status == 200
    assert container.process.wait(30 * SLOW) == 0
    assert container.stderr().endswith("exiting, bye-bye!\n")
