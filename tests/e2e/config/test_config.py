"""Command line and configuration: what is said, which exit code, which socket."""

import os
import pwd
import re
import signal
import socket
import stat
import subprocess

import pytest
import servers
from fcgi import Client, Closed
from servers import ANYFPM, ROOT, USER, Quick, descendants, wait_for


def run(*args, env=None, timeout=20, stdout=subprocess.PIPE):
    if args and args[0] in ("-t", "-tt"):
        args = ("-O", *args)  # the default error log's directory need not be there
    return subprocess.run([ANYFPM, *args], stdout=stdout, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, env=env and env.environment(),
                          stdin=subprocess.DEVNULL, check=False)


@pytest.fixture
def conf(env):
    """Write a configuration file and return its path."""
    def write(text, name="test.conf"):
        path = f"{env.dir}/{name}"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path
    return write


def pool(env, **more):
    user = f"user = {USER}\n" if ROOT else ""
    return (f"[www]\nlisten = {env.dir}/www.sock\ncommand = /bin/cat\npm = static\n"
            f"pm.max_children = 2\n{user}" + "".join(f"{k} = {v}\n" for k, v in more.items()))


def test_a_good_file(env, conf):
    """-t: exit 0 and a line that names the file."""
    path = conf(pool(env))
    got = run("-t", "-y", path, env=env)
    assert got.returncode == 0, got.stdout + got.stderr
    assert path in got.stdout + got.stderr
    assert "successful" in got.stdout + got.stderr
    assert not os.path.exists(env.dir + "/www.sock"), "a test binds nothing"


def test_every_effective_value(env, conf):
    """-tt prints directives that were set and directives that were not."""
    path = conf(pool(env, **{"request_queue_limit": "77"}))
    got = run("-tt", "-y", path, env=env)
    text = got.stdout + got.stderr
    assert got.returncode == 0, text
    for line in (r"request_queue_limit = 77", r"listen\.backlog = ", r"pm\.max_children = 2",
                 r"request_buffer_size = ", r"error_log = ", r"\[global\]", r"\[www\]"):
        assert re.search(line, text), line


def test_values_that_cannot_be_printed(env, conf):
    """A full disk behind -tt is an error, not a success with a part of the values."""
    with open("/dev/full", "w") as full:
        got = run("-tt", "-y", conf(pool(env)), env=env, stdout=full)
    assert got.returncode == 74
    assert "No space left" in got.stderr and "successful" not in got.stderr


def test_errors_are_reported_all_at_once(env, conf):
    """Each with file and line; exit code 78."""
    path = conf("[global]\n"
                "log_level = loud\n"            # line 2
                "no_such_thing = 1\n"           # line 3
                "[www]\n"
                f"listen = {env.dir}/www.sock\n"
                "command = /bin/cat\n"
                "pm = static\n"
                "pm.max_children = 4x\n"        # line 8
                "clear_env = maybe\n"           # line 9
                "request_queue_timeout = 5y\n"  # line 10
                "command = /bin/true\n")        # line 11: a second definition
    got = run("-t", "-y", path, env=env)
    text = got.stdout + got.stderr
    assert got.returncode == 78, text
    for line in (2, 3, 8, 9, 10, 11):
        assert f"{path}:{line}:" in text, f"line {line} is not reported:\n{text}"


@pytest.mark.parametrize("body,line", [
    ("[www]\nlisten = 9000\npm = static\npm.max_children = 1\n", 1),  # command is missing
    ("[www]\ncommand = /bin/cat\npm = static\npm.max_children = 1\n", 1),  # listen is missing
    ("[www]\ncommand = /bin/cat\nlisten = nonsense:99999\npm = static\npm.max_children = 1\n", 3),
    ("[www]\ncommand = /bin/cat\nlisten = 9000\npm = static\npm.max_children = 0\n", 5),
    ("[www]\ncommand = /bin/cat\nlisten = 9000\npm = sometimes\npm.max_children = 1\n", 4),
    ("[www]\ncommand = 'unclosed\nlisten = 9000\npm = static\npm.max_children = 1\n", 2),
    ("[www]\ncommand = /bin/cat\nlisten = 9000\npm = static\npm.max_children = 1\n"
     "listen.allowed_clients = 10.0.0.0/33\n", 6),
    ("[www]\ncommand = /bin/cat\nlisten = 9000\npm = static\npm.max_children = 1\n"
     "php_value[memory_limit] = 1M\n", 6),
    ("[www]\nthis line is not one\n", 2),
    ("[www\n", 1),
], ids=["no command", "no listen", "listen", "children", "pm", "quote", "clients", "php", "line",
        "section"])
