"""Pool processes without a master: the tests say what a master would, in the order they want.

base/shared/message.h says what the messages mean.
"""

import array
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import zlib

import servers

HEAD = struct.Struct("=II")  # type, arg
PLACE = struct.Struct("=III")  # block, first_slot, slots
DATA_MAX = 16384
HOLD = 1


def enum(name):
    """The values of an enum of message.h."""
    with open(servers.TOP + "/base/shared/message.h", encoding="ascii") as f:
        body = re.search(rf"enum {name} {{(.*?)}};", f.read(), re.S).group(1)
    out, value = {}, -1
    for word, given in re.findall(r"^\s*([A-Z_]+)(?: = (\d+))?,?", re.sub(r"/\*.*?\*/", "", body,
                                                                          flags=re.S), re.M):
        value = int(given) if given else value + 1
        out[word.partition("_")[2]] = value
    return out


TYPES = enum("message_type")
NAMES = {value: name for name, value in TYPES.items()}
FDS = {name.removeprefix("FD_"): value for name, value in enum("message_fd").items()}


class Echo:
    """What the misbehaving worker in its best mood is asked, and what is right (load.py)."""

    @staticmethod
    def body(number):
        """Now and then one that outgrows socket buffers."""
        return b"%d " % number * (40000 if number % 40 == 1 else 10) if number % 2 else b""

    def request(self, number, ms=0):
        return {"uri": "/echo", "query": f"id={number}", "body": self.body(number)}

    def right(self, number, answer):
        told, body = json.loads(answer.body), self.body(number)
        return (told["params"]["QUERY_STRING"] == f"id={number}" and told["length"] == len(body)
                and told["crc32"] == zlib.crc32(body))


