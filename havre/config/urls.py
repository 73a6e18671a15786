"""Every address of the house: each app declares its own, nouns all of them."""

from django.conf import settings
from django.urls import include, path

from havre.core import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("", include("havre.ui.urls")),
    path("", include("havre.portal.urls")),
    path("", include("havre.accounts.urls")),
    path("", include("havre.organisations.urls")),
    path("", include("havre.people.urls")),
    path("", include("havre.vault.urls")),
    path("", include("havre.operations.urls")),
]

if settings.DEMO:
    urlpatterns.append(path("", include("demo.urls")))

handler400 = "havre.ui.views.bad_request"
handler403 = "havre.ui.views.forbidden"
handler404 = "havre.ui.views.not_found"
handler500 = "havre.ui.views.server_error"
