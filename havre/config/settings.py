"""Django's settings, made from the environment (`env.py`). Nothing else reads the environment."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from django.utils.csp import CSP

from havre.config import env

_env = env.read()

HOME: Path = _env["HAVRE_HOME"]
KEEPER: str = ",".join(_env["HAVRE_KEEPER"])
KEEPER_CERTIFICATES: Path = _env["HAVRE_KEEPER_CERTIFICATES"]
READING_SOCKET = HOME / "run" / "reading.sock"
BLOBS = HOME / "blobs"
ARRIVALS = HOME / "arrivals"
OUTBOX_FILES = HOME / "outbox"
DEMO: bool = _env["HAVRE_DEMO"]
ORIGIN: str = _env["HAVRE_URL"]
HTTPS = ORIGIN.startswith("https://")
UPLOAD_BYTES: int = _env["HAVRE_UPLOAD_MB"] * 1_000_000


def _secret_key() -> str:
    """Django's signing key: made once, kept in HAVRE_HOME, readable by its owner alone."""
    path = HOME / "secret_key"
    HOME.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        draft = path.with_name(f".secret_key.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            path.hardlink_to(draft)  # whole or not at all, and the first one wins
        draft.unlink()
    return path.read_text()


SECRET_KEY = _secret_key()
DEBUG = False
ALLOWED_HOSTS = [*_env["HAVRE_HOSTS"], urlsplit(ORIGIN).hostname or ""]
ROOT_URLCONF = "havre.config.urls"
WSGI_APPLICATION = "havre.config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": env.database(_env["HAVRE_DATABASE_URL"], HOME)}

INSTALLED_APPS = [
    "havre.core",
    "havre.ui",
    "havre.audit",
    "havre.inbox",
    "havre.outbox",
    "havre.accounts",
    "havre.organisations",
    "havre.people",
    "havre.vault",
    "havre.operations",
    "havre.portal",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_tasks_db",
]

if DEMO:
    INSTALLED_APPS.append("demo")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "havre.ui.middleware.compress_public_pages",
    "havre.ui.middleware.headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "havre.ui.middleware.language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "havre.accounts.middleware.sign_in",
    "havre.organisations.middleware.seat",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "havre.ui.middleware.faults",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "havre.ui.context.page",
            ],
            "builtins": [
                "havre.ui.templatetags.ui",
                "django.templatetags.i18n",
                "django.templatetags.static",
            ],
        },
    }
]

# --- who signs in ---
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["havre.accounts.backend.Backend"]
PASSWORD_HASHERS = ["havre.accounts.hashers.Argon2id"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "havre.accounts.breached.NotBreached"},
]
LOGIN_URL = "sign-in"
SESSION_ENGINE = "havre.accounts.sessions"
_prefix = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_prefix}havre"
CSRF_COOKIE_NAME = f"{_prefix}havre-csrf"
LANGUAGE_COOKIE_NAME = f"{_prefix}havre-langue"
KNOWN_COOKIE_NAME = f"{_prefix}havre-connu"  # a professional signed in with this browser (accounts.actions)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_AGE = (
    34 * 3600
)  # a session lasts 10 hours (`sessions.WHOLE`); its row a day more, for late drafts
CSRF_COOKIE_AGE = None
CSRF_TRUSTED_ORIGINS = [ORIGIN]
CSRF_FAILURE_VIEW = "havre.ui.views.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- what browsers may do ---
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:", "blob:"],
    "connect-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "worker-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
}

# --- what comes in ---
FILE_UPLOAD_HANDLERS = ["havre.core.arrivals.SealingUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FILES = 20

# --- languages ---
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English"), ("ar", "العربية")]
LOCALE_PATHS = [env.PROJECT / "locale"]
USE_I18N = True
FORMAT_MODULE_PATH = ["havre.config.formats"]
TIME_ZONE: str = _env["HAVRE_TIME_ZONE"]
USE_TZ = True

# --- files served ---
STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = False

# --- work done aside ---
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": _env["HAVRE_LOG_LEVEL"]},
    "loggers": {
        "django.request": {"level": "ERROR"},  # its warnings hold addresses, and an invitation's is a secret
        "django": {"handlers": [], "level": _env["HAVRE_LOG_LEVEL"], "propagate": True},
    },
}
