"""Settings come from the environment only; each is declared here once, and documented in `docs/settings.md`.

A wrong value stops the start with one sentence that says what to do (`WrongSetting`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

PROJECT = Path(__file__).resolve().parents[2]


class WrongSetting(SystemExit):
    """An operator's mistake: one sentence on the error output, exit code 2."""

    def __init__(self, sentence: str) -> None:
        super().__init__(f"Havre cannot start: {sentence}")
        self.sentence = sentence


@dataclass(frozen=True)
class Setting:
    """One environment variable: its name, its default as documented, what it does, and its parser."""

    name: str
    default: str
    about: str
    parse: Callable[[str], Any]

    def read(self, environ: Mapping[str, str]) -> Any:
        text = environ.get(self.name, "").strip() or self.default
        try:
            return self.parse(text)
        except ValueError as error:
            raise WrongSetting(f"{self.name}={text!r}: {error}.") from error


def _path(text: str) -> Path:
    return (PROJECT / Path(text).expanduser()).resolve()


def _optional_path(text: str) -> Path | None:
    return _path(text) if text else None


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("write 1 for yes, 0 for no")
    return text == "1"


def _between(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return int(text)

    return parse


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("write the address that people type, like https://havre.example, without a path")
    return f"{parts.scheme}://{parts.netloc}"


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("write an IANA time zone, like Europe/Paris") from error
    return text


def _level(text: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError("write DEBUG, INFO, WARNING or ERROR")
    return text.upper()


def _list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _addresses(text: str) -> list[str]:
    return [_address(item) for item in _list(text)]


def _address(text: str) -> str:
    """A path, absolute, or tls://host:port as it is."""
    if "://" not in text:
        return str(_path(text.removeprefix("unix:")))
    _host_and_port(text.removeprefix("tls://"))
    return text


def _host_and_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text and (not host or "/" in host or not port.isdecimal() or int(port) > 65535):
        raise ValueError("write a path, or a host and a port, like keeper.example:7443")
    return text


def _copy(text: str) -> str:
    return text if text in ("", "none") else _address(text)


def _root(text: str) -> str:
    if not re.fullmatch(r"file|credential|passphrases|transit(:[\w./-]+)?", text):
        raise ValueError("write file, credential, passphrases or transit:NAME")
    return text


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0.1 <= factor <= 1000:
        raise ValueError("write a number from 0.1 to 1000")
    return factor


def _database_url(text: str) -> str:
    if text and urlsplit(text).scheme not in ("sqlite", "postgres", "postgresql"):
        raise ValueError("write postgres://user:password@host/name, or leave it out for SQLite")
    return text


SETTINGS = (
    Setting("HAVRE_HOME", "var", "The folder that holds all state.", _path),
    Setting("HAVRE_USER", "", "Started by root: the system user of all but the keeper.", str),
    Setting(
        "HAVRE_KEEPER",
        "",
        "Where the keeper answers: paths of sockets and `tls://host:port`, between commas; "
        "empty: a socket in HAVRE_HOME.",
        _addresses,
    ),
    Setting(
        "HAVRE_KEEPER_CERTIFICATES",
        "",
        "The folder of our certificates for `tls://`, if not `certificates` in HAVRE_HOME.",
        _optional_path,
    ),
    Setting("HAVRE_KEEPER_USER", "", "Started by root: the system user of the keeper.", str),
    Setting("HAVRE_KEEPER_HOME", "", "The keeper's folder, if not `keeper` in HAVRE_HOME.", _optional_path),
    Setting(
        "HAVRE_KEEPER_COPY",
        "",
        "The keeper's second copy: a folder, `tls://host:port` of a standby, or `none`; "
        "empty: `keeper-copy` in HAVRE_HOME.",
        _copy,
    ),
    Setting(
        "HAVRE_KEEPER_ROOT",
        "file",
        "Where the keeper's root is: `file`, `credential`, `passphrases` or `transit:NAME`.",
        _root,
    ),
    Setting(
        "HAVRE_KEEPER_LISTEN",
        "",
        "`host:port` where the keeper listens too, with its folder's `certificates`.",
        _host_and_port,
    ),
    Setting("HAVRE_KEEPER_SCALE", "1", "Multiplies the keeper's budgets, for a large instance.", _factor),
    Setting("HAVRE_KEEPER_USERS", "", "Other system users who may use the keeper's socket.", _list),
    Setting("HAVRE_DATABASE_URL", "", "`postgres://…`; empty: SQLite in HAVRE_HOME.", _database_url),
    Setting("HAVRE_URL", "http://127.0.0.1:8000", "The address that people type.", _origin),
    Setting("HAVRE_HOSTS", "localhost,127.0.0.1,[::1]", "Host names answered, beside HAVRE_URL's.", _list),
    Setting("HAVRE_ADDRESS", "127.0.0.1", "The network address that the web process listens on.", str),
    Setting("HAVRE_PORT", "8000", "The port that the web process listens on.", _between(1, 65535)),
    Setting("HAVRE_DEMO", "0", "1 shows the demo banner and the demo's message viewer.", _flag),
    Setting("HAVRE_TIME_ZONE", "Europe/Paris", "The time zone of the screens.", _zone),
    Setting("HAVRE_UPLOAD_MB", "50", "The largest paper that is taken, in megabytes.", _between(1, 1000)),
    Setting("HAVRE_WEB_THREADS", "4", "Threads of the web process.", _between(1, 64)),
    Setting("HAVRE_LOG_LEVEL", "WARNING", "How much is logged.", _level),
)


def read(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """All settings, parsed; raises WrongSetting on the first that is wrong or unknown."""
    known = {setting.name for setting in SETTINGS} | {"HAVRE_PYTHON"}
    for name in environ:
        if name.startswith("HAVRE_") and name not in known:
            raise WrongSetting(f"{name} is not a setting; docs/settings.md lists them.")
    values = {setting.name: setting.read(environ) for setting in SETTINGS}
    home, apart = values["HAVRE_HOME"], bool(values["HAVRE_KEEPER_USER"])
    values["HAVRE_KEEPER_HOME"] = values["HAVRE_KEEPER_HOME"] or home / "keeper"
    values["HAVRE_KEEPER_COPY"] = values["HAVRE_KEEPER_COPY"] or str(home / "keeper-copy")
    values["HAVRE_KEEPER_CERTIFICATES"] = values["HAVRE_KEEPER_CERTIFICATES"] or home / "certificates"
    values["HAVRE_KEEPER"] = values["HAVRE_KEEPER"] or [
        str(home / ("keeper-run" if apart else "run") / "keeper.sock")
    ]
    return values


def database(url: str, home: Path) -> dict[str, Any]:
    """Django's DATABASES["default"] for a database URL; SQLite in `home` when it is empty."""
    parts = urlsplit(url)
    if parts.scheme in ("postgres", "postgresql"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"connect_timeout": 5},
        }
    return {
        "ENGINE": "havre.core.sqlite",
        "NAME": str(Path(unquote(parts.path)) if parts.path else home / "havre.sqlite3"),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 5,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; "
            "PRAGMA temp_store=MEMORY;",
        },
    }
