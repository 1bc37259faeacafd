"""The web servers with the configurations of contrib/, of which a test replaces what is an example.

That is, and nothing else: ports 80 and 443 by free ones at 127.0.0.1; what begins with /run/,
/srv/, /etc/ssl/private/ and /var/log/ by the same below the test's directory; for HAProxy who it
runs as and where it logs to; for Caddy the name of the site, and its certificate with that. What
stands around the file in the server's own configuration is here, too.
"""

import os
import shutil
import subprocess

import pytest
from others import Apache
from servers import ROOT, TOP, USER, Server, free_port

SERVERS = ("nginx", "apache", "lighttpd", "haproxy", "caddy")
SUFFIX = {"nginx": "conf", "apache": "conf", "lighttpd": "conf", "haproxy": "cfg",
          "caddy": "caddyfile"}
PROGRAM = {"nginx": "/usr/sbin/nginx", "apache": "/usr/sbin/apache2",
           "lighttpd": "/usr/sbin/lighttpd", "haproxy": "/usr/sbin/haproxy",
           "caddy": "/usr/bin/caddy"}
LOGS = {"apache": "apache2"}
PATHS = ("/run/", "/srv/", "/etc/ssl/private/", "/var/log/")
APACHE_MODULES = ("mpm_event", "authz_core", "authz_host", "proxy", "proxy_fcgi")
APACHE_PRODUCTION = ("alias", "env", "expires", "lbmethod_byrequests", "proxy_balancer",
                     "reqtimeout", "slotmem_shm", "socache_shmcb", "ssl")


def need(name):
    if not os.path.exists(PROGRAM[name]):
        pytest.skip(f"{PROGRAM[name]} is missing (tests/run installs it)")


def shipped(name, kind):
    """The text of contrib/NAME/KIND, as it is."""
    with open(f"{TOP}/contrib/{name}/{kind}.{SUFFIX[name]}", encoding="ascii") as f:
        return f.read()


def place(path, env):
    """Where this path of the shipped files is in a test."""
    return env.dir + path


def socket_of(env, name="www"):
    """The address of a pool in the shipped files; its directory is made."""
    os.makedirs(place("/run", env), exist_ok=True)
    return place(f"/run/anyfpm-{name}.sock", env)


