"""Settings: every one that a person may change is a MAILGUARD_* variable."""

import hashlib
import secrets
from pathlib import Path

import bootstrap
import environ
from csp.constants import NONE, SELF

ROOT = Path(__file__).resolve().parent.parent
env = environ.Env()

HOME = Path(env.str("MAILGUARD_HOME", default=str(ROOT / "var"))).resolve()
BIND = env.str("MAILGUARD_BIND", default="127.0.0.1:8000")
# Empty: the practice server under HOME is looked after.
CONFIG_DIR = env.str("MAILGUARD_CONFIG_DIR", default="")
HTTPS = env.bool("MAILGUARD_HTTPS", default=False)


def kept_secret(path: Path) -> str:
    """The secret in `path`, made at the first call and readable by us alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()


def socket_path(name: str) -> Path:
    """Where a private socket stands: under HOME unless its path is too long.

    The kernel takes at most 107 bytes.
    """
    path = HOME / "run" / name
    if len(str(path)) <= 100:
        return path
    short = hashlib.sha256(str(HOME).encode()).hexdigest()[:12]
    return Path("/run") / f"mailguard-{short}" / name


SECRET_KEY = env.str("MAILGUARD_SECRET_KEY", default="") or kept_secret(
    HOME / "secret_key"
)
DEBUG = False
ALLOWED_HOSTS = env.list(
    "MAILGUARD_HOSTS",
    default=["127.0.0.1", "localhost", "[::1]", BIND.rpartition(":")[0]],
)
CSRF_TRUSTED_ORIGINS = env.list("MAILGUARD_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "django_htmx",
    "mailguard",
    "mailguard.audit",
    "mailguard.accounts",
    "mailguard.servers",
    "mailguard.traffic",
    "mailguard.protection",
    "mailguard.lists",
    "mailguard.greylisting",
    "mailguard.sending",
    "mailguard.changes",
    "mailguard.rehearsals",
    "mailguard.dashboard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "mailguard.concealing.Concealing",
]

ROOT_URLCONF = "mailguard.urls"
WSGI_APPLICATION = "mailguard.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mailguard.dashboard.context.header",
            ],
        },
    },
]

SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": HOME / "mailguard.sqlite3",
    # Without IMMEDIATE and WAL, writers meet "database is locked".
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # The page size counts for a new file only: attempts are long rows.
        "init_command": "PRAGMA page_size=8192; PRAGMA journal_mode=WAL;"
        " PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16000;"
        " PRAGMA wal_autocheckpoint=8000;",
    },
}
# postgres://user:password@host/name; empty: SQLite under HOME.
DATABASE_URL = env.str("MAILGUARD_DATABASE_URL", default="")
DATABASES = {"default": env.db_url_config(DATABASE_URL) if DATABASE_URL else SQLITE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "dashboard:home"
LOGOUT_REDIRECT_URL = "accounts:login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator")
]

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

STATIC_URL = "static/"
STATICFILES_DIRS = [
    ROOT / "static",
    ("bootstrap", Path(bootstrap.__path__[0]) / "css"),
]
WHITENOISE_USE_FINDERS = True

CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"
USE_TZ = True
TIME_ZONE = env.str("MAILGUARD_TIME_ZONE", default="UTC")
LANGUAGE_CODE = "en"

BROKER_SOCKET = socket_path("broker.sock")
CELERY_BROKER_URL = env.str(
    "MAILGUARD_BROKER_URL", default=f"redis+socket://{BROKER_SOCKET}?virtual_host=0"
)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Lost messages come back after two minutes, longer than any task may run.
    "visibility_timeout": 120,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 2,
    "socket_timeout": 2,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "server.local"
CELERY_BEAT_SCHEDULE_FILENAME = str(HOME / "run" / "beat-schedule")
# Task, seconds from one turn to the next, arguments. A turn that is not taken before
# the next one is due is dropped.
TURNS = {
    "tend the server": ("mailguard.changes.tasks.tend", 5, ["local"]),
    "watch the blocklists": ("mailguard.changes.tasks.watch_lists", 5, ["local"]),
    "follow the mail log": ("mailguard.traffic.tasks.follow", 2, ["local"]),
    "read older logs": ("mailguard.traffic.tasks.read_older", 2, ["local"]),
    "weigh the evidence": ("mailguard.traffic.tasks.weigh", 3, ["local"]),
    "see who sends as us": ("mailguard.protection.tasks.watch_senders", 5, ["local"]),
    "ask the DNS for MX": ("mailguard.protection.tasks.look_up_mx", 10, ["local"]),
    "suggest whom not to greylist": ("mailguard.traffic.tasks.suggest", 300, ["local"]),
    "look after greylisting": ("mailguard.greylisting.tasks.tend", 5, ["local"]),
    "count who waited": ("mailguard.greylisting.tasks.count", 60, ["local"]),
    "forget old attempts": ("mailguard.traffic.tasks.forget", 20, ["local"]),
    "refresh postgrey's list": ("mailguard.greylisting.tasks.refresh", 5, ["local"]),
    "see who could send": ("mailguard.sending.tasks.see_readiness", 5, ["local"]),
    "get on with imports": ("mailguard.lists.tasks.tend", 15, []),
    "get on with rehearsals": ("mailguard.rehearsals.tasks.go_on", 5, ["local"]),
    "forget old trials": ("mailguard.rehearsals.tasks.forget", 3600, []),
}
CELERY_BEAT_SCHEDULE = {
    name: {
        "task": task,
        "schedule": float(seconds),
        "args": args,
        "options": {"queue": CELERY_TASK_DEFAULT_QUEUE, "expires": seconds},
    }
    for name, (task, seconds, args) in TURNS.items()
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
