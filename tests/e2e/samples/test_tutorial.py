"""contrib/tutorial.md: every command, in order, and what is to be seen.

Of its blocks, `sh` is typed, `sh terminal` runs in a terminal of its own until Ctrl-C at the end of
the section, `sh fails` exits with another code than 0. A `text` block behind it has to be in what it
prints: whole lines, in which "..." is anything; "..." alone is any number of lines. What the last
column of the last table names is run at the end.

It runs as it stands, by lib/tutorial.py in namespaces of its own. The differences to a new Debian
are there: apt-get looks whether packages are installed, autoreconf, configure and make are those
of the build that is tested, and systemctl does what systemd would.
"""

import json
import os
import re
import subprocess

import pytest
from samples import SAMPLES
from servers import ANYFPM, ASAN, BUILD, PYTHON, ROOT, TOP

PAGE = TOP + "/contrib/tutorial.md"
with open(PAGE, encoding="ascii") as f:
    TEXT = f.read()
NAMESPACES = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
NEEDED = ("/usr/bin/django-admin", "/usr/sbin/nginx", "/usr/bin/cgi-fcgi", "/usr/sbin/logrotate",
          "/usr/bin/openssl", "/usr/sbin/adduser", "/usr/bin/curl")
TITLE, BLOCK = r"^## ([^\n]*)$", r"^```(\w+(?: \w+)?)\n(.*?)^```$"


def steps():
    """(section, kind, commands, what they print or None) in order."""
    out, section = [], None
    for title, kind, text in re.findall(f"{TITLE}|{BLOCK}", TEXT, re.M | re.S):
        if title:
            section = title
        elif kind == "text":
            assert out[-1][:1] == [section] and out[-1][3] is None, text
            out[-1][3] = text
        else:
            out.append([section, kind, text, None])
    return out


def hints():
    """The commands of the table of symptoms."""
    table = TEXT.rpartition("\n| symptom")[2]
    return re.findall(r"`([^`]+)`", " ".join(re.findall(r"^\|.*\| ([^|]*) \|$", table, re.M)))


def test_page_is_whole():
    """No block is passed over, and links lead somewhere."""
    assert TEXT.count("\n```") == 2 * len(re.findall(BLOCK, TEXT, re.M | re.S))
    assert {kind for _, kind, _, _ in steps()} == {"sh", "sh terminal", "sh fails"}
    assert len(hints()) > 5
    for link in re.findall(r"\]\(([^)#]+)", TEXT):
        assert os.path.exists(f"{TOP}/contrib/{link}"), link


def test_table_of_readme():
    """Each sample is in it, with the beginning of the command that its pool file has."""
    with open(TOP + "/README.md", encoding="ascii") as f:
        rows = re.findall(r"^\| [^|]* \| `([^`]+)`[^|]* \| ([^|]*contrib/samples/[^|]*) \|$",
                          f.read(), re.M)
    seen = []
    for command, links in rows:
        for name in re.findall(r"\(contrib/samples/([^)]*)/\)", links):
            seen.append(name)
            with open(f"{SAMPLES}/{name}/anyfpm.conf", encoding="ascii") as f:
                assert re.search(f"^command = {re.escape(command)}( |$)", f.read(), re.M), name
    assert sorted(seen) == sorted(n for n in os.listdir(SAMPLES) if os.path.isdir(f"{SAMPLES}/{n}"))


def installs_to_usr_local():
    with open(BUILD + "/Makefile", encoding="utf-8") as f:
        return "\nprefix = /usr/local\n" in f.read()


def can_have_namespaces():
    return ROOT and subprocess.run([*NAMESPACES, "mount", "-t", "tmpfs", "none", "/srv"],
                                   capture_output=True, check=False).returncode == 0


@pytest.mark.limit(240)
def test_commands():
    """From nothing to a deploy, as a reader types it."""
    if not can_have_namespaces():
        pytest.skip("namespaces with mounts cannot be made here")
    if ASAN or not installs_to_usr_local():
        pytest.skip("for a build as the page makes it")
    missing = [path for path in NEEDED if not os.path.exists(path)]
    if missing:
        pytest.skip(f"{missing} missing (tests/run installs them)")
    if "with systemd" not in subprocess.run([ANYFPM, "-v"], capture_output=True, text=True,
                                            check=True).stdout:
        pytest.skip("built without libsystemd")
    told = {"top": TOP, "build": BUILD, "steps": steps(), "hints": hints()}
    # Only a shell as process 1 takes care of whom daemons leave.
    got = subprocess.run(
        [*NAMESPACES, "sh", "-c", 'exec 3<&0; "$@" <&3 & wait $!', "sh", PYTHON, "-B",
         TOP + "/tests/e2e/lib/tutorial.py"], input=json.dumps(told), cwd="/",
        capture_output=True, text=True, timeout=230, check=False)
    assert got.returncode == 0, got.stdout + got.stderr
