"""A page to print or to send: what people type into their mail programs."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from mailguard.sending.client_settings import settings_of
from mailguard.servers import services as servers

__all__ = ["client_settings"]


@require_safe
def client_settings(request: HttpRequest) -> HttpResponse:
    """Which settings do our people need?"""
    context = {"settings": settings_of(servers.local())}
    return render(request, "sending/settings.html", context)
