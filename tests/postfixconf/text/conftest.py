"""What the tests of the text room share: Postfix's own opinion."""

import pytest

from tests.support.postconf import Postconf


@pytest.fixture(scope="session")
def postconf(tmp_path_factory: pytest.TempPathFactory) -> Postconf:
    """postconf(1) on a directory of its own."""
    return Postconf(tmp_path_factory.mktemp("postconf"))
