"""Completion in bash and zsh as at a terminal, and the colours that vim gives to a configuration."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess

import control
import pytest
from servers import ANYFPM, BUILD, ROOT, TOP, wait_for

TAB = "\t"
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f". {BUILD}/contrib/completion/anyfpm.bash"),
    "zsh": (["zsh", "-f", "-i"], "fpath=($PWD $fpath); autoload -U compinit; compinit -u -D"),
}
POOLS = "".join(f"[{name}]\ncommand = /bin/true\nlisten = /run/{name}.sock\npm.max_children = 1\n"
                + ("user = daemon\n" if ROOT else "")
                for name in ("shop-front", "other"))


class Terminal:
    """A shell whose keys are pressed, and what it has shown."""

    def __init__(self, argv, directory):
        self.shown = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execvpe(argv[0], argv, {"PATH": BUILD + ":/usr/sbin:/usr/bin:/sbin:/bin",
                                       "TERM": "dumb", "HOME": directory, "LC_ALL": "C.UTF-8"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)

    def type(self, text):
        os.write(self.fd, text.encode())

    def shows(self, text):
        """Wait for it, behind what was waited for before."""
        def is_there():
            while select.select([self.fd], [], [], 0)[0]:
                self.shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.shown
                                    + os.read(self.fd, 65536).decode("utf-8", "replace"))
            return text in self.shown
        try:
            wait_for(is_there, 10, text)
        except AssertionError as e:
            raise AssertionError(f"{text!r} is not in {self.shown!r}") from e
        self.shown = self.shown.partition(text)[2]


@pytest.fixture(params=SHELLS)
def shell(env, request):
    argv, load = SHELLS[request.param]
    if not shutil.which(argv[0]):
        pytest.skip(argv[0] + " is not installed")
    shutil.copy(BUILD + "/contrib/completion/anyfpm.zsh", env.dir + "/_anyfpm")
    with open(env.dir + "/pools.conf", "w", encoding="ascii") as f:
        f.write(POOLS)
    with Terminal(argv, env.dir) as terminal:
        terminal.type(load + "; echo loa''ded\n")
        terminal.shows("loaded\r\n")
        yield terminal


@pytest.mark.parametrize("typed, whole", [
    ("anyfpm --allow", "--allow-to-run-as-root"),
    ("anyfpm --fpm-config poo", "pools.conf"),
    ("anyfpm -s und", "undrain"),
    ("anyfpm -F --send upg", "upgrade"),
    ("anyfpm -y pools.conf -s reload -w sho", "shop-front"),
    ("anyfpm -l 9000 -n 2 -- realpa", "realpath"),
], ids=["option", "file", "command", "long option", "pool", "program"])
def test_it_completes(shell, typed, whole):
    shell.type(typed + TAB)
    shell.shows(typed.split()[-1])
    shell.shows(whole[len(typed.split()[-1]):])


def test_nothing_is_missing(env):
    """Every option of -h, and every command, is offered by bash; zsh has the same table."""
    script = f"""compopt() {{ :; }}; . {BUILD}/contrib/completion/anyfpm.bash
COMP_WORDS=(anyfpm ''); COMP_CWORD=1; _anyfpm anyfpm '' anyfpm; echo "${{COMPREPLY[@]}}"
COMP_WORDS=(anyfpm -s ''); COMP_CWORD=2; _anyfpm anyfpm '' -s; echo "${{COMPREPLY[@]}}" """
    options, commands = subprocess.run(["bash", "-c", script], capture_output=True, text=True,
                                       check=True, cwd=env.dir).stdout.splitlines()
    lines = re.findall(r"^ +(-.*?)  ", control.help_text(), re.M)
    wanted = set(re.findall(r"--?[a-zA-Z][-a-z]*", " ".join(lines)))
    assert set(options.split()) == wanted | {"--"} and len(wanted) > 20
    assert commands.split() == control.words()
    with open(BUILD + "/contrib/completion/anyfpm.zsh", encoding="ascii") as f:
        assert set(re.findall(r"^\t'(?:\*|\(.*?\))(-[-a-zA-Z]+)\[", f.read(), re.M)) == wanted


@pytest.fixture
def vim(env):
    """vim(text): the names of the syntax of each line's first letter, and of its last one."""
    has = shutil.which("vim") and subprocess.run(["vim", "--version"], capture_output=True,
                                                 text=True, check=False).stdout
    if not has or "+syntax" not in has or "+eval" not in has:
        pytest.skip("vim with syntax is not installed")
    for name, top in (("syntax", BUILD), ("ftdetect", TOP)):
        os.makedirs(env.dir + "/vim/" + name)
        shutil.copy(f"{top}/contrib/vim/{name}/anyfpm.vim", f"{env.dir}/vim/{name}")
    os.makedirs(env.dir + "/anyfpm/pool.d")

    def look(text):
        path = env.dir + "/anyfpm/pool.d/www.conf"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        subprocess.run(
            ["vim", "-N", "-u", "NONE", "-i", "NONE", "-es",
             "--cmd", f"set rtp^={env.dir}/vim", "--cmd", "filetype on", "--cmd", "syntax on",
             "-c", "call writefile(map(range(1, line('$')), {_, n -> "
                   "synIDattr(synID(n, 1, 1), 'name') . ' ' . "
                   "synIDattr(synID(n, col([n, '$']) - 1, 1), 'name')}), 'names')",
             "-c", "qa!", path], cwd=env.dir, stdin=subprocess.DEVNULL, timeout=60, check=True)
        with open(env.dir + "/names", encoding="utf-8") as f:
            return [line.rstrip("\n").split(" ") for line in f]
    return look


def test_vim_knows_each_directive(vim):
    """All that -tt prints, which has every directive; what is none stands out."""
    text = subprocess.run([ANYFPM, "-ttR", "-l", "/tmp/www.sock", "--", "/bin/true"],
                          capture_output=True, text=True, check=True).stdout
    names = vim(text + "no.such = 1\n")
    lines = text.splitlines()
    assert names.pop()[0] == "anyfpmUnknown" and len(lines) > 80
    for line, (first, _) in zip(lines, names):
        wanted = {"[": "anyfpmSection", ";": "anyfpmComment"}.get(line[:1], "anyfpmDirective")
        assert not line or first == wanted, line


@pytest.mark.parametrize("line, first, last", [
    ("pm = dynamic", "anyfpmDirective", "anyfpmWord"),
    ("pm.max_memory = 128M", "anyfpmDirective", "anyfpmNumber"),
    ("clear_env = NO", "anyfpmDirective", "anyfpmBoolean"),
    ("env[A] = \"b;c\\n$pool\"", "anyfpmDirective", "anyfpmText"),
    ("listen = /run/$pool", "anyfpmDirective", "anyfpmVariable"),
    ("listen = 9000 ; here", "anyfpmDirective", "anyfpmComment"),
    ("# a comment", "anyfpmComment", "anyfpmComment"),
    ("[www]", "anyfpmSection", "anyfpmSection"),
    ("pm.max_childen = 3", "anyfpmUnknown", "anyfpmNumber")])
def test_vim_colours(vim, line, first, last):
    assert vim(line + "\n") == [[first, last]]
