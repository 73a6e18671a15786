from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = "havre.inbox"
    verbose_name = "À faire"
