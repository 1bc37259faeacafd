"""The web servers before anyfpm, and the other managers that it is compared with."""

import os
import re
import shlex
import signal
import subprocess

from servers import ROOT, USER, Anyfpm, Server, alive, free_port, wait_for

FCGI_PARAMS = """
    fastcgi_param QUERY_STRING $query_string;
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param CONTENT_TYPE $content_type;
    fastcgi_param CONTENT_LENGTH $content_length;
    fastcgi_param SCRIPT_NAME $fastcgi_script_name;
    fastcgi_param SCRIPT_FILENAME {script};
    fastcgi_param REQUEST_URI $request_uri;
    fastcgi_param DOCUMENT_URI $document_uri;
    fastcgi_param SERVER_PROTOCOL $server_protocol;
    fastcgi_param GATEWAY_INTERFACE CGI/1.1;
    fastcgi_param REMOTE_ADDR $remote_addr;
    fastcgi_param REDIRECT_STATUS 200;
"""


def upstream(address):
    return f"unix:{address}" if isinstance(address, str) else f"{address[0]}:{address[1]}"


class Nginx(Server):
    """nginx in front of one FastCGI address, or one of HTTP or of uWSGI's protocol."""

    name = "nginx"

    def __init__(self, env, address, *, keepalive=True, request_buffering=True, buffering=True,
                 script="/srv$fastcgi_script_name", more="", http=False, uwsgi=False):
        super().__init__(env)
        self.port = free_port()
        protocol = "proxy" if http else "uwsgi" if uwsgi else "fastcgi"
        params = (f"fastcgi_keep_conn {'on' if keepalive else 'off'};"
                  + FCGI_PARAMS.replace("{script}", script))
        if uwsgi:
            params = "include /etc/nginx/uwsgi_params;"
        prefix = f"{env.dir}/nginx.{self.port}"
        os.mkdir(prefix)
        config = f"""
            {"user " + USER + ";" if ROOT else ""}
            daemon off;
            worker_processes 2;
            pid {prefix}/pid;
            error_log {prefix}/error.log warn;
            events {{ worker_connections 4096; }}
            http {{
                access_log off;
                client_max_body_size 0;
                keepalive_requests 1000000;
                client_body_temp_path {prefix}/body; fastcgi_temp_path {prefix}/fastcgi;
                proxy_temp_path {prefix}/proxy; uwsgi_temp_path {prefix}/uwsgi;
                scgi_temp_path {prefix}/scgi;
                upstream pool {{
                    server {upstream(address)} max_fails=0;
                    {"keepalive 64;" if keepalive else ""}
                }}
                server {{
                    listen 127.0.0.1:{self.port} backlog=4096;
                    location / {{
                        {protocol}_pass {"http://" if http else ""}pool;
                        {protocol}_request_buffering {"on" if request_buffering else "off"};
                        {protocol}_buffering {"on" if buffering else "off"};
                        {protocol}_read_timeout 120s;
                        {"" if http else params}
                        {more}
                    }}
                }}
            }}"""
        with open(prefix + "/nginx.conf", "w", encoding="ascii") as f:
            f.write(config)
        self.launch(["/usr/sbin/nginx", "-p", prefix, "-e", prefix + "/error.log",
                     "-c", prefix + "/nginx.conf"])
        self.wait_listening(("127.0.0.1", self.port))


class Apache(Server):
    """Apache with the event MPM and mod_proxy_fcgi."""

    name = "apache"
    modules = "/usr/lib/apache2/modules"

    def __init__(self, env, address, *, reuse=True, handler=False, more=""):
        """handler: SetHandler in place of ProxyPass; more: what goes before that."""
        super().__init__(env)
        self.port = free_port()
        prefix = f"{env.dir}/apache.{self.port}"
        os.mkdir(prefix)
        os.mkdir(prefix + "/htdocs")
        if isinstance(address, str):
            backend = f"unix:{address}|fcgi://anyfpm-{self.port}/"
        else:
            backend = f"fcgi://{address[0]}:{address[1]}/"
        passed = f"ProxyPass / {backend} enablereuse={'on' if reuse else 'off'}"
        if handler:
            passed = f'<Location />\nSetHandler "proxy:{backend}"\n</Location>'
        config = f"""
            ServerRoot {prefix}
            ServerName localhost
            Listen 127.0.0.1:{self.port}
            PidFile {prefix}/pid
            DefaultRuntimeDir {prefix}
            Mutex file:{prefix} default
            ErrorLog {prefix}/error.log
            LoadModule mpm_event_module {self.modules}/mod_mpm_event.so
            LoadModule authz_core_module {self.modules}/mod_authz_core.so
            LoadModule proxy_module {self.modules}/mod_proxy.so
            LoadModule proxy_fcgi_module {self.modules}/mod_proxy_fcgi.so
            {f"User {USER}" if ROOT else ""}
            {f"Group {USER}" if ROOT else ""}
            StartServers 2
            ServerLimit 4
            ThreadsPerChild 25
            MaxRequestWorkers 100
            KeepAlive On
            MaxKeepAliveRequests 0
            DocumentRoot {prefix}/htdocs
            {more}
            {passed}
        """
        with open(prefix + "/httpd.conf", "w", encoding="ascii") as f:
            f.write(config)
        self.launch(["/usr/sbin/apache2", "-DFOREGROUND", "-f", prefix + "/httpd.conf"])
        self.wait_listening(("127.0.0.1", self.port))