def test_one_error(env, conf, body, line):
    """What is wrong is found at its line, exit code 78."""
    path = conf(body)
    got = run("-t", "-y", path, env=env)
    assert got.returncode == 78, got.stdout + got.stderr
    assert f"{path}:{line}:" in got.stdout + got.stderr


@pytest.mark.skipif(not ROOT, reason="only root can run workers as root")
def test_errors_of_every_kind_are_reported_all_at_once(env, conf):
    """What the text, this machine and the lack of -R have to say comes in one run."""
    path = conf("[www]\n"
                "command = /nonexistent/program\n"  # line 2
                f"listen = {env.dir}/www.sock\n"
                "pm.max_children = 1\n"
                "no_such_thing = 1\n"               # line 5
                "user = root\n")                    # line 6
    got = run("-t", "-y", path, env=env)
    assert got.returncode == 78, got.stderr
    for line in (2, 5, 6):
        assert f"{path}:{line}:" in got.stderr, f"line {line} is not reported:\n{got.stderr}"


# A mistake, the hint in what is printed about it, and the same line after the hint.
HINTS = [
    ('access.format = %s "%m', r'write (\S+) for a quote', 'access.format = "%s {0}%m{0}"'),
    ('access.format = "%s "%m" x"', r'write (\S+) for a quote', 'access.format = "%s {0}%m{0} x"'),
    ('access.format = %s "%m"', r'write (\S+) for a quote', 'access.format = "%s {0}%m{0}"'),
    ('access.format = 100%', r'a percent sign is (\S+)$', 'access.format = 100{0}'),
    ('access.format = %Z', r'a percent sign is (\S+)$', 'access.format = {0}Z'),
    ('access.format = %e', r'a parameter, as in (\S+)$', 'access.format = {0}'),
    ('access.format = %o', r'a header field, as in (\S+)$', 'access.format = {0}'),
    ('access.format = %{x}d', r'expected one of .*, (\w+)$', 'access.format = %{{{0}}}d'),
    ('env[A] = "a\\q"', r'write (\S+) for a backslash', 'env[A] = "a{0}q"'),
    ('env[A] = a${', r'write (\S+) for a dollar', 'env[A] = a{0}{{'),
    ('env = x', r'expected (\S+)$', '{0} = x'),
    ('access.suppress_path = /x', r'expected (\S+), once', '{0} = /x'),
    ('access.log = stderr', r'such as ([^ ;]+);', 'access.log = {0}'),
    ('pm.max_request = 9', r'did you mean (.*)\?', '{0} = 9'),
    ('pm.stop_timeout = x', r'\((\w+), ', 'pm.stop_timeout = {0}'),
    ('pm.max_memory = 1X', r'from 0 to (\w+) ', 'pm.max_memory = {0}'),
    ('rlimit_as = 1', r'from (\w+) to', 'rlimit_as = {0}'),
    ('umask = x', r'from (\w+) to', 'umask = {0}'),
    ('listen.allowed_clients = x', r'\(([^)]+)\)', 'listen.allowed_clients = {0}'),
    ('request_client_abort = x', r'expected \w+ or (\w+),', 'request_client_abort = {0}'),
    ('clear_env = x', r'expected yes or (\w+),', 'clear_env = {0}'),
    ('ping.path = a/b', r'that begins with (\S),', 'ping.path = {0}a'),
    ('pm.status_listen = ::1:9000', r'in brackets, as (\S+), got',
     'ping.path = /p\npm.status_listen = {0}'),
    ('pm.status_listen = web:9000', r'an IP address, (\w+) or \* before',
     'ping.path = /p\npm.status_listen = {0}:9000'),
    ('request_slowlog_timeout = 5s', r'requires (\w+),',
     'request_slowlog_timeout = 5s\n{0} = /dev/null'),
    ('pm.status_listen = 9000', r'set pm.status_path, (\S+) or both',
     'pm.status_listen = 9000\n{0} = /ping'),
    ('pm.process_idle_timeout = "10s;"', r'remove the "(;)" at its end',
     'pm.process_idle_timeout = 10s'),
    ('env[A] = a;b', r'put the value in (quotes)', 'env[A] = "a;b"'),
    ('log_level = debug', r'belongs in (\[global\])', '{0}\nlog_level = debug'),
]


