"""The dashboard, and the answer for whoever waits for us to start."""

from dataclasses import replace

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from mailguard.changes import demotion, expiry
from mailguard.changes.models import Revision
from mailguard.changes.panic import refusing_of
from mailguard.dashboard import services
from mailguard.dashboard.forms import ChartForm
from mailguard.dashboard.traffic import traffic
from mailguard.greylisting import refresh
from mailguard.protection import fronts
from mailguard.protection import services as protection
from mailguard.protection.fronts import relays
from mailguard.servers import services as servers
from mailguard.traffic.attention import attention
from mailguard.traffic.people import still_on_25
from postfixconf.policy.control import Mode

__all__ = ["home", "ready"]

# What the poll exchanges: the numbers without the fold around them, or all of it.
POLLED = "#state,#chart,#numbers,#tops"
UNTIL_MAIL = "#state,#traffic"


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Is my mail all right?"""
    server = servers.local()
    rows = [row for row in protection.rows(server) if not row.control.sends]
    form = ChartForm(request.GET)
    mail = traffic(server, form.span, form.key)
    guarded = any(row.live is not Mode.OFF for row in rows)
    context = {
        "server": server,
        "practice": not server.config_dir.startswith("/etc"),
        "traffic": mail,
        "form": form,
        "attention": attention(server),
        "still": still_on_25(server),
        "polled": POLLED if mail.ever else UNTIL_MAIL,
        "status": replace(services.status(server), guarded=guarded),
        "on": [row for row in rows if row.live is Mode.ON],
        "testing": [row for row in rows if row.live is Mode.TEST],
        "refusing": refusing_of(rows),
        "demoted": demotion.demoted(server),
        "expired": expiry.waiting(server),
        "missed": refresh.missed(server),
        "gateway": fronts.gateway(server, relays()),
        "latest": Revision.objects.all()[:5],
    }
    return render(request, "dashboard/home.html", context)


@login_not_required
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 once the broker and the worker answer and the server is adopted."""
    now = services.status(servers.local())
    good = now.worker and now.broker and (now.adopted or bool(now.trouble))
    return HttpResponse("ready\n" if good else "not yet\n", status=200 if good else 503)
