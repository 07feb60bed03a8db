"""A small file over HTTPS comes whole, from where it was asked for, or not at all."""

from collections.abc import Iterator
from threading import Event

import pytest

from postfixconf.errors import BadValue, NotFetched
from postfixconf.host.download import Fetched, NotModified, fetch, read_url
from tests.support.https import Answer, Web, serving

LIST = b"example.com\nexample.net\n"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server whose certificate this process believes."""
    with serving() as web:
        monkeypatch.setenv("SSL_CERT_FILE", str(web.ca))
        yield web


def refused(url: str, **how: float) -> str:
    """Why it does not come."""
    with pytest.raises(NotFetched) as caught:
        fetch(url, **how)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_file_comes_with_the_name_of_its_version(web: Web) -> None:
    web.answers["/list"] = Answer(LIST, etag='"1"')
    assert fetch(web.url()) == Fetched(LIST, '"1"', "")


def test_the_same_version_does_not_come_again(web: Web) -> None:
    web.answers["/list"] = Answer(LIST, etag='"1"')
    assert fetch(web.url(), etag='"1"') == NotModified()
    assert web.asked[-1][1]["If-None-Match"] == '"1"'


def test_a_certificate_that_nobody_vouches_for_is_not_believed() -> None:
    with serving() as web:
        web.answers["/list"] = Answer(LIST)
        assert "its certificate is not accepted" in refused(web.url())
    assert web.asked == []


def test_a_certificate_of_another_name_is_not_believed(web: Web) -> None:
    web.answers["/list"] = Answer(LIST)
    said = refused(web.url(host="127.0.0.1"))
    assert "cannot prove that it is 127.0.0.1" in said


def test_a_redirect_on_the_same_host_is_followed(web: Web) -> None:
    web.answers |= {"/list": Answer(status=302, moved="/new"), "/new": Answer(LIST)}
    assert fetch(web.url()) == Fetched(LIST)


@pytest.mark.parametrize(
    "moved", ["https://evil.example/list", "http://localhost/list", "//[", ""]
)
def test_a_redirect_to_another_host_is_not_followed(web: Web, moved: str) -> None:
    web.answers["/list"] = Answer(status=301, moved=moved)
    said = refused(web.url())
    assert "not followed" in said
    assert repr(moved) in said
    assert len(web.asked) == 1


def test_a_circle_of_redirects_ends(web: Web) -> None:
    web.answers["/list"] = Answer(status=302, moved="/list")
    assert "without end" in refused(web.url())


@pytest.mark.parametrize("cut", [Answer(LIST, length=99), Answer(LIST, silent=True)])
def test_a_transfer_that_is_cut_off_is_no_file(web: Web, cut: Answer) -> None:
    web.answers["/list"] = cut
    assert "was cut off" in refused(web.url())


def test_more_than_was_allowed_is_not_read(web: Web) -> None:
    web.answers["/list"] = Answer(b"x" * 3_000_000)
    assert "has 3,000,000 bytes" in refused(web.url(), largest=1_000_000)
    web.answers["/list"] = Answer(b"x" * 3_000_000, silent=True)
    assert "more than the 1,000,000" in refused(web.url(), largest=1_000_000)


def test_a_server_that_drips_is_left(web: Web) -> None:
    web.answers["/list"] = Answer(LIST, pause=0.2)
    assert "within 1 seconds" in refused(web.url(), seconds=1.0)


def test_a_server_that_stops_in_the_middle_is_left(web: Web) -> None:
    web.answers["/list"] = Answer(LIST, gate=(gate := Event()))
    assert "within 1 seconds" in refused(web.url(), seconds=1.0)
    gate.set()


def test_what_is_not_there_is_said(web: Web) -> None:
    web.answers["/list"] = Answer(status=404)
    assert "answers '404 Not Found'" in refused(web.url())


def test_nobody_there_is_said() -> None:
    assert "cannot be reached" in refused("https://localhost:1/list")
    assert "not found in the DNS" in refused("https://nxdomain.example/list")


@pytest.mark.parametrize(
    "text",
    ["http://postgrey.example/list", "https://", "https://a b/", "ftp://x/", "list",
     "https://user:secret@x.example/", "https://x.example:99999/", "https://x/#a",
     "https://x.example/\nHost: y"],
)  # fmt: skip
def test_an_address_that_nobody_should_fetch_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        read_url(text)
