"""The metrics process follows a reload, and nobody who asks it notices."""

import http.client
import signal
import threading

from servers import SLOW, wait_for


def test_nobody_notices(metrics):
    """Its own process is another after a deploy; what was asked meanwhile is answered."""
    server, endpoint = metrics("hello")
    stop, failed, asked = threading.Event(), [], [0]

    def ask():
        while not stop.is_set():
            try:
                if endpoint.health()[0] != 200:
                    failed.append("not 200")
            except (OSError, http.client.HTTPException) as e:
                failed.append(repr(e))
            asked[0] += 1
    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(3):
            server.reload(signal.SIGUSR2)
        wait_for(lambda: asked[0] > 30, 20 * SLOW)
    finally:
        stop.set()
        thread.join()
    assert failed == []


def test_pools_come_and_go(metrics, env):
    server, endpoint = metrics("hello")
    pools = dict(server.configured)
    pools["more"] = {"command": env.worker(), "listen": env.dir + "/more.sock"}
    server.rewrite(pools)
    server.reload()
    wait_for(lambda: 'pool="more"' in endpoint.get("/metrics").text, 10 * SLOW, "the new pool")
    del pools["more"]
    server.rewrite(pools)
    server.reload()
    wait_for(lambda: 'pool="more"' not in endpoint.get("/metrics").text, 10 * SLOW)
    assert 'pool="www"' in endpoint.get("/metrics").text
