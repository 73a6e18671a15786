"""The settings of a test run: the real ones, on a home folder of its own that disappears with the process.

Each xdist worker is a process, so each has its own home, keeper and database. PostgreSQL when
HAVRE_DATABASE_URL says so; every other HAVRE_ variable of the caller is ignored.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def _roomy(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 1_000_000_000


def _own_home() -> str:
    """A short path (a Unix socket's is limited to 108 bytes), in memory where the machine can."""
    memory = Path("/dev/shm")  # noqa: S108
    home = tempfile.mkdtemp(prefix="havre-", dir=memory if _roomy(memory) else None)
    maker = os.getpid()
    atexit.register(lambda: shutil.rmtree(home, ignore_errors=True) if os.getpid() == maker else None)
    return home


for _name in [name for name in os.environ if name.startswith("HAVRE_")]:
    if _name not in ("HAVRE_DATABASE_URL", "HAVRE_PYTHON"):
        del os.environ[_name]
os.environ["HAVRE_HOME"] = _own_home()

from havre.config.settings import *  # noqa: E402, F403
from havre.config.settings import DATABASES, HOME, STATIC_ROOT, STORAGES  # noqa: E402

if DATABASES["default"]["ENGINE"] == "havre.core.sqlite":
    DATABASES["default"]["TEST"] = {"NAME": str(HOME / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"

Path(STATIC_ROOT).mkdir()
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
