"""A task for the tests of the worker."""

import time
from pathlib import Path

from django.tasks import task


@task
def slow_chore(path: str, seconds: float) -> str:
    """Say that it started, take its time, say that it is done."""
    with Path(path).open("a") as file:
        file.write("started\n")
    time.sleep(seconds)
    with Path(path).open("a") as file:
        file.write("done\n")
    return "done"
