"""The packages name all that is installed, and one version. tests/package builds one of them."""

import fnmatch
import glob
import os
import re
import subprocess

import pytest
from servers import BUILD, TOP

# What a package has of its own way, or leaves out: see contrib/debian/rules and the spec.
LEFT_OUT = {"etc/anyfpm/pool.d/www.conf"}
MACROS = {"_sysconfdir": "etc", "_sbindir": "usr/sbin", "_bindir": "usr/bin", "_libdir": "usr/lib",
          "_datadir": "usr/share", "_mandir": "usr/share/man", "_unitdir": "usr/lib/systemd/system",
          "_sysusersdir": "usr/lib/sysusers.d", "_tmpfilesdir": "usr/lib/tmpfiles.d",
          "_localstatedir": "var"}


def read(name):
    with open(TOP + "/" + name, encoding="utf-8") as f:
        return f.read()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Every file of both, as with --prefix=/usr --sysconfdir=/etc."""
    root = str(tmp_path_factory.mktemp("installed"))
    paths = ["prefix=/usr", "sysconfdir=/etc", "localstatedir=/var", "runstatedir=/run",
             "DESTDIR=" + root]
    for target in "install", "install-system":
        got = subprocess.run(["make", "-C", BUILD, target, *paths], capture_output=True, text=True,
                             timeout=300, check=False)
        assert got.returncode == 0, got.stdout + got.stderr
    files = {os.path.relpath(os.path.join(where, name), root)
             for where, _, names in os.walk(root) for name in names}
    assert len(files) > 10
    return files - LEFT_OUT


def debian():
    """{package: patterns}"""
    found = {}
    for path in glob.glob(TOP + "/contrib/debian/*.install"):
        package = os.path.basename(path).removesuffix(".install")
        patterns = read(os.path.relpath(path, TOP)).split()
        # Paths that debian/rules gives to make.
        found[package] = [p.replace("lib/systemd", "usr/lib/systemd") if p.startswith("lib/") else p
                          for p in patterns]
    return found


def rpm():
    found = {}
    for part in re.split(r"^%files", read("contrib/rpm/anyfpm.spec"), flags=re.M)[1:]:
        name, lines = part.split("\n", 1)
        lines = re.findall(r"^(?:%config\(noreplace\) )?%\{(\w+)\}(/.*)$", lines, re.M)
        found[name.strip()] = [MACROS[macro] + rest for macro, rest in lines]
    return found


@pytest.mark.parametrize("kind", [debian, rpm])
def test_all_is_in_one_package(installed, kind):
    packages = kind()
    assert len(packages) == 2
    for path in sorted(installed):
        owners = [package for package, patterns in packages.items()
                  if any(fnmatch.fnmatch(path, p) or fnmatch.fnmatch(path, p + "/*")
                         for p in patterns)]
        assert len(owners) == 1, f"{path} is in {owners or 'no package'}"
    for pattern in sum(packages.values(), []):
        assert pattern == "var/log/anyfpm" or [
            p for p in installed if fnmatch.fnmatch(p, pattern) or p.startswith(pattern + "/")
        ], f"nothing is {pattern}"


def test_one_version():
    version = re.search(r"^AC_INIT\(\[anyfpm\], \[(.+?)\]", read("configure.ac"), re.M)[1]
    assert re.match(rf"anyfpm \({re.escape(version)}-\d+\)", read("contrib/debian/changelog"))
    spec = read("contrib/rpm/anyfpm.spec")
    assert re.search(r"^Version: +(.+)$", spec, re.M)[1] == version
    assert re.search(r"^\* .* (\S+)-\d+$", spec, re.M)[1] == version
    assert re.search(r"^pkgver=(.+)$", read("contrib/alpine/APKBUILD"), re.M)[1] == version
