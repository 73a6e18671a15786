"""The web process's entry: a plain WSGI application (docs/decisions/0002-wsgi.md)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "havre.config.settings")
application = get_wsgi_application()