class Haproxy(Server):
    """HAProxy, which can multiplex requests on one FastCGI connection."""

    name = "haproxy"

    def __init__(self, env, address, *, multiplex=True, timeout="60s"):
        super().__init__(env)
        self.port = free_port()
        options = ["keep-conn"]
        if multiplex:
            options += ["get-values", "mpxs-conns", "max-reqs 32"]
        server = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
        config = f"""
global
    maxconn 1000
    nbthread 2
    log stderr format raw daemon
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client {timeout}
    timeout server {timeout}
frontend web
    bind 127.0.0.1:{self.port}
    default_backend pool
backend pool
    http-reuse always
    use-fcgi-app app
    server one {server} proto fcgi
fcgi-app app
    docroot /srv
    log-stderr global
""" + "".join(f"    option {option}\n" for option in options)
        path = f"{env.dir}/haproxy.{self.port}.cfg"
        with open(path, "w", encoding="ascii") as f:
            f.write(config)
        self.launch(["/usr/sbin/haproxy", "-db", "-f", path])
        self.wait_listening(("127.0.0.1", self.port))

    def refused(self, path):
        """Whether HAProxy has failed this request by itself, before it sent its parameters."""
        line = rf' 500 \d+ - - IH-- .*"GET {re.escape(path)} HTTP'
        return wait_for(lambda: re.search(line, self.said()), 5, "the line of " + path)


class SpawnFcgi(Server):
    """spawn-fcgi -F: workers that accept on one shared socket; ended by their pids."""

    name = "spawn-fcgi"

    def __init__(self, env, command, workers=4, directory=None, variables=None):
        super().__init__(env)
        self.address = f"{env.dir}/spawn.{len(env.servers)}.sock"
        out = subprocess.run(
            ["/usr/bin/spawn-fcgi", "-s", self.address, "-M", "0666", "-F", str(workers),
             *(["-d", directory] if directory else []), "--", *shlex.split(command)],
            env={**env.environment(), **(variables or {})}, check=True, capture_output=True,
            text=True).stdout
        self.pids = [int(n) for n in re.findall(r"PID: (\d+)", out)]

    def stop(self, sig=signal.SIGTERM):
        if self.stopped:
            return
        self.stopped = True
        for pid in filter(alive, self.pids):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(alive(p) for p in self.pids), 5, "spawn-fcgi's workers to end")


class PhpFpm(Server):
    """php-fpm with static workers; with Debian's php.ini (OPcache) only where asked for."""

    name = "php-fpm"

    def __init__(self, env, workers=4, ini=False, listen=None, options=None):
        super().__init__(env)
        listen = listen or f"{env.dir}/php.sock"
        self.address = Anyfpm._address(listen)
        more = "\n".join(f"{k} = {v}" for k, v in (options or {}).items())
        config = f"""
[global]
error_log = {env.dir}/php-fpm.log
daemonize = no
[www]
listen = {listen}
listen.mode = 0666
pm = static
pm.max_children = {workers}
{more}
{"user = " + USER if ROOT else ""}
{"group = " + USER if ROOT else ""}
"""
        path = f"{env.dir}/php-fpm.conf"
        with open(path, "w", encoding="ascii") as f:
            f.write(config)
        self.launch(["/usr/sbin/php-fpm8.2", "-F", *([] if ini else ["-n"]), "-y", path])
        self.wait_listening(self.address)


class Python(Server):
    """gunicorn or uWSGI with a WSGI application, which each loads once, before it forks."""

    grace = 60

    def __init__(self, env, argv, directory):
        super().__init__(env)
        self.name = os.path.basename(argv[0])
        self.address = f"{env.dir}/pub/{self.name}.sock"
        self.launch([word.format(socket=self.address) for word in argv], cwd=directory)
        self.wait_listening(self.address)


class Gunicorn(Python):
    def __init__(self, env, directory, application, workers, max_requests=0):
        user = ["-u", USER, "-g", USER] if ROOT else []
        super().__init__(env, ["/usr/bin/gunicorn", "--preload", "-w", str(workers), *user, "-b",
                               "unix:{socket}", "--max-requests", str(max_requests),
                               f"{application}:application"], directory)


class Uwsgi(Python):
    """It speaks FastCGI, or its own protocol."""

    def __init__(self, env, directory, application, workers, max_requests=0, variables=None,
                 own=False):
        user = ["--uid", USER, "--gid", USER] if ROOT else []
        recycling = ["--max-requests", str(max_requests)] if max_requests else []
        more = [f"--env={name}={value}" for name, value in (variables or {}).items()]
        super().__init__(env, ["/usr/bin/uwsgi", "--plugin", "python3", "--master", "--need-app",
                               "--die-on-term", "--processes", str(workers), *user, *recycling,
                               *more, "--socket" if own else "--fastcgi-socket", "{socket}", "--chmod-socket=666",
                               "--module", application], directory)
