"""Small HTTP helpers: many requests at once, whole bodies, no retries."""

import concurrent.futures
import http.client
import ssl


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


# The servers of the tests have certificates that nobody has signed.
TLS = ssl.create_default_context()
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE


def connect(server, timeout=60, source=None):
    """A connection, by TLS where the server has that, and from the address `source` if given."""
    more = {"timeout": timeout, "source_address": source and (source, 0)}
    if getattr(server, "tls", False):
        return http.client.HTTPSConnection("127.0.0.1", server.port, context=TLS, **more)
    return http.client.HTTPConnection("127.0.0.1", server.port, **more)


def fetch(server, path="/", method="GET", body=None, headers=None, timeout=60, source=None):
    """One request on a connection of its own."""
    conn = connect(server, timeout, source)
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
