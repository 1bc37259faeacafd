"""pm.status_listen: a socket of its own for the status page and ping."""

import os
import signal

from fcgi import KEEP_CONN, UNKNOWN_ROLE, Client, begin
from servers import SLOW, free_port, wait_for
from statuspage import OPTIONS, page, status


def test_status_listen(env, odd):
    own = env.dir + "/status.sock"
    server = odd("hello", dict(OPTIONS, **{"pm.status_listen": own, "listen.mode": "0640"}))
    assert os.stat(own).st_mode & 0o777 == os.stat(server.address).st_mode & 0o777 == 0o640
    assert status(own)["client connections"] == 0
    assert page(own, uri="/ping").body == b"pong"
    for uri in ("/hello", "/", ""):
        answer = page(own, uri=uri)
        assert answer.status == 404 and b"Only the status page and ping" in answer.body
    with Client(own) as c:
        assert c.request(uri="/x", body=b"y" * 100000).status == 404
        assert c.request(uri="/status").status == 200
    assert status(server)["accepted conn"] == 0
    server.stop()
    assert not os.path.exists(own) and not os.path.exists(own + ".lock")


def test_status_listen_at_the_limit_of_connections(env, odd):
    own = env.dir + "/status.sock"
    server = odd("hello", dict(OPTIONS, **{"pm.status_listen": own, "pm.max_children": 1,
                                           "listen.max_connections": 3}))
    held = []
    for _ in range(3):
        held.append(Client(server.address))
        held[-1].start(query="do=sleep")
    wait_for(lambda: status(own)["client connections"] == 3, 5, "three connections")
    late = Client(server.address)  # waits in the kernel
    late.start()
    server.wait_log("cannot accept a connection")
    # Its own are limited too; the longest idle makes room.
    many = [Client(own) for _ in range(40)]
    for c in many[-8:]:
        assert c.request(uri="/ping").body == b"pong"
    assert all(c.at_end() for c in many[:24])
    for c in held + many + [late]:
        c.close()


def test_status_listen_while_the_pool_finishes(env, odd):
    own = env.dir + "/status.sock"
    server = odd("hello", dict(OPTIONS, **{"pm.status_listen": own}))
    with Client(server.address) as c:
        c.start(query=f"do=split&until={env.dir}/pub/end")
        wait_for(lambda: status(own)["active processes"] == 1, 5, "the request to run")
        server.signal(signal.SIGQUIT)
        server.wait_log("Finishing")
        wait_for(lambda: not os.path.exists(server.address), 5, "the pool to be closed")
        idle = Client(own)  # holds nothing up
        assert status(own)["active processes"] == 1
        with open(env.dir + "/pub/end", "wb"):
            pass
        assert c.answer().body == b"first\nsecond\n"
    server.wait_exit(10 * SLOW)
    idle.close()


def test_status_listen_by_tcp(odd):
    port = free_port()
    server = odd("hello", dict(OPTIONS, **{"pm.status_listen": f"127.0.0.1:{port}",
                                           "listen.allowed_clients": "127.0.0.1"}))
    assert status(("127.0.0.1", port))["pool"] == "www"
    assert server.process.poll() is None


def test_status_listen_not_for_everybody(odd):
    port = free_port()
    server = odd("hello", dict(OPTIONS, **{"pm.status_listen": f"127.0.0.1:{port}",
                                           "listen.allowed_clients": "192.0.2.1"}))
    with Client(("127.0.0.1", port)) as c:
        assert c.at_end()
    server.wait_log("not in listen.allowed_clients")
    assert page(server, uri="/ping").body == b"pong"


def test_what_is_refused_there_is_not_counted_as_a_request(env, odd):
    own = env.dir + "/status.sock"
    server = odd("hello", dict(OPTIONS, **{"pm.status_listen": own}))
    with Client(own) as c:
        c.send(begin(role=9, flags=KEEP_CONN))
        assert c.answer().protocol_status == UNKNOWN_ROLE
    s = status(own)
    assert s["accepted conn"] == s["requests refused"] == 0
    with Client(server.address) as c:
        c.send(begin(role=9, flags=KEEP_CONN))
        assert c.answer().protocol_status == UNKNOWN_ROLE
    s = status(own)
    assert s["accepted conn"] == s["requests refused"] == 1


def test_a_client_there_that_does_not_go_on_does_not_keep_the_pool_from_its_end(env, odd):
    own = env.dir + "/status.sock"
    server = odd("hello", dict(OPTIONS, **{"pm.status_listen": own}))
    half, deaf = Client(own), Client(own)
    half.send(begin())
    for n in range(1, 250):
        deaf.start(n, uri="/status", query="html&full")
    assert status(own)["accepted conn"] == 0
    server.signal(signal.SIGQUIT)
    server.wait_exit(5 * SLOW)
    half.close()
    deaf.close()
