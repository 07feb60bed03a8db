from django.apps import AppConfig


class GreylistingConfig(AppConfig):
    name = "mailguard.greylisting"
