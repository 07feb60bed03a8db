from django.apps import AppConfig


class ServersConfig(AppConfig):
    name = "mailguard.servers"