@pytest.mark.parametrize("line, hint, mended", HINTS, ids=[h[0] for h in HINTS])
def test_hint_can_be_followed(env, conf, line, hint, mended):
    """What is said about a mistake can be copied from the terminal as it is printed there."""
    got = run("-t", "-y", conf(f"{pool(env)}{line}\n"), env=env)
    said = re.search(r"(?:ERROR|WARNING): .*?" + hint, got.stderr, re.M)
    assert said, got.stderr
    got = run("-t", "-y", conf(pool(env) + mended.format(said[1]) + "\n"), env=env)
    assert got.returncode == 0 and "ERROR" not in got.stderr, got.stderr
    assert "WARNING" not in got.stderr, got.stderr


def test_hint_for_settings_of_php(env, conf):
    """The words for the command give PHP its setting, whatever is in it."""
    line = "php_admin_value[sendmail_path] = /usr/sbin/sendmail -t 'x $y'\n"
    got = run("-t", "-y", conf(pool(env) + line), env=env)
    assert got.returncode == 78
    words = re.search(r"command = /usr/bin/php-cgi (.*)$", got.stderr, re.M)[1]
    got = run("-tt", "-y", conf(pool(env).replace("/bin/cat", f"/bin/cat {words}")), env=env)
    assert got.returncode == 0, got.stderr
    assert f"command = /bin/cat {words}\n" in got.stdout + got.stderr


def test_layers(env, anyfpm, conf):
    """Files of a container image: later ones override, and -tt shows what all of them amount to."""
    os.mkdir(env.dir + "/fpm.d")
    conf("[global]\nlog_limit = 8192\n[www]\nclear_env = no\nenv[WHO] = base\n",
         "fpm.d/docker.conf")
    conf("[www]\nenv[WHO] = nobody\npm.max_requests = 7\n", "fpm.d/www.conf")
    conf("env[WHO] = somebody;\n", "fpm.d/xapp.conf")
    conf("[global]\nlog_level = DEBUG\n[www]\npm.max_children = 3\n", "fpm.d/zz-docker.conf")
    server = anyfpm(env.worker("self"),
                    global_options={"include": env.dir + "/fpm.d/*.conf"})
    with Client(server.address) as c:
        assert b'"WHO": "somebody"' in c.request().body
    got = run("-tt", "-y", server.config_path, env=env)
    assert got.returncode == 0, got.stderr
    for line in ("log_limit = 8192", "log_level = debug", "pm.max_requests = 7",
                 'env[WHO] = "somebody"'):
        assert f"{line}\n" in got.stdout + got.stderr, line


def test_lines_of_php_fpm_are_ignored(env, conf):
    """A test succeeds with a warning that names file and line."""
    path = conf("[global]\nevents.mechanism = epoll\n" + pool(env))
    got = run("-t", "-y", path, env=env)
    assert got.returncode == 0, got.stderr
    assert f"WARNING: {path}:2: [global] events.mechanism: ignored" in got.stderr


def test_missing_program(env, conf):
    """A command that does not exist is found before anything is started."""
    path = conf(pool(env).replace("/bin/cat", "/nonexistent/program --flag"))
    got = run("-t", "-y", path, env=env)
    assert got.returncode == 78
    assert re.search(re.escape(path) + r":\d+: .*/nonexistent/program", got.stdout + got.stderr)


def test_missing_interpreter(env, conf):
    """A program that is there, and cannot be run for want of another: that one is named."""
    path = env.dir + "/app"
    with open(path, "w", encoding="ascii") as f:
        f.write("#!/no/such/python -u\n")
    os.chmod(path, 0o755)
    got = run("-t", "-y", conf(pool(env, command=path).replace("command = /bin/cat\n", "")), env=env)
    assert got.returncode == 78
    assert f"command: {path}: it needs /no/such/python to run: No such file" in got.stderr


def test_missing_file():
    """A file that is not there: named, exit code 78."""
    got = run("-t", "-y", "/nonexistent/anyfpm.conf")
    assert got.returncode == 78
    assert "/nonexistent/anyfpm.conf: No such file or directory; -y names" in got.stderr


@pytest.mark.parametrize("args", [["--no-such-flag"], ["-Z"], ["-l", "9000"], ["-y"],
                                  ["-n", "many", "-l", "9000", "--", "x"]])
def test_usage(args):
    """Exit code 64 for a wrong command line."""
    got = run(*args)
    assert got.returncode == 64, got.stdout + got.stderr
    assert got.stderr


def test_help_and_version():
    """-h and -v: exit 0, on standard output."""
    got = run("-h")
    assert got.returncode == 0 and "-y" in got.stdout and "-tt" in got.stdout
    got = run("-v")
    assert got.returncode == 0 and re.search(r"anyfpm \d+\.\d+\.\d+", got.stdout)


