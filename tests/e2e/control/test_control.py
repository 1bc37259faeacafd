"""The control socket: who may use it, what it answers, and what becomes of those who do not read."""

import os
import stat
import subprocess

import pytest

import control
import fcgi
import servers
from servers import ROOT, SLOW, wait_for


def test_socket_is_ours_alone(controlled):
    """Beside the pid file, for nobody else, and gone with the service."""
    server = controlled()
    st = os.stat(server.control_path)
    assert stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o600
    assert st.st_uid == os.geteuid()
    server.stop()
    assert not os.path.exists(server.control_path)
    assert not os.path.exists(server.control_path + ".lock")


def test_stop(controlled):
    """It is done when the process has gone, and a new one can be started at once."""
    server = controlled()
    result = control.send(server, "stop")
    assert result.returncode == 0, result.stderr
    assert not os.path.exists(server.pid_path)
    assert server.wait_exit(1) == 0
    server.wait_log(r"stop asked for by process \d+")


def test_quit_waits_and_tells(controlled, env):
    """What runs is finished, and told meanwhile."""
    server = controlled()
    with fcgi.Client(server.address) as client:
        client.start(query=f"do=split&until={env.dir}/pub/go")
        wait_for(lambda: control.status(server)[1]["www"]["active processes"] == 1)
        process = control.start(server, "quit")
        assert "requests that run: 1" in process.stdout.readline()
        with open(env.dir + "/pub/go", "wb"):
            assert client.answer().status == 200
    _, err = process.communicate(timeout=20 * SLOW)
    assert process.returncode == 0, err
    assert server.wait_exit() == 0


def test_reopen(controlled, env):
    server = controlled()
    os.rename(server.log_path, server.log_path + ".1")
    result = control.send(server, "reopen")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    server.wait_log("error log file re-opened")


def test_reopen_that_fails(controlled, env):
    """The code tells, and the reason is said where it was asked for."""
    log = env.dir + "/logs"
    os.mkdir(log)
    server = controlled(options={"access.log": log + "/access.log"})
    os.rename(log, log + ".away")
    result = control.send(server, "reopen", "-w", "www")
    assert result.returncode == 1
    assert "access.log" in result.stderr and "stays in use" in result.stderr
    os.rename(log + ".away", log)
    assert control.send(server, "reopen", "-w", "www").returncode == 0


def test_status(controlled):
    server = controlled()
    with fcgi.Client(server.address) as client:
        for _ in range(3):
            assert client.request().status == 200
    service, pools = control.status(server)
    assert service["master"] == server.pid and service["serving"] == service["pools"] == 1
    assert pools["www"]["state"] == "serving" and pools["www"]["accepted conn"] == 3
    result = control.send(server, "status")
    assert result.returncode == 0 and "\033" not in result.stdout
    line = next(x for x in result.stdout.splitlines() if x.startswith("www"))
    assert "serving" in line and " 3 " in line


def test_installed_sample(env):
    """Who has changed nothing in it but paths and the program can give commands."""
    with open(servers.TOP + "/conf/anyfpm.conf.in", encoding="utf-8") as f:
        text = f.read()
    for name in ("sysconfdir", "localstatedir", "runstatedir"):
        text = text.replace(f"@{name}@", env.dir)
    path = env.dir + "/anyfpm/anyfpm.conf"
    os.makedirs(env.dir + "/anyfpm/pool.d")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(";error_log", "error_log"))
    os.mkdir(env.dir + "/log")
    with open(env.dir + "/anyfpm/pool.d/www.conf", "w", encoding="utf-8") as f:
        f.write(f"[www]\ncommand = {env.worker('echo')}\nlisten = {env.dir}/www.sock\n"
                f"user = www-data\nenv[ANYFPM_TEST] = {env.mark}\npm.max_children = 1\n"
                "pm = static\n")
    server = servers.Server(env)
    server.launch([servers.ANYFPM, "-F", "-y", path])
    server.wait_listening(env.dir + "/anyfpm.control")  # which is opened after those of pools
    for word in ("status", "stop"):
        result = subprocess.run([servers.ANYFPM, "-s", word, "-y", path], capture_output=True,
                                text=True, env=env.environment(), check=False)
        assert result.returncode == 0, result.stderr
    assert server.process.wait(10 * SLOW) == 0


@pytest.mark.parametrize("args, code, said", [
    (("status", "-w", "nosuch"), 1, "no pool nosuch"),
    (("nosuch",), 64, "stop"),
    (("upgrade", "-w", "www"), 64, "-w"),
    (("status", "-t"), 64, "-t"),
])
def test_refused(controlled, args, code, said):
    server = controlled()
    result = control.send(server, *args)
    assert result.returncode == code and said in result.stderr
    assert control.send(server, "status").returncode == 0


def test_not_running(env, controlled):
    server = controlled()
    server.stop()
    result = control.send(server, "status")
    assert result.returncode == 1 and "not running" in result.stderr
    result = control.send(server, "status", pid=env.dir + "/none/x.pid")
    assert result.returncode == 1 and "not running" in result.stderr


