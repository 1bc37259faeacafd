"""What a forked worker is and may: all that an executed one has, in a chroot as well."""

import os
import re
import shutil

import pytest
from inside import inside, jail, report  # noqa: F401
from preloading import LIBRARY
from servers import ROOT, status_of
from statuspage import status

# Directives that make a difference to what a worker has or may.
SETTINGS = [
    {},
    {"no_new_privs": "yes", "umask": "027"},
    {"oom_score_adj": 500, "process.priority": 5},
    {"rlimit_as": "2G", "rlimit_files": 333, "rlimit_core": 0},
    {"process.dumpable": "yes", "chdir": "/usr", "request_slowlog_timeout": "30s"},
]
FIELDS = ["Umask", "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
          "NoNewPrivs", "Seccomp", "SigBlk", "SigIgn", "SigCgt", "Threads", "FDSize"]


def read(path):
    with open(path, encoding="latin-1") as f:
        return f.read()


def from_outside(pid):
    """What the kernel knows of a process, without what is another for each."""
    stat = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    fields = status_of(pid)
    return {
        **{name: fields.get(name) for name in FIELDS},
        "limits": read(f"/proc/{pid}/limits"),
        "oom_score_adj": read(f"/proc/{pid}/oom_score_adj"),
        "nice": stat[16], "policy": stat[38], "tty": stat[4],
        "leads its group": int(stat[2]) == pid,
        "environ": sorted(re.sub("^ANYFPM_SLOT=.*", "ANYFPM_SLOT", e)
                          for e in read(f"/proc/{pid}/environ").split("\0")
                          if e and not e.startswith(("LD_PRELOAD=", "ANYFPM_TEMPLATE_FD="))),
        "descriptors": sorted(os.listdir(f"/proc/{pid}/fd")),
    }


def of_one(server):
    """What its worker says, and what is to be seen of it."""
    said = told(server)
    return said, from_outside(server.wait_workers(1)[0])


def told(server):
    """What a worker says; what is open at the start of its template is its channel as well."""
    said = report(server)
    at_start = said.pop("descriptors")
    assert at_start == ["0", "1", "2"] + (["63"] if server.templates() else [])
    return said


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: " ".join(s) or "defaults")
def test_as_an_executed_one(anyfpm, env, inside, settings):
    settings = dict(settings)
    if "request_slowlog_timeout" in settings:
        settings["slowlog"] = env.dir + "/slow.log"
    both = []
    for preload in ("no", "yes"):
        server = anyfpm(inside, {"pm.max_children": 1, "pm.preload": preload, **settings})
        both.append(of_one(server))
        assert len(server.templates()) == (preload == "yes")
    (executed, executed_seen), (forked, forked_seen) = both
    assert forked == executed
    different = {name: (value, forked_seen[name]) for name, value in executed_seen.items()
                 if forked_seen[name] != value}
    assert not different


def test_limits_of_the_template_are_those_of_its_workers(anyfpm, inside):
    """What it does while it loads is bounded as well."""
    server = anyfpm(inside, {"pm.max_children": 1, "pm.preload": "yes", **SETTINGS[1],
                             **SETTINGS[2], **SETTINGS[3]})
    worker, template = server.wait_workers(1)[0], server.templates()[0]
    for name in ("Umask", "Uid", "Gid", "Groups", "CapEff", "CapPrm", "NoNewPrivs"):
        assert status_of(worker)[name] == status_of(template)[name], name
    for name in ("limits", "oom_score_adj"):
        assert read(f"/proc/{worker}/{name}") == read(f"/proc/{template}/{name}")


@pytest.mark.skipif(not ROOT, reason="only root can make a chroot")
def test_in_a_chroot(anyfpm, jail):
    """The library is inside, by the same path; template and workers have the directory as root."""
    options = {"chroot": jail, "pm.max_children": 1, "pm.status_path": "/status"}
    executed = told(anyfpm("/app/inside", options))
    os.makedirs(jail + os.path.dirname(LIBRARY))
    shutil.copy(LIBRARY, jail + LIBRARY)
    server = anyfpm("/app/inside", {**options, "pm.preload": "yes"})
    assert told(server) == executed
    assert status(server)["preload"] == "in effect"
    for pid in server.workers() + server.templates():
        assert os.readlink(f"/proc/{pid}/root") == jail


@pytest.mark.skipif(not ROOT, reason="only root can make a chroot")
def test_in_a_chroot_without_the_library(anyfpm, jail):
    server = anyfpm("/app/inside", {"chroot": jail, "pm.max_children": 1, "pm.preload": "yes",
                                    "pm.status_path": "/status"})
    assert report(server)["root"]
    assert "No such file or directory, within chroot" in status(server)["preload"]
    server.wait_log("pm.preload has no effect")
    assert len(re.findall("pm.preload has no effect", server.log())) == 1
