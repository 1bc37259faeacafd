"""What tests/bench/preload and tests/bench/wsgi run: applications, and those who can serve them."""

import glob
import os
import shutil
import sqlite3
import sys
import tempfile

import others
import servers
import statuspage
import wsgi

HERE = os.path.dirname(os.path.abspath(__file__))

ROWS = 30_000  # of the table that Perl loads
WORDS = "a worker is forked of a template that has loaded the program once " * 12


class Place:
    """Directories and servers of one measurement; all must end well."""

    def __enter__(self):
        self.shared = tempfile.mkdtemp(prefix="anyfpm-bench-", dir="/tmp")
        os.chmod(self.shared, 0o755)
        self.env = servers.Env(self.shared)
        return self.env

    def __exit__(self, kind, *_):
        problems = self.env.check()
        self.env.remove()
        shutil.rmtree(self.shared, ignore_errors=True)
        if problems and kind is None:
            sys.exit("\n".join(problems))


# Applications ---------------------------------------------------------------------

class Application:
    """A program; those that copy a source run it."""

    path = "/"
    script = "/srv$fastcgi_script_name"
    peers = ()

    def __init__(self, name, command, source=None, needs=()):
        self.name, self.command, self.source, self.needs = name, command, source, needs

    def missing(self):
        return [pattern for pattern in self.needs if not glob.glob(pattern)]

    def make(self, directory):
        """Put what it needs there; returns the pool's directives, command among them."""
        self.directory = directory
        if self.source:
            shutil.copy(f"{HERE}/programs/{self.source}", directory)
        return {"command": self.command.format(directory=directory)}


class Demo(Application):
    def make(self, directory):
        shutil.copy(servers.BUILD + "/contrib/demo/app", directory)
        return super().make(directory)


class Table(Application):
    path = "/?id=17"

    def make(self, directory):
        with sqlite3.connect(directory + "/table.db") as db:
            db.execute("CREATE TABLE goods (id INTEGER PRIMARY KEY, name, text, price INTEGER)")
            db.executemany("INSERT INTO goods VALUES (?, ?, ?, ?)",
                           ((n, f"good {n}", f"{n} {WORDS[:100]}", n * 7 % 1000)
                            for n in range(ROWS)))
        db.close()
        return dict(super().make(directory), **{"env[TABLE]": directory + "/table.db"})


class Wsgi(Application):
    """A WSGI application, by anyfpm-wsgi."""

    peers = ("gunicorn --preload", "uWSGI")

    def __init__(self, name, module, needs):
        super().__init__(name, None, needs=needs)
        self.module = module

    def make(self, directory):
        self.directory = directory
        wsgi.install(directory, f"{HERE}/programs/{self.module}.py")
        return {"command": wsgi.command(directory, self.module)}


DJANGO = Wsgi("django", "site_of_django", ["/usr/lib/python3/dist-packages/django/__init__.py"])
FLASK = Wsgi("flask", "site_of_flask", ["/usr/lib/python3/dist-packages/flask/__init__.py"])


class DokuWiki(Application):
    """Debian's, with settings, pages and sessions of its own."""

    path = "/doku.php?id=start"
    script = "/usr/share/dokuwiki/doku.php"
    peers = ("pm.preload_warmup", "php-fpm")
    folders = ("attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta",
               "meta", "pages", "tmp")

    def make(self, directory):
        self.directory = directory
        for name in ("conf", "sessions", "data", *(f"data/{name}" for name in self.folders)):
            os.mkdir(f"{directory}/{name}")
            if servers.ROOT:
                shutil.chown(f"{directory}/{name}", servers.USER, servers.USER)
        self.write("data/pages/start.txt", "\n".join(
            f"===== Part {n} =====\n\n{WORDS}\n\n  * **bold** and //italic//\n  * [[part{n}]]\n\n"
            f"^ one ^ two ^\n| {n} | {n * n} |\n" for n in range(20)))
        self.write("conf/local.php", "<?php\n$conf['title'] = 'Wiki'; $conf['useacl'] = 0;\n"
                                     f"$conf['savedir'] = '{directory}/data';\n")
        self.write("first.php", f"<?php define('DOKU_CONF', '{directory}/conf/');\n"
                                "header('X-Worker: ' . getmypid());\n")
        words = "".join(f" -d {name}={value}" for name, value in self.php_settings().items())
        return {"command": self.command + words, "env[PHP_FCGI_MAX_REQUESTS]": "0"}

    def write(self, name, text):
        with open(f"{self.directory}/{name}", "w", encoding="ascii") as f:
            f.write(text)

    def php_settings(self):
        return {"auto_prepend_file": self.directory + "/first.php",
                "session.save_path": self.directory + "/sessions"}


