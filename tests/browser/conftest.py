"""Pages that are signed in: in both themes, and without scripts."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.site import Site


def sign_in(page: Page, site: Site) -> None:
    """As the administrator."""
    page.goto(f"{site.url}/login/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", site.password)
    page.click("#submit-id-sign-in")
    page.wait_for_url(f"{site.url}/")


@pytest.fixture(params=["light", "dark"])
def themed(
    browser: Browser, site: Site, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """A signed-in page in one of the two themes, on a phone."""
    context = browser.new_context(
        color_scheme=request.param, viewport={"width": 390, "height": 800}
    )
    page = context.new_page()
    sign_in(page, site)
    yield page
    context.close()


@pytest.fixture
def scriptless(browser: Browser, site: Site) -> Iterator[Page]:
    """A signed-in page that runs no scripts."""
    context = browser.new_context(java_script_enabled=False, base_url=site.url)
    page = context.new_page()
    sign_in(page, site)
    yield page
    context.close()