def test_include_pool_name_and_environment(env, anyfpm, conf, monkeypatch):
    """Include globs, $pool and ${NAME}."""
    monkeypatch.setenv("SOME_VALUE", "from outside")
    os.mkdir(env.dir + "/pool.d")
    extra = {"user": USER, "listen.owner": USER} if ROOT else {}
    for name in ("one", "two"):
        conf(f"[{name}]\nlisten = {env.dir}/$pool.sock\ncommand = {env.worker('self')}\n"
             f"pm = static\npm.max_children = 1\nenv[ANYFPM_TEST] = {env.mark}\n"
             "env[WHO] = $pool\nenv[VALUE] = ${SOME_VALUE}\n"
             + "".join(f"{k} = {v}\n" for k, v in extra.items()), f"pool.d/{name}.conf")
    server = anyfpm(None, pools={"zero": {"command": env.worker("echo"),
                                          "listen": env.dir + "/zero.sock"}},
                    global_options={"include": env.dir + "/pool.d/*.conf"})
    for name in ("one", "two"):
        server.sockets.append(f"{env.dir}/{name}.sock")
        with Client(f"{env.dir}/{name}.sock") as c:
            body = c.request().body
            assert f'"WHO": "{name}"'.encode() in body
            assert b'"VALUE": "from outside"' in body


def test_address_in_use(env, odd, anyfpm):
    """A second server on the same address says so and exits with 78; the first serves on."""
    server = odd()
    second = anyfpm(env.worker("echo"), listen=server.address, wait=False)
    second.exit_code = 78
    assert second.wait_exit() == 78
    assert server.address in second.log() + second.said()
    second.sockets = []
    with Client(server.address) as c:
        assert c.request().status == 200


@pytest.mark.parametrize("kind", ["path", "ip:port", "[v6]:port", "port"])
def test_listen(odd, env, kind):
    """Every form of an address."""
    port = servers.free_port("::1" if "v6" in kind else "127.0.0.1")
    listen = {"path": env.dir + "/x.sock", "ip:port": f"127.0.0.1:{port}",
              "[v6]:port": f"[::1]:{port}", "port": str(port)}[kind]
    server = odd(listen=listen)
    with Client(server.address) as c:
        assert c.request().status == 200


@pytest.mark.parametrize("clients,served", [("127.0.0.1", True), ("10.0.0.0/8, 127.0.0.0/8", True),
                                            ("10.1.2.3", False), ("::1", False),
                                            ("::ffff:127.0.0.1", True)])
def test_allowed_clients(odd, clients, served):
    """listen.allowed_clients: others are closed without an answer."""
    server = odd(options={"listen.allowed_clients": clients},
                 listen=f"127.0.0.1:{servers.free_port()}")
    with Client(server.address) as c:
        if served:
            assert c.request().status == 200
        else:
            try:
                c.start()
            except (OSError, Closed):
                pass
            assert c.at_end()
            server.wait_log(r"WARNING: \[pool www\].*listen\.allowed_clients")


@pytest.mark.parametrize("mode", ["0600", "0660", "0666"])
def test_socket_mode_and_owner(odd, mode):
    """Mode and owner as configured."""
    options = {"listen.mode": mode}
    if ROOT:
        options["listen.group"] = "nogroup"
    server = odd(options=options)
    got = os.stat(server.address)
    assert stat.S_ISSOCK(got.st_mode)
    assert stat.S_IMODE(got.st_mode) == int(mode, 8)
    if ROOT:
        assert got.st_uid == pwd.getpwnam(USER).pw_uid
        assert got.st_gid == pwd.getpwnam("nobody").pw_gid


def test_stale_socket_is_replaced(odd, env):
    """What a crash left behind does not stop a start."""
    path = env.dir + "/stale.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
    server = odd(listen=path)
    with Client(server.address) as c:
        assert c.request().status == 200


def test_something_else_at_the_path_is_kept(anyfpm, env):
    """A file that is not a socket is never removed."""
    path = env.dir + "/precious"
    with open(path, "w", encoding="ascii") as f:
        f.write("data")
    server = anyfpm(env.worker("echo"), listen=path, wait=False)
    server.exit_code = 78
    assert server.wait_exit() == 78
    server.sockets = []
    with open(path, encoding="ascii") as f:
        assert f.read() == "data"


