from django.apps import AppConfig


class RehearsalsConfig(AppConfig):
    name = "mailguard.rehearsals"
