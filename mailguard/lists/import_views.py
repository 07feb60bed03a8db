"""A file of entries: upload, see what it would do, import it or forget it."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.errors import NotNow
from mailguard.lists import checking, imports
from mailguard.lists.forms import UploadForm
from mailguard.lists.models import Import
from mailguard.servers import services as servers

__all__ = ["cancel", "confirm", "job", "refused", "upload"]

SHOWN = 50  # refused lines on the page
BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again


@require_http_methods(BOTH)
def upload(request: HttpRequest) -> HttpResponse:
    """Take a file, and the imports so far."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST":
        form = UploadForm(request.POST, request.FILES)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        made = imports.upload(
            name=file.name, chunks=file.chunks(), actor=actor_of(request)
        )
        return redirect("lists:job", made.pk)
    latest = Import.objects.all()[:10]
    return render(request, "lists/upload.html", {"form": form, "latest": latest})


@require_safe
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """One import: its progress, what it would do, what came of it."""
    row = get_object_or_404(Import, pk=pk)
    context = {
        "job": row,
        "refusals": checking.refusals(row, SHOWN),
        "worker_alive": servers.worker_alive(servers.local()),
    }
    response = render(request, "lists/job.html", context)
    if request.headers.get("HX-Target") == "job" and not row.moving:
        response["HX-Refresh"] = "true"  # the bar and the menu have changed too
    return response


@require_http_methods(BOTH)
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Import what was checked."""
    row = get_object_or_404(Import, pk=pk)
    if request.method != "POST":
        return redirect("lists:job", pk)
    try:
        imports.confirm(job=row)
    except NotNow as cause:
        messages.error(request, str(cause))
    return redirect("lists:job", pk)


@require_http_methods(BOTH)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a file."""
    row = get_object_or_404(Import, pk=pk)
    if request.method != "POST":
        return redirect("lists:job", pk)
    try:
        imports.cancel(job=row)
        messages.info(request, f"{row.name} is forgotten. Nothing was changed.")
    except NotNow as cause:
        messages.error(request, str(cause))
    return redirect("lists:upload")


@require_safe
def refused(request: HttpRequest, pk: int) -> FileResponse:
    """Every refused line, with its number and the reason."""
    report = get_object_or_404(Import, pk=pk).report
    if not report.exists():
        raise Http404("no report")
    return FileResponse(report.open("rb"), as_attachment=True, filename="refused.csv")
