"""A Flask application: says what it was asked, and counts the bytes of a body."""

from flask import Flask, abort, request

app = Flask(__name__)

# What is the same for all requests is done here, once. With pm.preload all workers share it;
# connect to a database at the first request, for each needs its own.


@app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
@app.route("/<path:path>", methods=["GET", "POST"])
def hello(path):
    size = 0
    while chunk := request.stream.read(65536):
        size += len(chunk)
    if size < (request.content_length or 0):
        app.logger.warning("the body ends after %d bytes", size)  # to the log
        abort(400)
    text = f"{request.method} {request.environ['REQUEST_URI']}, {size} bytes\n"
    return text, {"Content-Type": "text/plain"}
