"""An adopted practice server in the database, with Alice, its administrator."""

import pytest
from django.test import Client

from mailguard.accounts.models import User
from mailguard.audit.services import Actor
from mailguard.changes import worker
from mailguard.servers.models import Server
from tests.support.practice import Practice


@pytest.fixture
def server(practice: Practice, db: None) -> Server:
    """The server `local`, adopted as it was found."""
    made = Server.objects.create(
        name="local", config_dir=str(practice.instance.config_dir)
    )
    worker.tend(made)
    made.refresh_from_db()
    return made


@pytest.fixture
def user(db: None) -> User:
    """Alice."""
    return User.objects.create_user("alice", password="a long enough one")


@pytest.fixture
def alice(user: User) -> Actor:
    """Alice as the author of a change."""
    return Actor(user.pk, "alice", "192.0.2.1")


@pytest.fixture
def client(user: User) -> Client:
    """Alice's browser, signed in."""
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture(autouse=True)
def _home(settings: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Checkpoints of one test are not another's."""
    settings.HOME = tmp_path_factory.mktemp("home")  # type: ignore[attr-defined]
