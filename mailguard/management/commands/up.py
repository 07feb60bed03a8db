"""Everything in the foreground: web, worker, beat, broker, practice server."""

import sys
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, SystemCheckError

from mailguard import supervisor
from mailguard.accounts.services import ensure_administrator
from mailguard.servers import services as servers


class Command(BaseCommand):
    help = "Run mailguard in the foreground until INT or TERM."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with supervisor.alone():
                supervisor.check_machine()
                call_command("migrate", "--no-input", verbosity=0, skip_checks=False)
                supervisor.check_same_server(servers.local())
                password = ensure_administrator()
                supervisor.run(f"user: admin  password: {password}")
        except (supervisor.Missing, SystemCheckError) as cause:
            self.stderr.write(f"mailguard: {cause}")
            sys.exit(2)
