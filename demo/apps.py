from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The demonstration: an invented territory, who can sign in, and the messages as they left."""

    name = "demo"
    label = "demo"
