"""A server of a binary of its own, and what is done to that."""

import os
import shutil

import control
from servers import ANYFPM, BUILD, SLOW, wait_for


def replaceable(env, make, *args, global_options=None, **more):
    """make(...) an Anyfpm of a binary that can be replaced, with a control socket."""
    binary = env.dir + "/anyfpm"
    shutil.copy(ANYFPM, binary)
    os.makedirs(env.dir + "/preload", exist_ok=True)
    shutil.copy(BUILD + "/preload/anyfpm-preload.so", env.dir + "/preload")
    pid_path = f"{env.dir}/anyfpm.{len(env.servers)}.pid"
    server = make(*args, binary=binary, global_options={"pid": pid_path, **(global_options or {})},
                  **more)
    server.pid_path, server.control_path = pid_path, pid_path.removesuffix(".pid") + ".control"
    return server


def install(server, path=ANYFPM):
    """As a package does: another file is put in its place."""
    shutil.copy(path, server.binary + ".new")
    os.chmod(server.binary + ".new", 0o755)
    os.rename(server.binary + ".new", server.binary)


def upgrade(server, fails=False):
    result = control.send(server, "upgrade", timeout=60)
    assert (result.returncode != 0) == fails, result.stdout + result.stderr + server.log()[-4000:]
    server.env.note(server.pid)
    return result


def exe(pid):
    return os.readlink(f"/proc/{pid}/exe")


def settled(server, before):
    wait_for(lambda: server.pools() and not set(before) & set(server.pools()), 10 * SLOW,
             "the old pool processes to end")


def replace(server):
    """Install another binary, and wait until all is its work."""
    before = server.pools()
    install(server)
    assert exe(server.pid).endswith(" (deleted)")
    upgrade(server)
    assert exe(server.pid) == server.binary
    settled(server, before)
