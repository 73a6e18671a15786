"""`bin/test`: everything that must hold, in one command, with nothing skipped.

bin/test                       the checks, then the tests on SQLite, on PostgreSQL, and in a browser
bin/test --fast                the checks and the tests on SQLite
bin/test --postgres [ARGS]     the tests on a throwaway PostgreSQL; ARGS go to pytest
bin/test --browser [ARGS]      the browser journeys and the tests that start the whole house
bin/test --campaign NAME       the long form of the campaigns whose name contains NAME
bin/test ARGS                  pytest ARGS, on SQLite
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote
from xml.etree import ElementTree as ET

import psycopg

from havre.config.supervisor import tie

PROJECT = Path(__file__).resolve().parents[1]
PROGRAMS = Path(sys.executable).parent
FLOORS: dict[str, int] = json.loads((Path(__file__).parent / "floors.json").read_text())
SUITE_SECONDS = 30 * 60
UNIT = ("-m", "not browser and not house", "-n", "2")
WHOLE = ("-m", "browser or house")
CHECKS = {
    "ruff check": ("ruff", "check", "--quiet"),
    "ruff format": ("ruff", "format", "--check", "--quiet"),
    "mypy": ("mypy", "--no-error-summary"),
    "import layers": ("lint-imports", "--no-cache"),
}


@dataclass
class Result:
    """What one line of the final table says."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    words: list[str] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    """Run what was asked; 0 when all of it passed and nothing was skipped."""
    signal.signal(signal.SIGTERM, _interrupted)
    start = time.monotonic()
    results: list[Result] = []
    try:
        results.extend(_chosen(arguments))
    except KeyboardInterrupt:
        results.append(Result("interrupted", failed=1, words=["stopped before its end."]))
    _print_table(results, time.monotonic() - start)
    return 1 if any(result.failed or result.skipped for result in results) else 0


def _chosen(arguments: Sequence[str]) -> Iterator[Result]:
    match list(arguments):
        case ["--help" | "-h"]:
            print(__doc__)
            raise SystemExit(0)
        case []:
            yield from checks()
            yield unit_on_sqlite()
            yield unit_on_postgresql()
            yield browser()
        case ["--fast"]:
            yield from checks()
            yield unit_on_sqlite()
        case ["--postgres", *rest]:
            yield unit_on_postgresql(rest)
        case ["--browser", *rest]:
            yield browser(rest)
        case ["--campaign", name]:
            yield suite("campaign", ("-m", "slow", "-k", name), environment={"CAMPAIGN": name})
        case rest:
            yield suite("sqlite", rest)


# --- the stages ---


def checks() -> Iterator[Result]:
    """Style, types, layers."""
    with tempfile.TemporaryDirectory() as home:
        for name, command in CHECKS.items():
            yield _check(name, command, {"HAVRE_HOME": home})


def _check(name: str, command: Sequence[str], environment: dict[str, str]) -> Result:
    print(f"\n=== {name}", flush=True)
    start = time.monotonic()
    words = [str(PROGRAMS / command[0]), *command[1:]]
    code = subprocess.run(words, cwd=PROJECT, env=_environment(environment), check=False).returncode
    seconds = time.monotonic() - start
    return Result(name, failed=1, seconds=seconds) if code else Result(name, passed=1, seconds=seconds)


def unit_on_sqlite() -> Result:
    """Every test but those of the browser suite."""
    return suite("sqlite", UNIT, floor=True)


def unit_on_postgresql(arguments: Sequence[str] = ()) -> Result:
    """The same on a server that is made for the run and removed after it."""
    try:
        with postgresql() as url:
            return suite(
                "postgresql",
                [*UNIT, *arguments],
                floor=not arguments,
                environment={"HAVRE_DATABASE_URL": url},
            )
    except Missing as missing:
        return Result("postgresql", failed=1, words=[str(missing)])


def browser(arguments: Sequence[str] = ()) -> Result:
    """Journeys in a real browser, and the house started and killed for real."""
    if not shutil.which("chromium"):
        return Result("browser", failed=1, words=["chromium is missing and bin/setup could not install it."])
    return suite("browser", [*WHOLE, *arguments], floor=not arguments)


def suite(
    name: str, arguments: Sequence[str], *, floor: bool = False, environment: dict[str, str] | None = None
) -> Result:
    """One run of pytest, counted from its own report."""
    print(f"\n=== tests: {name}", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        code = _pytest([*arguments, f"--junit-xml={report}"], environment or {})
        result = _counted(name, report)
    result.seconds = time.monotonic() - start
    _judge(result, code, FLOORS.get(name, 1) if floor else 1)
    return result


def _pytest(arguments: Sequence[str], environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=_environment(environment), preexec_fn=tie(os.getpid())
    )
    try:
        return process.wait(timeout=SUITE_SECONDS)
    except subprocess.TimeoutExpired:
        return -1
    finally:
        _stop(process, signal.SIGINT)


def _stop(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _counted(name: str, report: Path) -> Result:
    result = Result(name)
    if not report.exists():
        return result
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own file
        title = f"{case.get('classname')}.{case.get('name')}"
        skips = case.findall("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            result.failed += 1
        elif skips:
            result.skipped += 1
            result.words += [f"skipped: {title}: {skip.get('message')}" for skip in skips]
        else:
            result.passed += 1
    return result


def _judge(result: Result, code: int, floor: int) -> None:
    """Add the failures that pytest does not count: a crash, too few tests."""
    if code not in (0, 1) or (code == 1 and not result.failed):
        result.failed += 1
        result.words.append(f"pytest ended with code {code}.")
    elif (ran := result.passed + result.failed) < floor:
        result.failed += 1
        result.words.append(f"only {ran} tests ran, where at least {floor} must (tests/floors.json).")


def _environment(more: dict[str, str]) -> dict[str, str]:
    """The caller's, without its own Havre and Django settings."""
    dropped = ("HAVRE_", "DJANGO_SETTINGS_MODULE", "CAMPAIGN")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)} | more


