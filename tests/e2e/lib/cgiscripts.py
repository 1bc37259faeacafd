"""anyfpm-cgi, and scripts for it."""

import os
import shlex
import shutil

from servers import BUILD, wait_for


class Scripts:
    """A directory of scripts, and the command line of what runs them."""

    def __init__(self, env, options=None):
        self.env = env
        self.path = env.dir + "/scripts"
        os.mkdir(self.path)
        self.program = env.dir + "/anyfpm-cgi"  # the pool's user may not look into the checkout
        shutil.copy(BUILD + "/contrib/adapters/cgi/anyfpm-cgi", self.program)
        # What the test's mark is on does not outlive it.
        self.command = shlex.join([self.program, "-e", "ANYFPM_TEST", *(
            ["-r", self.path] if options is None else options)])

    def add(self, name, text, mode=0o755):
        """Write a shell script, or one that begins with its own #!; returns its path."""
        path = f"{self.path}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            f.write(text if text.startswith("#!") else "#!/bin/sh\n" + text)
        os.chmod(path, mode)
        return path

    def page(self, name, text, mode=0o755):
        """The same, after a header."""
        return self.add(name, "echo Content-Type: text/plain; echo\n" + text, mode)


def body(answer):
    """Scripts write LF for CRLF."""
    return bytes(answer.stdout).partition(b"\n\n")[2]


def noted(path, count=1):
    """Wait for so many numbers in a file: pids that a script has noted there."""
    def there():
        try:
            with open(path, encoding="ascii") as f:
                numbers = f.read().split("\n")[:-1]
        except FileNotFoundError:
            return []
        return [int(n) for n in numbers] if len(numbers) >= count else []
    return wait_for(there, 10, f"{count} numbers in {path}")
