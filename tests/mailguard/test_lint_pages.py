"""The page of findings: what is wrong now, why, and one click where it is safe."""

from pathlib import Path

import pytest
from django.test import Client

from mailguard.audit.models import Change
from mailguard.changes import services, worker
from mailguard.protection.models import Setting
from mailguard.servers import services as servers
from mailguard.servers.models import Observed, Server
from postfixconf.policy.linting.around import MapState

HELO = "smtpd_helo_required"
CHECK = "smtpd_helo_restrictions = permit_mynetworks, reject_invalid_helo_hostname\n"
FIX = {"fix": f"{HELO}=on"}


@pytest.fixture
def skipped(server: Server) -> Server:
    """A server whose greeting check a client without one skips, adopted so."""
    append(server, CHECK)
    return server


def append(server: Server, lines: str) -> None:
    """Write lines into its main.cf by hand, and let the worker see them."""
    path = Path(server.config_dir) / "main.cf"
    with path.open("a") as file:
        file.write(lines)
    worker.tend(server)


def page(client: Client) -> str:
    """The page's text."""
    return client.get("/findings/").content.decode()


def test_the_page_asks_for_a_sign_in(db: None) -> None:
    assert Client().get("/findings/").status_code == 302


def test_before_the_first_look_the_page_says_so(client: Client, db: None) -> None:
    assert "has not looked at the server yet" in page(client)


def test_a_sound_server_has_nothing_on_the_page(client: Client, server: Server) -> None:
    assert "Nothing was found" in page(client)


def test_a_finding_stands_with_reason_remedy_and_click(
    client: Client, skipped: Server
) -> None:
    text = page(client)
    assert "Warnings" in text
    assert 'data-testid="helo_not_required"' in text
    assert "skips reject_invalid_helo_hostname" in text
    assert "Spam programs do just that." in text
    assert f'value="{HELO}=on"' in text


def test_a_click_changes_the_draft_and_nothing_else(
    client: Client, skipped: Server
) -> None:
    before = (Path(skipped.config_dir) / "main.cf").read_bytes()
    answer = client.post("/findings/mend/", FIX, follow=True).content.decode()
    assert "This waits in the draft" in answer
    assert Setting.objects.get(key=HELO).mode == "on"
    assert Change.objects.latest("pk").reason.startswith("A client that sends no")
    assert (Path(skipped.config_dir) / "main.cf").read_bytes() == before


@pytest.mark.parametrize(
    "text", ["", "disable_vrfy_command=on", f"{HELO}=off", f"{HELO}=on\n", "x"]
)
def test_what_mends_no_finding_changes_nothing(
    client: Client, skipped: Server, text: str
) -> None:
    answer = client.post("/findings/mend/", {"fix": text}, follow=True)
    assert "mended already: nothing was changed" in answer.content.decode()
    assert not Setting.objects.exclude(mode="off").filter(key=HELO).exists()


def test_what_a_stranger_wrote_is_text(client: Client, server: Server) -> None:
    append(server, "smtpd_sender_restrictions = <script>alert(1)</script>\n")
    assert "&lt;script&gt;" in page(client)
    assert "<script>alert" not in page(client)


def test_the_worker_keeps_how_tables_stand(server: Server, client: Client) -> None:
    table = Path(server.config_dir) / "list"
    append(server, f"smtpd_client_restrictions = check_client_access hash:{table}\n")
    seen = servers.last_observed(server)
    assert seen is not None
    assert [each.state for each in seen.around.maps] == [MapState.MISSING]
    table.write_text("192.0.2.1 OK\n")
    worker.tend(server)
    assert 'data-testid="map_not_built"' in page(client)
    assert Observed.objects.get().around["maps"][0]["state"] == "not_built"


def test_a_fault_of_before_is_told_in_the_plan_and_forbids_nothing(
    skipped: Server, client: Client
) -> None:
    append(skipped, "virtual_alias_maps = hash:/nowhere/list\n")
    client.post("/findings/mend/", FIX)
    plan = services.plan_of(skipped)
    told = {each.code: each for each in plan.findings}
    assert "map_missing" in told
    assert told["map_missing"].why
    assert not plan.blocking
