"""The last door before a text leaves mailguard: no key of a blocklist goes through.

What mailguard makes itself holds no key. What comes from elsewhere may: a main.cf that
somebody wrote by hand, a line of Postfix's log about a lookup that failed.
"""

from collections.abc import Callable

from django.apps import apps
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase

from postfixconf.masking import masked

__all__ = ["Concealing", "concealed"]


def concealed(text: str) -> str:
    """The text with every key masked that stands before its zone."""
    return masked(text, keyed_zones())


def keyed_zones() -> tuple[str, ...]:
    """Every own zone that was ever asked with a key; none without its table."""
    # By name: what every room's commands and pages go through is below all rooms.
    keys = apps.get_model("protection", "ListKey")._default_manager
    try:
        return tuple(keys.values_list("name", flat=True).distinct())
    except DatabaseError:
        return ()


class Concealing:
    """Middleware: what a browser gets."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The response, concealed where it is a whole text."""
        response = self._get_response(request)
        words = ("text/", "application/json")
        if response.streaming or not response.get("Content-Type", "").startswith(words):
            return response
        content = getattr(response, "content", b"")
        text = content.decode("utf-8", "surrogateescape")
        shown = concealed(text)
        if shown != text:
            response.content = shown.encode("utf-8", "surrogateescape")  # type: ignore[attr-defined]
            if "Content-Length" in response:
                response["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]
        return response
