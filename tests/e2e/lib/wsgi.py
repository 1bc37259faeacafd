"""contrib/adapters/wsgi as tests run it: behind anyfpm, and by itself on a socket."""

import os
import shutil
import signal
import socket

from fcgi import Client
from servers import PYTHON, TOP, WORKERS, Anyfpm, Server

WSGI = TOP + "/contrib/adapters/wsgi/anyfpm-wsgi"
PRELOAD = TOP + "/contrib/preload/anyfpm_preload.py"


INSTALLED = "bin/anyfpm-wsgi"


def install(directory, *sources):
    """Put the adapter, as it is installed, and applications where the pool's user can read them."""
    for path, to in ((WSGI, INSTALLED), (PRELOAD, "share/anyfpm/anyfpm_preload.py")):
        os.makedirs(os.path.dirname(f"{directory}/{to}"), exist_ok=True)
        shutil.copy(path, f"{directory}/{to}")
    for path in sources:
        shutil.copy(path, directory)


def command(directory, application="wsgiapp", *args):
    return " ".join([PYTHON, f"{directory}/{INSTALLED}", "--chdir", directory, *args, application])


def pool(env, application="wsgiapp", *args, options=None, source=None, **more):
    """anyfpm with it."""
    install(env.dir, source or f"{WORKERS}/{application.partition(':')[0]}.py")
    return Anyfpm(env, command(env.dir, application, *args),
                  {"env[PYTHONDONTWRITEBYTECODE]": "1", **(options or {})}, **more)


class Alone(Server):
    """The adapter without anyfpm."""

    name = "anyfpm-wsgi"

    def __init__(self, env, *args, application="wsgiapp", source=WORKERS,
                 python=PYTHON):
        super().__init__(env)
        self.address = f"{env.dir}/alone.{len(env.servers)}.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address)
            listener.listen(20)
            self.launch([python, WSGI, "--chdir", source, *args, application], stdin=listener)

    def client(self, **more):
        return Client(self.address, **more)

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def stop(self, sig=signal.SIGTERM):
        """It ends by itself, and well."""
        if self.stopped:
            return
        super().stop(sig)
        assert self.process.returncode == 0, self.said()
