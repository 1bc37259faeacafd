"""What runs contrib/tutorial.md for samples/test_tutorial.py: process of new namespaces, as root.

It makes what a new Debian has, and what cannot be the same in a test; all of it vanishes with the
namespaces. Standard input has the steps. Exits with 1 and a transcript where one fails.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

# What is empty at first, or as it is but for this test.
EMPTY = ("/srv", "/run", "/usr/local", "/var/log", "/var/lib/nginx", "/var/lib/logrotate")
SOURCES = "/usr/local/src/anyfpm"
PATIENCE = 60  # seconds for one block
# A block of these only looks, and is repeated until it sees what is in a log a moment later.
LOOKS = ("tail ", "head ", "grep ", "ls ", "anyfpm -s status", "curl -s http://localhost/status ",
         "curl -s -w '\\n' http://localhost/ping")

APT_GET = """#!/bin/sh
# The packages of the tests are the packages of the page.
shift 2
for package; do
    case $package in nginx-light) package=nginx ;; esac
    dpkg-query -W "$package" >/dev/null || exit
done
"""
MAKEFILE = """all install install-system:
\t$(MAKE) -C {build} $@
.PHONY: all install install-system
"""
SYSTEMCTL = """#!/bin/sh
set -e
if [ "$*" = daemon-reload ]; then
    exit
fi
for unit; do :; done
case "$1 $unit" in
"enable anyfpm")
    exec /usr/bin/python3 -B {this} start /usr/local/lib/systemd/system/anyfpm.service ;;
"status anyfpm") exec anyfpm -s status ;;
"restart nginx")
    if [ -s /run/nginx.pid ]; then
        nginx -s stop
        while [ -e /run/nginx.pid ]; do sleep 0.05; done
    fi
    exec nginx ;;
*) echo "systemctl $*: not for this page" >&2; exit 1 ;;
esac
"""


def write(path, text, mode=0o755):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(path, mode)


def mount(*argv):
    subprocess.run(["mount", *argv], check=True)


def prepare(top, build):
    kept = {path: tempfile.mkdtemp() for path in (top, build)
            if any(path.startswith(empty + "/") for empty in EMPTY)}
    for path, place in kept.items():
        mount("--bind", path, place)
    with socket.socket() as s:  # 127.0.0.1 of this namespace
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 1 | 64))  # SIOCSIFFLAGS: up, running
    etc = tempfile.mkdtemp()
    mount("-t", "tmpfs", "none", etc)
    subprocess.run(["cp", "-a", "/etc/.", etc], check=True)
    mount("--bind", etc, "/etc")
    subprocess.run(["umount", etc], check=True)
    os.rmdir(etc)
    for path in EMPTY:
        if os.path.isdir(path):
            mount("-t", "tmpfs", "-o", "mode=755", "none", path)
    for path, place in kept.items():
        os.makedirs(path, exist_ok=True)
        mount("--bind", place, path)
        subprocess.run(["umount", place], check=True)
        os.rmdir(place)
    for path in ("/usr/local/sbin", "/usr/local/bin", SOURCES, "/var/log/nginx"):
        os.makedirs(path)
    for name in os.listdir(top):
        if name not in ("configure", "Makefile"):
            os.symlink(f"{top}/{name}", f"{SOURCES}/{name}")
    write(SOURCES + "/configure", "#!/bin/sh\n")
    write(SOURCES + "/Makefile", MAKEFILE.format(build=build))
    write("/usr/local/sbin/autoreconf", "#!/bin/sh\n")
    write("/usr/local/sbin/apt-get", APT_GET)
    write("/usr/local/sbin/systemctl", SYSTEMCTL.format(this=os.path.abspath(__file__)))


def start(unit):
    """As systemd, of Type=notify."""
    with open(unit, encoding="ascii") as f:
        command = re.search("^ExecStart=(.*)$", f.read(), re.M)[1].split()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind("/run/notify")
        s.settimeout(PATIENCE)
        subprocess.Popen(command, env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": "/run/notify"},
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True)
        while b"READY=1" not in s.recv(65536):
            pass
        if os.fork() == 0:  # listens on
            for stream in range(3):
                os.close(stream)
            s.settimeout(None)
            while True:
                s.recv(65536)


def found(expected, output):
    """Whether these lines are in it."""
    lines = [r"(?:.*\n)*?" if line == "..." else
             ".*?".join(map(re.escape, line.split("..."))) + r"\n"
             for line in expected.splitlines()]
    return re.search("^" + "".join(lines), output, re.M) is not None


class Terminal:
    """One in which something runs in the foreground."""

    def __init__(self, commands):
        self.file = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(
            ["bash", "-c", commands], cwd=SOURCES, stdin=subprocess.DEVNULL, stdout=self.file,
            stderr=subprocess.STDOUT, start_new_session=True)

    def output(self):
        self.file.seek(0)
        return self.file.read()

    def interrupt(self):
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(PATIENCE)


def run(commands):
    got = subprocess.run(["bash", "-ec", commands], cwd=SOURCES, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         errors="replace", timeout=PATIENCE, check=False)
    return got.returncode, got.stdout


def step(kind, commands, expected):
    """Do it; returns what was printed, and what was wrong with it."""
    deadline = time.monotonic() + PATIENCE
    looks = commands.startswith(LOOKS)
    while True:
        code, output = run(commands)
        if (code != 0) != (kind == "sh fails"):
            wrong = f"exit code {code}"
        elif expected and not found(expected, output):
            wrong = "it should print\n" + expected
        else:
            return output, None
        if not looks or time.monotonic() > deadline:
            return output, wrong
        time.sleep(0.1)


def open_terminal(commands, expected):
    terminal = Terminal(commands)
    deadline = time.monotonic() + PATIENCE
    while not found(expected, terminal.output()):
        if terminal.process.poll() is not None or time.monotonic() > deadline:
            return terminal, "it should print\n" + expected
        time.sleep(0.05)
    return terminal, None


def say(commands, output, began):
    print("".join(f"# {line}\n" for line in commands.splitlines()) + output
          + f"({time.monotonic() - began:.1f} s)\n", flush=True)


def main():
    if sys.argv[1:2] == ["start"]:
        return start(sys.argv[2])
    told = json.load(sys.stdin)
    os.environ.update({"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                       "LANG": "C.UTF-8", "HOME": "/root", "PYTHONDONTWRITEBYTECODE": ""})
    prepare(told["top"], told["build"])
    terminal = within = None
    steps = told["steps"] + [[None, "sh", command, None] for command in told["hints"]]
    for section, kind, commands, expected in steps:
        if terminal and section != within:
            terminal.interrupt()
            terminal = None
        began = time.monotonic()
        if kind == "sh terminal":
            terminal, wrong = open_terminal(commands, expected)
            within, output = section, terminal.output()
        else:
            output, wrong = step(kind, commands, expected)
        say(commands, output, began)
        if wrong:
            if os.path.exists("/var/log/anyfpm/anyfpm.log"):
                print(run("tail -n 50 /var/log/anyfpm/anyfpm.log")[1])
            print(f"FAILED: {commands}\n{wrong}")
            return 1
    return 0


sys.exit(main())
