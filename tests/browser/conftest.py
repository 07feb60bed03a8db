"""Pages that are signed in: in both themes, and without scripts."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.support.site import Site

expect.set_options(timeout=30_000)  # milliseconds; a busy machine is slow


def sign_in(page: Page, site: Site) -> None:
    """As the administrator."""
    page.goto(f"{site.url}/login/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", site.password)
    page.click("#submit-id-sign-in")
    page.wait_for_url(f"{site.url}/")


@pytest.fixture(scope="module")
def signed_in(browser: Browser, site: Site) -> StorageState:
    """What a browser keeps once Alice has signed in; a password is slow to check."""
    with browser.new_context() as context:
        sign_in(context.new_page(), site)
        return context.storage_state()


@pytest.fixture
def page(browser: Browser, site: Site, signed_in: StorageState) -> Iterator[Page]:
    """A page of the running site, Alice signed in as its administrator."""
    with browser.new_context(base_url=site.url, storage_state=signed_in) as context:
        yield context.new_page()


@pytest.fixture(params=["light", "dark"])
def themed(
    browser: Browser,
    site: Site,
    signed_in: StorageState,
    request: pytest.FixtureRequest,
) -> Iterator[Page]:
    """A signed-in page in one of the two themes, on a phone."""
    with browser.new_context(
        base_url=site.url,
        storage_state=signed_in,
        color_scheme=request.param,
        viewport={"width": 390, "height": 800},
    ) as context:
        yield context.new_page()


@pytest.fixture
def scriptless(browser: Browser, site: Site, signed_in: StorageState) -> Iterator[Page]:
    """A signed-in page that runs no scripts."""
    with browser.new_context(
        base_url=site.url, storage_state=signed_in, java_script_enabled=False
    ) as context:
        yield context.new_page()


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def either(request: pytest.FixtureRequest) -> Page:
    """A signed-in page with scripts, and one without."""
    page: Page = request.getfixturevalue("page" if request.param else "scriptless")
    return page
