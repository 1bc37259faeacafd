"""Small HTTP helpers: many requests at once, whole bodies, no retries."""

import concurrent.futures
import http.client


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def fetch(server, path="/", method="GET", body=None, headers=None, timeout=60):
    """One request on a connection of its own."""
    conn = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        conn.request(method, path, body, headers or {})
        reply = conn.getresponse()
        return Reply(reply.status, reply.headers, reply.read())
    finally:
        conn.close()


def fetch_all(server, paths, threads=16, **more):
    """Requests side by side; replies in the order of paths."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda path: fetch(server, path, **more), paths))


def in_background(function, *args, **more):
    """Run function in a thread; .result() of what is returned waits for it."""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    future = pool.submit(function, *args, **more)
    pool.shutdown(wait=False)
    return future


def pattern(size):
    """What /large of the demo sends."""
    block = bytes((7 * j + j // 256) % 256 for j in range(65521))
    return (block * (size // len(block) + 1))[:size]
