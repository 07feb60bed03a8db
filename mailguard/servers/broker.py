"""The broker that hands tasks to the worker: whether it is there."""

from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

__all__ = ["broker_alive"]

# Without this a client tries three times, for six seconds.
IMPATIENT: dict[str, Any] = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "retry": Retry(NoBackoff(), 0),
}


def broker_alive() -> bool:
    """Whether the broker answers within a second."""
    url = settings.CELERY_BROKER_URL
    if url.startswith("redis+socket://"):
        path = url.removeprefix("redis+socket://").partition("?")[0]
        client = redis.Redis(unix_socket_path=path, **IMPATIENT)
    else:
        client = redis.Redis.from_url(url, **IMPATIENT)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()
