"""One view for every path: says what it was asked, and counts the bytes of a body."""

import logging

from django.http import HttpResponse, HttpResponseBadRequest
from django.urls import re_path


def hello(request):
    size = 0
    while chunk := request.read(65536):
        size += len(chunk)
    if size < int(request.META.get("CONTENT_LENGTH") or 0):
        logging.getLogger(__name__).warning("the body ends after %d bytes", size)
        return HttpResponseBadRequest()
    return HttpResponse(f"{request.method} {request.META['REQUEST_URI']}, {size} bytes\n",
                        content_type="text/plain")


urlpatterns = [re_path("", hello)]