def test_found_by_a_broken_configuration(controlled):
    """What is wrong in it by now does not keep anybody from stopping the service."""
    server = controlled()
    with open(server.config_path, "a", encoding="utf-8") as f:
        f.write("nonsense = 1\n[other]\n")
    result = subprocess.run([servers.ANYFPM, "-s", "stop", "-y", server.config_path],
                            capture_output=True, text=True, check=False,
                            env=server.env.environment())
    assert result.returncode == 0, result.stderr
    assert server.wait_exit() == 0


def test_without_pid_file(env):
    path = env.dir + "/none.conf"
    with open(path, "w", encoding="utf-8") as f:
        f.write("[global]\n")
    result = subprocess.run([servers.ANYFPM, "-s", "stop", "-y", path], capture_output=True,
                            text=True, check=False, env=env.environment())
    assert result.returncode == 78 and "sets no 'pid'" in result.stderr


def test_line_of_a_shell_user(controlled):
    """One line in, lines out, also without a line feed at its end."""
    server = controlled()
    for line in (b"status\n", b"status", b"status\r\n", b"status -w www\n"):
        answer = control.ask(server, line)
        assert answer[-1] == {"exit": 0} and answer[1]["pool"] == "www"


@pytest.mark.parametrize("line", [b"\n", b"nosuch\n", b"status x\n", b"status\0\n", b"x" * 4096,
                                  b"\xff\xfe\n", b"reopen -w no\n"])
def test_bad_lines(controlled, line):
    server = controlled()
    answer = control.ask(server, line)
    assert len(answer) == 1 and answer[0]["exit"] == 1 and answer[0]["message"]
    assert control.status(server)[1]["www"]["state"] == "serving"


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_clients_that_say_nothing_or_vanish(controlled):
    """They hold nobody up, are not many, and leave nothing."""
    server = controlled()
    before = descriptors(server.pid)
    silent = [control.connect(server) for _ in range(20)]
    for s in silent[16:]:
        assert b"too many" in s.recv(1000)
    for s in silent:
        s.close()
    wait_for(lambda: descriptors(server.pid) <= before, 5 * SLOW, "descriptors to be closed")
    for _ in range(5):
        s = control.connect(server)
        s.sendall(b"status\n")
        s.close()
    wait_for(lambda: descriptors(server.pid) <= before, 5 * SLOW, "descriptors to be closed")
    assert control.status(server)[1]["www"]["state"] == "serving"


def test_one_that_waits_and_goes(controlled):
    """Who asked for the end need not wait for it."""
    server = controlled()
    with fcgi.Client(server.address) as client:
        client.start(query="do=sleep&ms=2500")
        wait_for(lambda: control.status(server)[1]["www"]["active processes"] == 1)
        with control.connect(server) as s:
            s.sendall(b"quit\n")
            s.recv(1)
        assert client.answer().status == 200
    assert server.wait_exit() == 0


@pytest.mark.limit(60)
def test_slow_client_is_dropped(controlled):
    server = controlled()
    with control.connect(server) as s:
        s.sendall(b"stat")
        assert s.recv(1000) == b""


@pytest.mark.skipif(not ROOT, reason="needs another user")
def test_others_are_refused(controlled):
    """Even if the mode of the file let them in."""
    server = controlled()
    os.chmod(server.control_path, 0o666)
    argv = [servers.PYTHON, "-c",
            "import socket,sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
            "print(s.recv(1000))", server.control_path]
    out = subprocess.run(argv, user="www-data", group="www-data", extra_groups=[],
                         capture_output=True, text=True, check=True).stdout
    assert "only root" in out


def test_stale_socket_is_replaced(controlled):
    """That of a master that has crashed; another file in its way is somebody's data."""
    server = controlled()
    pid_path = server.pid_path
    server.kill()
    assert os.path.exists(server.control_path)
    wait_for(lambda: not server.env.leftovers(), 10 * SLOW, "the pool to end")
    server = controlled(pid_path=pid_path)
    assert control.status(server)[0]["master"] == server.pid


def test_file_in_the_way(controlled, env):
    """The service does without, and says so."""
    with open(env.dir + "/taken.control", "w", encoding="utf-8") as f:
        f.write("precious")
    server = controlled(pid_path=env.dir + "/taken.pid")
    server.wait_log("a file that is not a socket is in the way")
    server.wait_log("no control socket")
    with open(env.dir + "/taken.control", encoding="utf-8") as f:
        assert f.read() == "precious"
    with fcgi.Client(server.address) as client:
        assert client.request().status == 200
    result = control.send(server, "status")
    assert result.returncode == 1


def test_long_path(controlled, env):
    """Longer than the name of a socket may be."""
    directory = env.dir + "/" + "d" * 100
    os.mkdir(directory)
    server = controlled(pid_path=directory + "/x.pid")
    result = control.send(server, "status")
    if result.returncode != 0:
        server.wait_log("no control socket")
    with fcgi.Client(server.address) as client:
        assert client.request().status == 200
