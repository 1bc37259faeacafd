"""A Django site with one view, as a WSGI application."""

import os

import django
from django.conf import settings

settings.configure(
    DEBUG=False, SECRET_KEY="none", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions",
                    "django.contrib.messages", "django.contrib.staticfiles"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware",
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
django.setup()

# They need the settings.
from django.contrib.auth import forms, models  # noqa: E402,F401
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.urls import path  # noqa: E402

PAGE = engines["django"].from_string(
    "<h1>Goods</h1>{% for n in goods %}<p>{{ n }}: {{ n|add:7 }}</p>{% endfor %}")


def view(request):
    response = HttpResponse(PAGE.render({"goods": range(20)}, request))
    response["X-Worker"] = os.getpid()
    return response


urlpatterns = [path("", view)]
application = get_wsgi_application()
