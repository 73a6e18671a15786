"""The web process's entry: a plain WSGI application (docs/decisions/0002-wsgi.md)."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "havre.config.settings")
application = get_wsgi_application()

# What is loaded now lives as long as the process: the collector need not look at it again, and a request makes
# a few thousand objects that die at once, so it need not look so often either (a tenth of a page's CPU).
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
