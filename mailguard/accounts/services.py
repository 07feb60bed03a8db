"""Making the first administrator, and naming whoever acts."""

import os
import pwd
import secrets

from django.http import HttpRequest

from mailguard.accounts.models import User
from mailguard.audit.services import Actor

__all__ = ["actor_at_terminal", "actor_of", "ensure_administrator"]

ADMINISTRATOR = "admin"


def ensure_administrator() -> str:
    """Make sure somebody can sign in; the word to show for the password.

    MAILGUARD_ADMIN_PASSWORD sets it, at every start. Otherwise it is generated
    once, and shown that once.
    """
    given = os.environ.get("MAILGUARD_ADMIN_PASSWORD")
    user = User.objects.filter(username=ADMINISTRATOR).first()
    if user is not None and not given:
        return "unchanged"
    password = given or secrets.token_urlsafe(12)
    if user is None:
        User.objects.create_superuser(ADMINISTRATOR, password=password)
    elif not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return "from environment" if given else password


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person behind a request."""
    address = request.META.get("REMOTE_ADDR", "")
    return Actor(request.user.pk, request.user.get_username(), address)


def actor_at_terminal() -> Actor:
    """Whoever runs a command, by login name."""
    try:
        name = os.getlogin()
    except OSError:
        name = pwd.getpwuid(os.geteuid()).pw_name
    return Actor(None, f"cli:{name}")