APPLICATIONS = [
    DokuWiki("dokuwiki", "/usr/bin/php-cgi8.2",
             needs=("/usr/bin/php-cgi8.2", "/usr/share/dokuwiki/doku.php")),
    Table("perl", "/usr/bin/perl {directory}/table.pl", "table.pl",
          ("/usr/lib/*/perl5/*/DBD/SQLite.pm",)),
    Application("ruby", "/usr/bin/ruby {directory}/shop.rb", "shop.rb",
                ("/usr/bin/ruby", "/usr/lib/ruby/vendor_ruby/fcgi.rb")),
    DJANGO,
    Demo("c", "{directory}/app"),
]


# Who serves them -------------------------------------------------------------------

class Running:
    """A manager that serves an application, behind nginx.

    It starts a worker when a request comes and there is none (`on_demand`), or as soon as one has
    gone: that is when its start begins.
    """

    on_demand = True

    def __init__(self, env, app, directives, workers, max_requests, alone):
        """alone: one worker at most, started when it is needed, where there is that."""
        self.app = app
        self.server, front = self.start(env, directives, workers, max_requests, alone)
        self.front = others.Nginx(env, self.server.address, script=app.script, **front)

    def template(self):
        """Pids of what workers are forked of."""
        return [self.server.pid]

    def own(self):
        """Pids of what else the manager has."""
        return []

    def started(self):
        """Workers that it says it has started."""
        return 0


class Ours(Running):
    preload = "no"

    def more(self):
        return {}

    def start(self, env, directives, workers, max_requests, alone):
        options = {"pm.max_children": workers, "pm.max_requests": max_requests,
                   "pm.preload": self.preload, "pm.status_path": "/status", **self.more(),
                   **directives}
        if alone:
            options.update({"pm": "ondemand", "pm.process_idle_timeout": "1h"})
        command = options.pop("command")
        server = servers.Anyfpm(env, command, options, global_options={"log_level": "notice"})
        if self.preload == "yes":
            servers.wait_for(server.templates, 30, "a template")
        return server, {}

    def template(self):
        return self.server.templates()

    def own(self):
        return [self.server.pid, *self.server.pools()]

    def started(self):
        return statuspage.status(self.server.address, "json")["workers started"]


class OursPreloaded(Ours):
    preload = "yes"


class OursWarm(OursPreloaded):
    """The template has served a page: what that has written is shared, too."""

    def more(self):
        return {"pm.preload_warmup": self.app.script + "?id=start"}


class PhpFpm(Running):
    def start(self, env, directives, workers, max_requests, alone):
        options = {"pm.max_requests": max_requests}
        options.update((f"php_admin_value[{k}]", v) for k, v in self.app.php_settings().items())
        if alone:
            options.update({"pm": "ondemand", "pm.process_idle_timeout": "1h"})
        return others.PhpFpm(env, workers, ini=True, options=options), {"keepalive": False}


class Gunicorn(Running):
    on_demand = False

    def start(self, env, directives, workers, max_requests, alone):
        return (others.Gunicorn(env, self.app.directory, self.app.module, workers, max_requests),
                {"keepalive": False, "http": True})


class Uwsgi(Running):
    on_demand = False

    def start(self, env, directives, workers, max_requests, alone):
        return (others.Uwsgi(env, self.app.directory, self.app.module, workers, max_requests,
                             own=True), {"keepalive": False, "uwsgi": True})


MANAGERS = {"executed": Ours, "pm.preload": OursPreloaded, "pm.preload_warmup": OursWarm,
            "php-fpm": PhpFpm, "gunicorn --preload": Gunicorn, "uWSGI": Uwsgi}
