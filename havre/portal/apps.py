"""Home pages per space, help, legal, accessibility."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "havre.portal"