# --- a PostgreSQL of our own ---


class Missing(Exception):
    """A program that the tests need is not here; the message is a sentence."""


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A server on a Unix socket in a folder of its own, not durable, gone at the end; gives its URL."""
    programs = _postgresql_programs()
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="havre-pg-", dir="/tmp"))  # short, and no capitals
    try:
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        _as(account, [programs / "initdb", "-D", folder / "data", *_INITDB]).wait()
        server = _as(account, [programs / "postgres", "-D", folder / "data", "-k", folder, *_SERVER])
        try:
            url = f"postgresql://havre@{quote(str(folder), safe='')}/postgres"
            _wait_until_ready(url, server)
            yield url
        finally:
            _stop(server, signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_INITDB = ("-U", "havre", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
_SERVER = tuple(
    word
    for setting in ("listen_addresses=", "fsync=off", "full_page_writes=off", "synchronous_commit=off")
    for word in ("-c", setting)
)


def _postgresql_programs() -> Path:
    """The folder of the newest server's programs: Debian's place, then the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    found = [folder for folder in found if (folder / "initdb").exists()]
    on_path = shutil.which("initdb")
    if not found and on_path:
        found = [Path(on_path).resolve().parent]
    if not found:
        raise Missing("PostgreSQL is missing and bin/setup could not install it.")
    return found[-1]


def _account() -> pwd.struct_passwd | None:
    """Who runs the server: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _as(account: pwd.struct_passwd | None, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
    log = subprocess.DEVNULL
    tied: Callable[[], None] = tie(os.getpid())
    if account is None:
        return subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=tied, start_new_session=True)
    return subprocess.Popen(
        command,
        cwd="/",
        stdout=log,
        stderr=log,
        preexec_fn=tied,
        start_new_session=True,
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
    )


def _wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url):
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise Missing("PostgreSQL is installed but did not start.")


# --- the end ---


def _print_table(results: Sequence[Result], seconds: float) -> None:
    print("\n" + f"{'':15}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for one in results:
        print(f"{one.name:15}{one.passed:8}{one.failed:8}{one.skipped:9}{one.seconds:9.1f}")
    for one in results:
        for sentence in one.words:
            print(f"{one.name}: {sentence}")
    print(f"{seconds:.0f} s in all")
    passed, failed, skipped = (
        sum(getattr(one, kind) for one in results) for kind in ("passed", "failed", "skipped")
    )
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
