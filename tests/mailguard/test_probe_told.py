"""The service that mailguard adds to master.cf is explained where it comes."""

from django.template.loader import render_to_string

from mailguard.changes.templatetags.changes import probes

MASTER = "--- a\n+++ b\n@@ -1 +1,2 @@\n smtp inet n - y - - smtpd\n"
OURS = "+mailguard unix  y       -       y       -       -       smtpd\n"


def test_a_diff_that_adds_the_probe_service_says_what_it_is() -> None:
    said = render_to_string(
        "changes/diffs.html", {"diffs": {"master.cf": MASTER + OURS}}
    )
    assert "no network reaches it" in said


def test_any_other_diff_says_nothing_of_it() -> None:
    assert not probes(MASTER + "+submission inet n - y - - smtpd\n")
    assert not probes(MASTER + "-" + OURS[1:])
