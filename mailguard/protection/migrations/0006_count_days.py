from typing import Any

from django.db import migrations
from django.utils import timezone


def count_days(apps: Any, schema_editor: Any) -> None:
    """The days of the checks that were made before days were counted."""
    checks = apps.get_model("protection", "ListCheck")
    days = apps.get_model("protection", "ListDay")
    for check in checks.objects.filter(at__isnull=False).iterator():
        day = timezone.localtime(check.at).date()
        row, _ = days.objects.get_or_create(
            server_id=check.server_id, zone=check.zone, day=day
        )
        row.checks += 1
        row.failed += not check.trusted
        row.ms = max(row.ms, check.ms)
        row.save()


class Migration(migrations.Migration):

    dependencies = [("protection", "0005_own_lists")]

    operations = [migrations.RunPython(count_days, migrations.RunPython.noop)]
