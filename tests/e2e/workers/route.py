"""A WSGI application that routes: which part of it was reached, and with what."""

from wsgiref.util import shift_path_info

from workerwsgi import serve


def application(environ, start_response):
    route = "top"
    if environ.get("PATH_INFO", "").split("/")[1:2] == ["hello"]:
        route = shift_path_info(environ)
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = [f"[{environ.get(n, '')}]" for n in ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")]
    return [" ".join([route, *names]).encode("latin-1")]


if __name__ == "__main__":
    serve(application)
