"""Mail search: find attempts, and look at one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from mailguard.servers import services as servers
from mailguard.servers.models import Live, Server
from mailguard.traffic.envelopes import sender_domain
from mailguard.traffic.letting import MOST, patterns
from mailguard.traffic.models import Attempt, Log
from mailguard.traffic.questions import only_words
from mailguard.traffic.search import PERIODS, VERDICTS, Page, Search
from mailguard.traffic.sparing import spares
from mailguard.traffic.stories import Story, ticket
from mailguard.traffic.words import CHOICES, rule
from postfixconf.errors import BadValue

__all__ = ["attempt", "index"]


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Why did that mail not arrive?"""
    search, server = Search.of(request.GET), servers.local()
    after, trouble = request.GET.get("after", ""), ""
    try:
        page = search.page(server, after)
    except BadValue as cause:
        page, trouble = Page([]), str(cause)
    context = {
        "search": search,
        "page": page,
        "stories": [Story(row) for row in page.rows],
        "first": not after,
        "trouble": trouble,
        "periods": [(key, title) for key, (title, _) in PERIODS.items()],
        "verdicts": VERDICTS.items(),
        "controls": controls(search.control),
    }
    if not page.rows:
        context |= read_so_far(server)
        context["words"] = only_words(search.text)
        context["narrowed"] = search != Search(text=search.text)
    return render(request, "traffic/search.html", context)


def controls(chosen: str) -> list[tuple[str, str]]:
    """What can be chosen, with what was chosen by a link."""
    if not chosen or chosen in dict(CHOICES):
        return CHOICES
    return [*CHOICES, (chosen, rule(chosen).title)]


def read_so_far(server: Server) -> dict[str, object]:
    """How much of the log an empty answer stands on."""
    return {
        "log": Log.objects.filter(server=server).first(),
        "oldest": Attempt.objects.order_by("at").defer("raw").first(),
    }


@require_safe
def attempt(request: HttpRequest, pk: int) -> HttpResponse:
    """What happened to one mail, why, and how to let it in."""
    row = get_object_or_404(Attempt, pk=pk)
    story = Story(row)
    context = {
        "row": row,
        "story": story,
        "rules": [(key, each, since(row, key)) for key, each in story.rules],
        "patterns": patterns(story),
        "spares": spares(story),
        "most": MOST,
        "domain": sender_domain(row),
        "ticket": ticket(story),
    }
    return render(request, "traffic/attempt.html", context)


def since(row: Attempt, key: str) -> int | None:
    """The revision that switched a rule on, where it still stands as it did then."""
    mode = "on" if key == row.control else "test"
    live = Live.objects.filter(server_id=row.server_id, key=key, mode=mode).first()
    return live.since_revision if live else None
