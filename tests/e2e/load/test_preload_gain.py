"""What pm.preload is for: memory, and many workers at once."""

import shutil
import time

import pytest
from others import PhpFpm
from programs import need
from servers import ASAN, SLOW, WORKERS
from sharing import OWN, burst, pss_kb, serve_each
from stalls import Stalls

PHP_CGI, PHP_FPM = "/usr/bin/php-cgi8.2", "/usr/sbin/php-fpm8.2"
FILES, METHODS = 60, 100  # of the application
NUMBER = 8  # workers

BURST, REQUEST_S, LOADS_S = 50, 1, 0.5
ALL_ANSWERED = 1.2  # seconds, on a machine that does nothing else
NOISE = 2  # times as long beyond REQUEST_S on one that does


def application(directory):
    """A script that needs many others, for OPcache to have something; returns its path."""
    for n in range(FILES):
        methods = "".join(f"    public function m{m}(array $a) {{ return $a[{m}] ?? '{n} {m}'; }}\n"
                          for m in range(METHODS))
        with open(f"{directory}/part{n}.php", "w", encoding="ascii") as f:
            f.write(f"<?php\nclass Part{n} {{\n{methods}}}\n")
    path = directory + "/application.php"
    with open(path, "w", encoding="ascii") as f:
        f.write("<?php\nheader('X-Worker: ' . getmypid());\n"
                f"for ($n = 0; $n < {FILES}; $n++) {{ require_once __DIR__ . \"/part$n.php\";\n"
                "    echo (new (\"Part$n\"))->m1([]), ' '; }\n")
    return path


@pytest.mark.load
@pytest.mark.skipif(ASAN, reason="it measures the programs of others")
@pytest.mark.limit(240)
def test_memory_of_php(env, anyfpm, nginx):
    """php-cgi forked has what php-fpm has, and less than a quarter of what it has executed."""
    need(PHP_CGI, PHP_FPM)
    script = application(env.dir)

    def measured(server, made, keepalive=True):
        front = nginx(server, script=script, keepalive=keepalive)
        workers = serve_each(front, "/", NUMBER, 50, 120)
        size = pss_kb(workers + made(), OWN)
        server.stop()
        return size

    options = {"pm.max_children": NUMBER, "env[PHP_FCGI_MAX_REQUESTS]": "0"}
    server = anyfpm(PHP_CGI, options)
    executed = measured(server, server.templates)
    assert not server.templates()
    server = anyfpm(PHP_CGI, dict(options, **{"pm.preload": "yes"}))
    forked = measured(server, server.templates)
    assert server.log().count("template") and "pm.preload has no effect" not in server.log()
    server = PhpFpm(env, NUMBER, ini=True)
    fpm = measured(server, lambda: [server.pid], keepalive=False)
    print(f"kB: executed {executed}, forked {forked}, php-fpm {fpm}")
    assert forked < executed / 4 and forked <= 1.2 * fpm, (executed, forked, fpm)


@pytest.mark.load
@pytest.mark.limit(120)
def test_burst(env, anyfpm):
    """Of 50 requests of 1 s to a pool without workers, none waits for a program that loads."""
    need("/usr/bin/perl")
    shutil.copy(WORKERS + "/loads.pl", env.dir)
    server = anyfpm(f"/usr/bin/perl {env.dir}/loads.pl {round(1000 * LOADS_S)}",
                    {"pm": "ondemand", "pm.max_children": BURST, "pm.preload": "yes"})
    server.wait_log(r"template \d+ is ready", timeout=30)
    with Stalls() as stalls:
        began = time.monotonic()
        took = burst(server.address, BURST, 60, query=f"ms={1000 * REQUEST_S}")
        lost = stalls.since(began)
    print(f"seconds: first {min(took):.3f}, last {max(took):.3f}, without a CPU {lost:.3f}")
    more = (ALL_ANSWERED - REQUEST_S) * NOISE * SLOW
    assert max(took) - lost < REQUEST_S + more, (took, lost)
