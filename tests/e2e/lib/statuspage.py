"""What the tests of the status page share: its forms, and what it answers."""

import json

from fcgi import Client

OPTIONS = {"pm.max_children": 4, "pm.status_path": "/status", "ping.path": "/ping"}
FORMS = ["", "full", "json", "json&full", "xml", "xml&full", "openmetrics", "html", "html&full"]


def numbers(client, query="json"):
    """What it says to a connection that there is already."""
    return json.loads(client.request(uri="/status", query=query).body)


def page(address, query="json&full", uri="/status", **more):
    """One answer for the status page, on a connection of its own."""
    with Client(getattr(address, "address", address)) as c:
        answer = c.request(uri=uri, query=query, **more)
        assert not answer.stderr
        return answer


def status(address, query="json&full"):
    return json.loads(page(address, query).body)
