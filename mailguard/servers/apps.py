from django.apps import AppConfig
from django.core.checks import Tags, register

from mailguard.servers import checks


class ServersConfig(AppConfig):
    name = "mailguard.servers"

    def ready(self) -> None:
        register(checks.bytewise, Tags.database)
