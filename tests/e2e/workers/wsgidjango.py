"""Django's own administration, with a database and one user."""

import os
from wsgiref.validate import validator

import django
from django.conf import settings

HERE = os.environ["SITE_DIRECTORY"]
settings.configure(
    DEBUG=True, SECRET_KEY="none", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, STATIC_URL="/static/",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField", USE_TZ=True,
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.messages", "django.contrib.sessions",
                    "django.contrib.staticfiles"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "OPTIONS": {"context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages"]}}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE + "/site.db"}})
django.setup()

# They need the settings.
from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.staticfiles.views import serve  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection  # noqa: E402
from django.urls import path, re_path  # noqa: E402


def error(request):
    raise RuntimeError("raised by a view")


def prepare():
    call_command("migrate", verbosity=0)
    User.objects.create_superuser("admin", "admin@example.org", "secret")
    connection.close()


urlpatterns = [path("admin/", admin.site.urls), path("error", error),
               re_path(r"^static/(?P<path>.*)$", serve)]
application = validator(get_wsgi_application())
