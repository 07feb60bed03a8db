"""What is wrong with this configuration, and one click where it is safe."""

from itertools import groupby

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.changes import linting
from mailguard.errors import NotNow
from mailguard.servers import services as servers
from postfixconf.errors import PostfixconfError

__all__ = ["lint", "mend"]


@require_safe
def lint(request: HttpRequest) -> HttpResponse:
    """Every finding on the server as it was last seen, by level."""
    try:
        found = linting.found_on(servers.local())
    except (NotNow, PostfixconfError) as cause:
        return render(request, "changes/lint.html", {"trouble": str(cause)})
    by_level = groupby(found, key=lambda each: each.finding.level.value)
    levels = [(level, list(members)) for level, members in by_level]
    return render(request, "changes/lint.html", {"levels": levels})


@require_http_methods(["GET", "HEAD", "POST"])
def mend(request: HttpRequest) -> HttpResponse:
    """Put one fix into the draft."""
    if request.method == "POST":
        try:
            linting.mend(
                server=servers.local(),
                text=request.POST.get("fix", ""),
                actor=actor_of(request),
            )
            messages.info(request, "It waits in the draft. Nothing was applied yet.")
        except (NotNow, PostfixconfError) as cause:
            messages.error(request, str(cause))
    return redirect("changes:lint")