class Generation(servers.Server):
    """A pool process and the other end of its messages."""

    def __init__(self, seat, start, place):
        super().__init__(seat.env)
        self.seat, self.place = seat, place
        self.exit_code = 0
        self.heard = []  # (type, arg, data) in the order they came
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(10)
        self.launch(theirs)
        theirs.close()
        text = seat.settings()
        for i in range(0, len(text), DATA_MAX):
            self.say("SETTINGS", data=text[i:i + DATA_MAX])
        for which, fd in seat.descriptors(self).items():
            self.pass_fd(which, fd)
        self.say("START", start, PLACE.pack(*place))

    def launch(self, theirs):  # pylint: disable=arguments-renamed
        def become():
            os.dup2(theirs.fileno(), 3)
        self.process = subprocess.Popen(
            ["anyfpm: pool www"], executable=servers.ANYFPM, env=self.env.environment(),
            stdin=subprocess.DEVNULL, stdout=self.seat.log_file, stderr=self.seat.log_file,
            start_new_session=True, close_fds=True, pass_fds=[3], preexec_fn=become)

    def say(self, kind, arg=0, data=b"", fd=-1):
        packet = HEAD.pack(TYPES[kind], arg) + data
        more = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd >= 0 else []
        self.sock.sendmsg([packet], more)

    def pass_fd(self, which, fd):
        self.say("FD", FDS[which], fd=fd)

    def hear(self):
        """Take what has come; False at the end of file."""
        while select.select([self.sock], [], [], 0)[0]:
            try:
                packet = self.sock.recv(HEAD.size + DATA_MAX)
            except ConnectionResetError:  # it left something unread
                return False
            if not packet:
                return False
            kind, arg = HEAD.unpack_from(packet)
            self.heard.append((NAMES[kind], arg, packet[HEAD.size:]))
        return True

    def said(self, kind=None):
        """What it has said of that kind, in order: (arg, data)."""
        self.hear()
        return [(arg, data) for name, arg, data in self.heard if name == kind]

    def wait_said(self, kind, times=1, timeout=15):
        servers.wait_for(lambda: len(self.said(kind)) >= times, timeout * servers.SLOW,
                         f"{times} x {kind}, heard: {self.heard}\n{self.seat.log()[-3000:]}")
        return self.said(kind)[times - 1]

    def wait_ready(self):
        self.wait_said("READY")
        self.env.note(self.pid)

    def workers(self):
        return servers.children(self.pid)

    def wait_workers(self, count, timeout=10):
        servers.wait_for(lambda: len(self.workers()) == count, timeout * servers.SLOW,
                         f"{count} workers")
        self.env.note(self.pid)
        return self.workers()

    def wait_exit(self, timeout=20):
        """Its exit code."""
        self.stopped = True
        try:
            return self.process.wait(timeout * servers.SLOW * servers.PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end:\n{self.seat.log()[-3000:]}") from None

    def stop(self, sig=signal.SIGTERM):
        if self.stopped:
            return
        self.stopped = True
        self.env.note(self.pid)
        if self.process.poll() is None:
            try:
                self.say("STOP")
            except OSError:
                pass
        try:
            code = self.process.wait(self.grace * servers.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("a pool process did not stop") from None
        finally:
            self.sock.close()
        assert code == self.exit_code, f"it ended with {code}:\n{self.seat.log()[-3000:]}"


class Seat(servers.Anyfpm):
    """What outlives the processes of one pool: sockets, log, statistics."""

    def __init__(self, env, command, options=None, **more):
        self.generations = []
        self.changes = {}
        self.listener = self.status_listener = None
        self.stats_fd = -1
        super().__init__(env, command, options, **more)

    def start(self, wait=True):
        self.stopped = True  # there is no master
        self.log_file = open(self.log_path, "ab")  # pylint: disable=consider-using-with
        self.text = self.print_settings()  # before another program than anyfpm listens
        self.listener = self.listen(self.address)

    def listen(self, address):
        sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        if isinstance(address, str):
            os.chmod(address, 0o666)
        sock.listen(511)
        sock.setblocking(False)
        return sock

    def reconfigure(self, directive, value):
        """Other settings for the generations that follow."""
        self.changes[directive] = value

    def print_settings(self):
        done = subprocess.run([servers.ANYFPM, "-tt", "-y", self.config_path], check=True,
                              capture_output=True, env=self.env.environment())
        text = (done.stdout or done.stderr).decode()
        return text[text.index("[global]"):]

    def settings(self):
        text = self.text
        for directive, value in self.changes.items():
            text, n = re.subn(rf"^(\s*{re.escape(directive)} = ).*$", rf"\g<1>{value}", text,
                              flags=re.M)
            assert n == 1, text
        return text.encode()

    def descriptors(self, generation):
        path = f"{self.env.dir}/sockets.{len(self.env.servers)}"
        os.mkdir(path, 0o700)
        if servers.ROOT:
            import pwd  # pylint: disable=import-outside-toplevel
            user = pwd.getpwnam(servers.USER)
            os.chown(path, user.pw_uid, user.pw_gid)
        out = {"LISTEN": self.listener.fileno(), "ERROR_LOG": self.log_file.fileno(),
               "SOCKET_DIR": os.open(path, os.O_RDONLY | os.O_DIRECTORY)}
        if self.status_listener:
            out["STATUS_LISTEN"] = self.status_listener.fileno()
        if self.stats_fd != -1:
            out["STATS"] = self.stats_fd
        generation.socket_dir = out["SOCKET_DIR"]
        return out

    def serve(self, hold=False, ready=True):
        """Another generation."""
        slots = 100
        number = len(self.generations)
        generation = Generation(self, HOLD if hold else 0,
                                (number % 4, 1 + (number % 4) * slots, slots))
        os.close(generation.socket_dir)
        self.generations.append(generation)
        if ready:
            generation.wait_ready()
        return generation

    def switch(self, old, new, last=False, wait=True):
        """The two of them pass over: new (None: it has died) accepts, old finishes and hands over;
        wait until it has heard that."""
        told = len(old.said("WORKERS"))
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in ends:
            end.setblocking(False)
        if new:
            new.pass_fd("HANDOVER", ends[0].fileno())
        old.pass_fd("HANDOVER", ends[1].fileno())
        for end in ends:
            end.close()
        if new:
            new.say("ACCEPT")
        old.say("HAND_OVER", int(last))
        if wait:
            old.wait_said("WORKERS", told + 1)

    def close(self):
        for sock in self.listener, self.status_listener:
            if sock:
                sock.close()
        if self.stats_fd != -1:
            os.close(self.stats_fd)
        self.log_file.close()
        for path in self.sockets:
            if os.path.exists(path):
                os.unlink(path)

    def said(self):
        return ""

    def stop(self, sig=signal.SIGTERM):
        if not self.log_file.closed:
            self.close()

    def complaints(self):
        return [line for line in self.log().splitlines() if self.bad_lines.search(line)]