def test_log_lines(odd):
    """php-fpm's form: `[21-Nov-2026 02:22:51] NOTICE: fpm is running, pid 4242`."""
    server = odd()
    server.wait_workers(2)
    log = server.log()
    line = r"^\[\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d(\.\d+)?\] "
    assert re.search(line + rf"NOTICE: fpm is running, pid {server.pid}$", log, re.M), log
    assert re.search(line + r"NOTICE: ready to handle connections$", log, re.M)
    server.wait_log(r"\[pool www\] child \d+ started", 2)
    for text in log.splitlines():
        assert re.match(line + r"(DEBUG|NOTICE|WARNING|ERROR|ALERT): ", text), text


def test_pid_file(odd, env):
    """Written at the start, removed at the end."""
    path = env.dir + "/anyfpm.pid"
    server = odd(global_options={"pid": path})
    with open(path, encoding="ascii") as f:
        assert int(f.read()) == server.pid
    server.stop()
    assert not os.path.exists(path)


def directories(below, pools):
    """Working directories of workers; an ordinary user may not look at those of pool processes."""
    return {os.readlink(f"/proc/{p}/cwd") for p in below if p not in pools}


def test_daemonize(env, conf):
    """daemonize = yes: the command returns 0 when the server is ready; the daemon goes on. Its
    workers run where it was started, those of a replaced pool process too."""
    pid_path = env.dir + "/daemon.pid"
    path = conf(f"[global]\npid = {pid_path}\nerror_log = {env.dir}/daemon.log\ndaemonize = yes\n"
                + pool(env, **{"env[ANYFPM_TEST]": env.mark}).replace(
                    "/bin/cat", env.worker("echo"))
                + "".join(f"env[{k}] = {v}\n" for k, v in env.sanitizer_options().items()))
    got = run("-y", path, env=env)
    assert got.returncode == 0, got.stderr
    with open(pid_path, encoding="ascii") as f:
        pid = int(f.read())
    env.note(pid)
    try:
        with Client(env.dir + "/www.sock") as c:
            assert c.request().status == 200
        assert os.getsid(pid) != os.getsid(0)
        below, pools = descendants(pid), servers.children(pid)
        assert directories(below, pools) == {os.getcwd()}
        os.kill(pools[0], signal.SIGKILL)
        wait_for(lambda: len(set(descendants(pid)) - set(below)) == len(below), 5)
        new = set(descendants(pid)) - set(below)
        assert directories(new, servers.children(pid)) == {os.getcwd()}
    finally:
        os.kill(pid, 15)
    wait_for(lambda: not servers.alive(pid), 10, "the daemon to end")


# The quick form -------------------------------------------------------------------

@pytest.mark.skipif(ROOT, reason="root needs -R, see the next test")
def test_quick_form(env):
    """`anyfpm -l ADDRESS -- program`: one static pool, as many workers as CPUs."""
    path = env.dir + "/quick.sock"
    server = Quick(env, env.worker("echo").split(), listen=path)
    server.wait_ready()
    server.wait_workers(os.cpu_count())
    with Client(path) as c:
        assert c.request().status == 200


@pytest.mark.parametrize("listen", ["unix", "tcp"])
def test_quick_form_with_workers(env, listen):
    """-n chooses the number; the caller's environment is passed on."""
    port = servers.free_port()
    path = env.dir + "/quick.sock" if listen == "unix" else f"127.0.0.1:{port}"
    server = Quick(env, env.worker("self").split(), "-n", "3", listen=path)
    server.wait_ready()
    server.wait_workers(3)
    with Client(server.address) as c:
        assert f'"ANYFPM_TEST": "{env.mark}"'.encode() in c.request().body
    server.signal(2)
    assert server.wait_exit() == 0


@pytest.mark.parametrize("script, said", [
    ("echo wrong >&2; exit 3",
     r'said into stderr: "wrong"\n(.*\n)*.*exited with code 3 .*, before it was ready\n'),
    ("exit 0", r"exited with code 0 .*, before it was ready; is it a FastCGI program"),
])
def test_quick_form_tells_what_is_wrong(env, script, said):
    """What a program that does not start prints is on the terminal, once; a likely cause else."""
    server = Quick(env, ["/bin/sh", "-c", script], "-n", "1")
    server.wait_log(said)
    assert "it said" not in server.log()
    server.signal(2)
    assert server.wait_exit() == 0


@pytest.mark.skipif(not ROOT, reason="only root can run workers as root")
def test_workers_as_root_are_refused(env, conf):
    """Without -R a pool whose user is root, or that has no user, does not start."""
    for user in ("", "user = root\n"):
        path = conf(pool(env).replace(f"user = {USER}\n", user))
        got = run("-F", "-y", path, env=env)
        assert got.returncode == 78, got.stderr
        assert "root" in got.stdout + got.stderr or "user" in got.stdout + got.stderr
