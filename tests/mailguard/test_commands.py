"""The command line, against a running mailguard, as a script would use it."""

import pytest

from tests.support.site import Site

KEY = "reject_unknown_sender_domain"


def test_a_script_sets_plans_applies_and_reads_the_history(site: Site) -> None:
    code, told = site.manage("set", f"{KEY}=test", "--reason", "a script")
    assert (code, told["changes"][0]["after"]) == (0, "test")
    code, planned = site.manage("plan")
    assert "warn_if_reject reject_unknown_sender_domain" in planned["files"][0]["diff"]
    assert planned["action"] == "restart"
    code, told = site.manage("apply", "--reason", "a script")
    assert (code, told["outcome"]) == (0, "applied")
    assert all(step["ok"] for step in told["steps"])
    _, told = site.manage("history")
    newest = told["revisions"][0]
    assert newest["actor"].startswith("cli:")
    assert newest["changes"] == [{"what": KEY, "before": "off", "after": "test"}]


def test_an_empty_draft_applies_nothing(site: Site) -> None:
    site.manage("discard")
    code, told = site.manage("apply", "--reason", "nothing")
    assert (code, told["outcome"], told["revision"]) == (0, "nothing", None)


def test_controls_are_listed_with_both_modes(site: Site) -> None:
    _, told = site.manage("controls")
    assert {"key", "mode", "live_mode", "modes", "title", "risk"} <= set(
        told["controls"][0]
    )


def test_the_recorder_is_listed_as_off_or_on(site: Site) -> None:
    _, told = site.manage("controls")
    [recorder] = [each for each in told["controls"] if each["key"] == "recorder"]
    assert (recorder["modes"], recorder["risk"]) == (["off", "on"], "low")


def test_status_says_what_is_alive(site: Site) -> None:
    code, told = site.manage("status")
    assert code == 0
    assert told["postfix"] == "running"
    assert told["worker"]
    assert told["broker"]
    assert not told["drift"]


@pytest.mark.parametrize(
    "pair",
    ["nonsense=on", f"{KEY}=maybe", KEY, "a\nb=on", "$x=on", "#=on", "{=on", "'=on"],
)
def test_bad_input_is_quoted_and_exits_2(site: Site, pair: str) -> None:
    before = site.manage("controls")
    code, told = site.manage("set", f"{KEY}=on", pair)
    assert code == 2
    assert told["error"] == "bad_input"
    assert told["quoted"] in pair
    assert site.manage("controls") == before


def test_recover_finds_nothing_after_a_clean_apply(site: Site) -> None:
    code, told = site.manage("recover")
    assert (code, told["recovered"]) == (0, [])


def test_a_restore_brings_a_revision_back(site: Site) -> None:
    site.manage("set", f"{KEY}=on")
    _, before = site.manage("apply", "--reason", "a script")
    site.manage("set", f"{KEY}=off")
    site.manage("apply", "--reason", "a mistake")
    number = str(before["revision"])
    code, told = site.manage("restore", number, "--reason", "it was better")
    assert (code, told["outcome"]) == (0, "applied")
    assert {"revision", "steps", "findings", "cause"} <= set(told)
    code, told = site.manage("restore", number, "--reason", "again")
    assert (code, told["outcome"], told["revision"]) == (0, "nothing", None)


def test_a_restore_as_a_draft_only_waits(site: Site) -> None:
    code, told = site.manage("restore", "1", "--reason", "look", "--draft")
    assert (code, told["revision"]) == (0, None)
    assert told["pending"] == site.manage("status")[1]["pending"] > 0
    site.manage("discard")


@pytest.mark.parametrize("number", ["99", "0", "-1", "x", "1.5", "9" * 60, "²"])
def test_a_revision_that_is_none_is_quoted_and_exits_2(site: Site, number: str) -> None:
    code, told = site.manage("restore", number, "--reason", "x")
    assert (code, told["quoted"]) == (2, number)


def test_a_panic_sets_rules_to_test_and_says_when_there_is_none(site: Site) -> None:
    code, told = site.manage("panic")
    assert (code, told["outcome"]) == (0, "applied")
    modes = {each["key"]: each for each in site.manage("controls")[1]["controls"]}
    assert (modes[KEY]["mode"], modes[KEY]["live_mode"]) == ("test", "test")
    code, told = site.manage("panic", "--reason", "again")
    assert (code, told["outcome"], told["revision"]) == (0, "nothing", None)
