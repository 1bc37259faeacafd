"""A Flask application with what Flask does: sessions, forms, files, streams, errors."""

import hashlib
import os
from wsgiref.validate import validator

from flask import Flask, Response, abort, request, send_file, session, url_for

app = Flask(__name__)
app.secret_key = "none"


@app.route("/")
def index():
    session["count"] = session.get("count", 0) + 1
    return {"count": session["count"], "url": url_for("upload"), "root": request.script_root,
            "secure": request.is_secure}


@app.route("/upload", methods=["POST"])
def upload():
    file = request.files["file"]
    return f"{request.form['name']} {hashlib.sha1(file.read()).hexdigest()}"


@app.route("/stream", methods=["PUT"])
def stream():
    """A byte of each part of the body as it comes, and then what the whole was."""
    body, sha = request.stream, hashlib.sha1()

    def blocks():
        for part in iter(lambda: body.read(65536), b""):
            sha.update(part)
            yield part[:1]
        yield sha.hexdigest().encode()
    return Response(blocks())


@app.route("/file")
def file():
    return send_file(os.environ["LARGE_FILE"], conditional=True)


@app.route("/none")
def none():
    abort(410)


@app.route("/error")
def error():
    raise RuntimeError("raised by a view")


application = validator(app)
