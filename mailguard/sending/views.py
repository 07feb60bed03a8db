"""Sending: how do our people send? Every switch is a draft, as on Protection."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

__all__ = ["index"]


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """How do our people send?"""
    return render(request, "sending/index.html")
