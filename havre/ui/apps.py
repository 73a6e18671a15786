"""Layout, components, icons, the service worker: what every page is made of."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "havre.ui"
