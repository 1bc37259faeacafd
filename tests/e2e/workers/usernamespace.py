"""usernamespace.py PROGRAM ARG...: execute it as root of a user namespace with 65536 users."""

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000
MAP = "0 0 65536"


def main():
    ready, tell = os.pipe()
    outer, helper = os.getpid(), os.fork()
    if helper == 0:
        os.read(ready, 1)
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{outer}/{name}", "w", encoding="ascii") as f:
                f.write(MAP)
        os._exit(0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) == -1:
        sys.exit(os.strerror(ctypes.get_errno()))
    os.write(tell, b"1")
    if os.waitpid(helper, 0)[1] != 0:
        sys.exit("cannot map users")
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    os.execvp(sys.argv[1], sys.argv[1:])


main()
