"""anyfpm-cgi: what a script gets, what becomes of its answer, and which files are no scripts."""

import ctypes
import os
import signal
import subprocess

import pytest
from cgiscripts import Scripts, body, noted
from fcgi import ABORT, PARAMS, STDIN, Client, begin, pairs, params, record, stream
from others import SpawnFcgi
from servers import ASAN, PRELOAD, PYTHON, alive, memory_kb, stat, wait_for

SIZE = 4_000_000
BLOCK = b"0123456789abcdef" * (SIZE // 16)


@pytest.fixture
def scripts(env):
    return Scripts(env)


@pytest.fixture
def client(anyfpm, scripts):
    """A connection to anyfpm with two workers."""
    with Client(anyfpm(scripts.command).address, timeout=30) as c:
        yield c


def test_what_a_script_gets(anyfpm, env, scripts):
    """Its directory, the request's variables and those that are kept, and no descriptor of ours."""
    script = scripts.page("sub/show", 'echo "$0"; pwd; /usr/bin/env | sort; echo; '
                                      'ls /proc/$$/fd; cat')
    server = anyfpm(f"{scripts.command} -e KEPT -e NONE", {"env[KEPT]": "kept", "env[OTHER]": "x"})
    with Client(server.address) as client:
        answer = client.request(
            body=b"the body", uri="/cgi/show/a%20b//c", HTTP_PROXY="http://localhost:1",
            HTTP_ACCEPT="*/*", DOCUMENT_ROOT="/srv", SCRIPT_FILENAME=f"{script}/a b//c",
            SCRIPT_NAME="/cgi/show/a b//c")
    shown, _, rest = body(answer).decode().partition("\n\n")
    name, directory, *variables = shown.split("\n")
    assert (name, directory) == ("./show", scripts.path + "/sub")
    found = dict(v.split("=", 1) for v in variables)
    assert found.pop("PATH") and found.pop("PWD") == directory
    for made_by_the_shell in ("OLDPWD", "SHLVL", "_"):
        found.pop(made_by_the_shell, None)
    assert found == {
        "ANYFPM_TEST": env.mark, "KEPT": "kept", "FCGI_ROLE": "RESPONDER",
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/cgi/show", "PATH_INFO": "/a b//c", "PATH_TRANSLATED": "/srv/a b//c",
        "SCRIPT_FILENAME": script, "DOCUMENT_ROOT": "/srv", "QUERY_STRING": "",
        "REQUEST_URI": "/cgi/show/a%20b//c", "CONTENT_LENGTH": "8", "HTTP_ACCEPT": "*/*"}
    # 10: the shell's own, for the script.
    assert set(rest.replace("the body", "").split()) <= {"0", "1", "2", "10"}
    assert rest.endswith("the body")


def test_signals_of_a_script(client, scripts):
    """None is blocked, and none ignored but those that the C library has for itself (32, 33)."""
    script = scripts.page("a", "grep -E '^Sig(Blk|Ign)' /proc/self/status")
    answer = body(client.request(body=b"x", SCRIPT_FILENAME=script)).split()
    found = dict(zip(answer[::2], answer[1::2]))
    assert int(found[b"SigBlk:"], 16) == 0
    assert int(found[b"SigIgn:"], 16) & 0x7fffffff == 0


def test_answers(client, scripts):
    """Programs too; what a script says into its standard error; and its exit code."""
    answer = client.request(SCRIPT_FILENAME="", DOCUMENT_ROOT=scripts.path + "/",
                            SCRIPT_NAME=scripts.page("a", 'echo "$PATH_INFO"')[len(scripts.path):]
                            + "/x")
    assert body(answer) == b"/x\n"
    os.symlink("../scripts/a", scripts.path + "/inside")  # through what is above: refused
    os.symlink("sub/../a", scripts.path + "/link")
    os.mkdir(scripts.path + "/sub")
    assert client.request(SCRIPT_FILENAME=scripts.path + "/link").app_status == 0
    assert client.request(SCRIPT_FILENAME=scripts.path + "/inside").status == 403
    answer = client.request(SCRIPT_FILENAME=scripts.page("b", "echo to log >&2; echo x; exit 3"))
    assert body(answer) == b"x\n" and answer.app_status == 3
    assert answer.stderr.decode() == (
        f"to log\nanyfpm-cgi: {scripts.path}/b: it exited with code 3\n")


def test_error_pages(client, scripts):
    """Who asks gets a page, and the log the file and the reason."""
    os.mkdir(scripts.path + "/dir")
    outside = scripts.path + "-outside"
    for path, status, reason in [
            ("/none", 404, "404: there is no such file"),
            ("/dir", 403, "403: it is a directory"),
            ("/dir/", 403, "403: it is a directory"),
            ("/dir/none", 404, "404: there is no such file"),
            (scripts.add("a", "echo", 0o644), 403, "403: it is not executable"),
            (scripts.add("b", "#!/none\n"), 500, "it cannot be executed: No such file or "
             "directory; is its interpreter (#!) there?"),
            (scripts.add("c", "kill -9 $$"), 500, "it was ended by signal 9 (Killed) without an "
             "answer"),
            (scripts.add("d", "exit 2"), 500, "it exited with code 2 without an answer"),
            (scripts.add("e", "exec >&-; exit 0"), 500, "it ended without an answer"),
            (outside, 403, "403: it is below no directory that an option -r names")]:
        path = path if path.startswith(scripts.path) else scripts.path + path
        answer = client.request(SCRIPT_FILENAME=path)
        assert answer.status == status, path
        assert answer.body.decode().startswith(f"{status} "), path
        assert answer.stderr.decode() == f"anyfpm-cgi: {path}: {reason}\n"
    answer = client.request(SCRIPT_FILENAME="", SCRIPT_NAME="/a")
    assert answer.status == 500 and b"neither SCRIPT_FILENAME nor" in answer.stderr


def test_confined(client, scripts, env):
    """By no name is a script run that is not below the directory."""
    os.mkdir(env.dir + "/outside")
    out = env.dir + "/outside/x"
    os.rename(scripts.page("x", "echo outside"), out)
    scripts.page("good", "echo good")
    os.symlink(env.dir + "/outside", scripts.path + "/absolute")
    os.symlink("../outside", scripts.path + "/relative")
    os.symlink("../outside/x", scripts.path + "/script")
    os.symlink(out, scripts.path + "/absolute-script")
    os.symlink("relative/x", scripts.path + "/twice")
    os.symlink("round", scripts.path + "/round")
    os.symlink(scripts.path + "/good", scripts.path + "/good-but-absolute")
    os.mkdir(scripts.path + "-outside")
    os.mkdir(scripts.path + "/dir")
    for path in ("/../outside/x", "/dir/../../outside/x", "/absolute/x", "/relative/x", "/script",
                 "/absolute-script", "/twice", "/round", "/good-but-absolute", "/twice/y", "/..",
                 "/relative", "/none/../../outside/x", "-outside/x", "/./../outside/x"):
        answer = client.request(SCRIPT_FILENAME=scripts.path + path)
        assert answer.status in (403, 404), path
    for path in (out, "/proc/self/cwd" + out, "scripts/good", "//", "x"):
        assert client.request(SCRIPT_FILENAME=path).status == 403, path
    # What follows a script is its matter.
    for path in ("/./good", "/good/../../outside/x"):
        assert body(client.request(SCRIPT_FILENAME=scripts.path + path)) == b"good\n", path


EXCHANGE = """
import ctypes, sys
rename = ctypes.CDLL(None).renameat2
a, b = sys.argv[1].encode(), sys.argv[2].encode()
print(flush=True)
while rename(-100, a, -100, b, 2) == 0:  # RENAME_EXCHANGE
    pass
"""


def test_exchanged_while_it_is_checked(client, scripts, env):
    """A directory becomes a link that leads out, and is one again, as often as the kernel can."""
    if not hasattr(ctypes.CDLL(None), "renameat2"):
        pytest.skip("there is no renameat2")
    scripts.page("dir/x", "echo inside")
    os.mkdir(env.dir + "/outside")
    os.rename(scripts.page("x", "echo outside"), env.dir + "/outside/x")
    os.symlink("../outside", scripts.path + "/link")
    os.symlink("dir/x", scripts.path + "/x")
    with subprocess.Popen([PYTHON, "-c", EXCHANGE, scripts.path + "/dir", scripts.path + "/link"],
                          stdout=subprocess.PIPE) as exchange:
        try:
            exchange.stdout.readline()
            seen = set()
            for number in range(200):
                answer = client.request(
                    SCRIPT_FILENAME=scripts.path + ("/dir/x" if number % 2 else "/x"))
                assert body(answer) == b"inside\n" or answer.status == 403, answer.stdout
                seen.add(answer.status)
        finally:
            exchange.kill()
    assert 403 in seen, "it was never a link"


def test_named(anyfpm, env):
    """-p: scripts that are named, wherever a link leads, and no others; with -r, only below that."""
    scripts = Scripts(env, ["-p", f"{env.dir}/link.cgi", "-p", f"{env.dir}/scripts/b"])
    scripts.page("a", 'pwd; echo "$PATH_INFO"')
    scripts.page("b", "echo b")
    os.symlink(scripts.path + "/a", env.dir + "/link.cgi")
    with Client(anyfpm(scripts.command).address) as client:
        answer = client.request(SCRIPT_FILENAME=env.dir + "/link.cgi/info")
        assert body(answer).decode() == f"{scripts.path}\n/info\n"
        assert body(client.request(SCRIPT_FILENAME=scripts.path + "/b")) == b"b\n"
        for path in (scripts.path + "/a", env.dir + "/link.cgi2", scripts.path + "/../scripts/b"):
            answer = client.request(SCRIPT_FILENAME=path)
            assert answer.status == 403 and b"no option -p names it" in answer.stderr
    with Client(anyfpm(f"{scripts.command} -r {scripts.path}").address) as client:
        assert client.request(SCRIPT_FILENAME=env.dir + "/link.cgi").status == 403
        assert body(client.request(SCRIPT_FILENAME=scripts.path + "/b")) == b"b\n"


def test_large_bodies(client, scripts):
    """Both ways at once; an answer before the body is read; a body that nobody reads."""
    both = scripts.page("both", "exec cat")
    first = scripts.page("first", f"head -c {SIZE} /dev/zero; wc -c")
    never = scripts.page("never", "echo no")
    for _ in range(2):
        assert body(client.request(body=BLOCK, SCRIPT_FILENAME=both)) == BLOCK
        answer = body(client.request(body=BLOCK, SCRIPT_FILENAME=first))
        assert answer == bytes(SIZE) + b"%d\n" % SIZE
        assert body(client.request(body=BLOCK, SCRIPT_FILENAME=never)) == b"no\n"
    answer = client.request(body=BLOCK, SCRIPT_FILENAME=scripts.path + "/none")
    assert answer.status == 404
    assert client.request(SCRIPT_FILENAME=never).app_status == 0


def test_in_the_background(client, scripts, env):
    """A job that has the script's output is not waited for, and lasts until its worker ends."""
    script = scripts.page("job", "sleep 1000 & echo $! >$JOB; echo done")
    answer = client.request(SCRIPT_FILENAME=script, JOB=env.dir + "/pub/job")
    assert body(answer) == b"done\n" and not answer.stderr
    job, = noted(env.dir + "/pub/job")
    assert alive(job)
    script = scripts.page("writes", "yes & echo $! >$JOB; exit 0")
    answer = client.request(SCRIPT_FILENAME=script, JOB=env.dir + "/pub/writes")
    assert set(body(answer).split()) <= {b"y"}


@pytest.mark.executed
def test_alone(env, scripts):
    """Without anyfpm: it ends at SIGTERM, after its request; and is told what its place is."""
    slow = scripts.page("slow", "echo $$ >$PID; sleep 0.5; echo done")
    server = SpawnFcgi(env, scripts.command, 2)
    with Client(server.address) as client:
        client.start(SCRIPT_FILENAME=slow, PID=env.dir + "/pub/slow")
        noted(env.dir + "/pub/slow")
        for pid in server.pids:
            os.kill(pid, signal.SIGTERM)
        assert body(client.answer()) == b"done\n"
        wait_for(lambda: not any(map(alive, server.pids)), 5, "the end of both")
    for argv, told in (([], "say with -r"), (["-r", "/none"], "-r /none: No such file"),
                       (["-r", "none"], "-r none: No such file"), (["-r", "/", "x"], "x: "),
                       (["-p", "a"], "has to be an absolute path"), (["-m", "64X"], "-m 64X"),
                       (["-m", "2000G"], "-m 2000G"), (["-c", "0"], "-c 0: it has to be"),
                       (["-e", "A=B"], "-e A=B: it has to be the name"),
                       (["-r", "/"], "descriptor 0 is no listening socket")):
        done = subprocess.run([scripts.program, *argv], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 1 and told in done.stderr, argv


@pytest.mark.parametrize("how", ["abort", "close"])
def test_client_goes(env, scripts, how):
    """The script gets SIGTERM, and is killed where it ignores that; the worker serves on."""
    polite = scripts.page("polite", "trap 'echo 1 >$NOTE.term; exit' TERM; echo $$ >$NOTE\n"
                                    "while :; do sleep 0.05; done")
    rude = scripts.page("rude", "trap '' TERM; echo $$ >$NOTE; exec sleep 1000")
    hello = scripts.page("hello", "echo hello")
    server = SpawnFcgi(env, scripts.command, 1)

    def begun(client, name, script, more):
        note = f"{env.dir}/pub/{name}"
        client.send(begin(flags=0), stream(PARAMS, 1, pairs(params(
            "POST", SCRIPT_FILENAME=script, NOTE=note, CONTENT_LENGTH="9"))), more)
        return noted(note)[0]
    # In the middle of a body, and behind it.
    for name, script, stdin in (("polite", polite, record(STDIN, 1, b"part")),
                                ("rude", rude, stream(STDIN, 1, b"the whole"))):
        with Client(server.address) as client:
            pid = begun(client, name, script, stdin)
            if how == "abort":
                client.send(record(ABORT, 1))
                wait_for(lambda: not alive(pid), 10, "the end of the script")
        wait_for(lambda: not alive(pid), 10, "the end of the script")
        assert os.path.exists(f"{env.dir}/pub/{name}.term") == (name == "polite")
        with Client(server.address) as client:
            assert body(client.request(SCRIPT_FILENAME=hello, flags=0)) == b"hello\n"


def test_endless_answer(env, scripts):
    """What a client does not read is not kept for it, and its end is the script's."""
    script = scripts.page("endless", "echo $$ >$PID; exec yes")
    server = SpawnFcgi(env, scripts.command, 1)
    before = memory_kb(server.pids[0])
    with Client(server.address, timeout=30) as client:
        client.start(SCRIPT_FILENAME=script, PID=env.dir + "/pub/pid")
        pid, = noted(env.dir + "/pub/pid")
        received = 0
        while received < 20_000_000:
            received += len(client.record().content)
        both = (pid, server.pids[0])
        wait_for(lambda: [stat(p)[0] for p in both] == ["S", "S"], 10, "both to wait for it")
        assert memory_kb(server.pids[0]) - before < 4000 or ASAN
    wait_for(lambda: not alive(pid), 10, "the end of the script")


def test_client_goes_from_anyfpm(anyfpm, env, scripts):
    """request_client_abort = terminate ends the script, and nothing of it is left."""
    script = scripts.page("a", "sleep 1000 & echo $! >$PID; echo $$ >>$PID; wait")
    server = anyfpm(scripts.command, {"request_client_abort": "terminate"})
    with Client(server.address) as client:
        client.start(SCRIPT_FILENAME=script, PID=env.dir + "/pub/a")
        pids = noted(env.dir + "/pub/a", 2)
    wait_for(lambda: not any(map(alive, pids)), 5, "the end of the script")


@pytest.mark.skipif(bool(PRELOAD) or ASAN, reason="has it anyway, or its runtime has to be first")
def test_preloaded(anyfpm, scripts):
    """Workers that are forked of a template run scripts too."""
    script = scripts.page("a", "exec cat")
    server = anyfpm(scripts.command, {"pm.preload": "yes"})
    wait_for(lambda: len(server.templates()) == 1, 5, "workers that know that they are")
    with Client(server.address) as client:
        for _ in range(3):
            assert body(client.request(body=BLOCK, SCRIPT_FILENAME=script)) == BLOCK
