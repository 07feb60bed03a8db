"""Everything in the foreground: web, worker, beat, broker, practice server."""

import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, SystemCheckError

from mailguard import machine, supervisor
from mailguard.accounts.services import ensure_administrator
from mailguard.servers import services as servers


class Command(BaseCommand):
    help = "Run mailguard in the foreground until INT or TERM."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with machine.alone():
                machine.check()
                call_command("migrate", "--no-input", verbosity=0, skip_checks=False)
                machine.check_same_server(servers.local())
                supervisor.become(site(ensure_administrator()))
        except (machine.Missing, SystemCheckError) as cause:
            self.stderr.write(f"mailguard: {cause}")
            sys.exit(2)


def site(password: str) -> supervisor.Site:
    """What runs here, and the line that says where and how to sign in."""
    return supervisor.Site(
        home=str(settings.HOME),
        practises=not settings.CONFIG_DIR,
        processes=machine.processes(),
        address=settings.BIND,
        line=f"mailguard: http://{settings.BIND}/  user: admin  password: {password}",
    )