class Front(Server):
    """A web server with one of its files, in front of pools that listen at socket_of()."""

    grace = 30

    def __init__(self, env, name, kind="minimal", edit=None, start=True):
        need(name)
        super().__init__(env)
        self.name, self.kind = name, kind
        self.port = self.plain_port = free_port()
        self.dir = f"{env.dir}/{name}.{self.port}"
        self.path = f"{self.dir}/server.{SUFFIX[name]}"
        os.mkdir(self.dir)
        for directory in ("/run", "/srv/www/static", "/srv/private", "/etc/ssl/private",
                          f"/var/log/{LOGS.get(name, name)}"):
            os.makedirs(place(directory, env), exist_ok=True)
        os.chmod(place(f"/var/log/{LOGS.get(name, name)}", env), 0o777)  # Debian: the server's own
        text = shipped(name, kind)
        text = edit(text) if edit else text
        assert "/run/anyfpm-www.sock" in text
        self.tls = kind == "production"
        if self.tls:
            self.port = free_port()
            make_certificate(place("/etc/ssl/private/example.org.pem", env))
        for path in PATHS:
            text = text.replace(path, place(path, env))
        with open(self.path, "w", encoding="ascii") as f:
            f.write(getattr(self, name)(text))
        if start:
            self.launch(["/usr/bin/env", "HOME=" + self.dir, *self.arguments()])
            self.wait_listening(("127.0.0.1", self.port))

    def arguments(self):
        """How it is started."""
        more = {"nginx": ["-p", self.dir, "-e", self.dir + "/error.log", "-c", self.path],
                "apache": ["-DFOREGROUND", "-f", self.path],
                "lighttpd": ["-D", "-f", self.path],
                "haproxy": ["-db", "-f", self.path],
                "caddy": ["run", "--config", self.path, "--adapter", "caddyfile"]}
        return [PROGRAM[self.name], *more[self.name]]

    def check(self):
        """Its own checker's word on the file: (exit code, what it said)."""
        more = {"nginx": [*self.arguments()[1:], "-t"], "apache": ["-f", self.path, "-t"],
                "lighttpd": ["-tt", "-f", self.path], "haproxy": ["-c", "-f", self.path],
                "caddy": ["validate", "--config", self.path, "--adapter", "caddyfile"]}
        done = subprocess.run([PROGRAM[self.name], *more[self.name]], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                              env=dict(self.env.environment(), HOME=self.dir))
        return done.returncode, done.stdout

    def replace(self, text, old, new):
        assert text.count(old) == 1, f"{old} is {text.count(old)} times in {self.path}"
        return text.replace(old, new)

    def listen(self, text, plain, tls, before="127.0.0.1:", after=""):
        """The ports that the file listens on."""
        text = self.replace(text, plain, plain.replace("80", f"{before}{self.plain_port}{after}"))
        if self.tls:
            text = self.replace(text, tls, tls.replace("443", f"{before}{self.port}{after}"))
        return text

    def nginx(self, text):
        text = self.listen(text, "listen 80;", "listen 443 ssl;")
        shutil.copy("/etc/nginx/fastcgi_params", self.dir)
        temporary = "".join(f"{n}_temp_path {self.dir}/{n};" for n in
                            ("client_body", "fastcgi", "proxy", "uwsgi", "scgi"))
        return (f"{'user ' + USER + ';' if ROOT else ''} daemon off; pid {self.dir}/pid;"
                f"events {{}}\nhttp {{ access_log off; {temporary}\n{text}\n}}\n")

    def apache(self, text):
        text = self.listen(text, "<VirtualHost *:80>", "<VirtualHost *:443>")
        text = text.replace("*:127.0.0.1", "127.0.0.1")
        names = APACHE_MODULES + (APACHE_PRODUCTION if self.tls else ())
        modules = "".join(f"LoadModule {n}_module {Apache.modules}/mod_{n}.so\n" for n in names)
        account = f"User {USER}\nGroup {USER}\n" if ROOT else ""
        more = f"Listen 127.0.0.1:{self.port}\n" if self.tls else ""
        return (f"ServerRoot {self.dir}\nServerName localhost\n"
                f"Listen 127.0.0.1:{self.plain_port}\n{more}"
                f"PidFile {self.dir}/pid\nDefaultRuntimeDir {self.dir}\n"
                f"Mutex file:{self.dir} default\nErrorLog {self.dir}/error.log\n"
                f"{modules}{account}DocumentRoot {place('/srv/www', self.env)}\n{text}")

    def lighttpd(self, text):
        if self.tls:
            text = self.replace(text, '":443"', f'"127.0.0.1:{self.port}"')
        account = f'server.username = "{USER}"\n' if ROOT else ""
        os.chmod(self.dir, 0o777)  # for uploads
        return (f'server.document-root = "{place("/srv/www", self.env)}"\n'
                f'server.bind = "127.0.0.1"\nserver.port = {self.plain_port}\n'
                f'server.upload-dirs = ( "{self.dir}" )\n{account}{text}')

    def haproxy(self, text):
        text = self.listen(text, "bind :80\n", "bind :443 ", before="127.0.0.1:")
        text = text.replace("bind :127.0.0.1", "bind 127.0.0.1")
        log = "log stderr format raw local0"
        if not self.tls:
            return f"global\n    {log}\n" + text
        account = f"    user {USER}\n    group {USER}\n" if ROOT else ""
        text = self.replace(text, "    user haproxy\n    group haproxy\n", account)
        return self.replace(text, "log /dev/log local0", log)

    def caddy(self, text):
        options = f"{{\n\tadmin off\n\thttp_port {self.plain_port}\n}}\n"
        if not self.tls:
            text = self.replace(text, "\n:80 {", f"\n:{self.port} {{\n\tbind 127.0.0.1")
            return options + text
        pem = place("/etc/ssl/private/example.org.pem", self.env)
        return options + self.replace(
            text, "\nexample.org {",
            f"\n:{self.port} {{\n\tbind 127.0.0.1\n\ttls {pem} {pem}")


def make_certificate(path):
    """A certificate for this machine and its key, in one file."""
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=example.org", "-addext",
         "subjectAltName=DNS:example.org,IP:127.0.0.1", "-keyout", "-"],
        check=True, capture_output=True, text=True).stdout
    with open(path, "w", encoding="ascii") as f:
        f.write(made)
