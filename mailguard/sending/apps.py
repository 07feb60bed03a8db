from django.apps import AppConfig


class SendingConfig(AppConfig):
    name = "mailguard.sending"
