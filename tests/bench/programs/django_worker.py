"""The site over FastCGI, and a template by itself (contrib/preload)."""

import anyfpm_preload
from site_of_django import application
from workerwsgi import serve

anyfpm_preload.wait()
serve(application)
