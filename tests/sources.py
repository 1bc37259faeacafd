"""The sources of this tree, for tests/layers and tests/architecture."""

import os
import subprocess

CODE = ("fpm", "pool", "conf", "base", "preload", "contrib/adapters/cgi")


def listed(*where):
    """The files below these folders that are there, whether committed or not."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *where],
                           capture_output=True, text=True, check=True).stdout.split()
    return [n for n in names if os.path.exists(n)]


def code():
    return [n for n in listed(*CODE) if n.endswith((".c", ".h"))]


def enter(arguments):
    """Make the tree that the first argument names the current directory, or else ours."""
    os.chdir(arguments[0] if arguments else os.path.dirname(os.path.abspath(__file__)) + "/..")
