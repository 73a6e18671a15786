"""`bin/test` counts honestly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import run

REPORT = """<testsuites><testsuite>
<testcase classname="tests.a" name="good"/>
<testcase classname="tests.a" name="bad"><failure message="no"/></testcase>
<testcase classname="tests.a" name="broken"><error message="no"/></testcase>
<testcase classname="tests.a" name="left_out"><skipped message="no such program"/></testcase>
</testsuite></testsuites>"""


def _result(tmp_path: Path, text: str = REPORT) -> run.Result:
    report = tmp_path / "report.xml"
    report.write_text(text)
    return run._counted("sqlite", report)


def test_each_outcome_is_counted_and_a_skip_is_named(tmp_path: Path) -> None:
    result = _result(tmp_path)
    assert (result.passed, result.failed, result.skipped) == (1, 2, 1)
    assert result.words == ["skipped: tests.a.left_out: no such program"]


def test_a_run_with_a_skip_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(run, "_chosen", lambda arguments: [run.Result("sqlite", passed=3, skipped=1)])
    assert run.main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "3 passed, 0 failed, 1 skipped"


def test_a_run_that_stopped_before_its_report_fails(tmp_path: Path) -> None:
    result = run._counted("sqlite", tmp_path / "nothing.xml")
    run._judge(result, -9, 1)
    assert result.failed == 1


def test_fewer_tests_than_the_floor_is_a_failure(tmp_path: Path) -> None:
    result = run.Result("sqlite", passed=10)
    run._judge(result, 0, 11)
    assert result.failed == 1
    assert result.words == ["only 10 tests ran, where at least 11 must (tests/floors.json)."]


def test_no_test_at_all_is_a_failure() -> None:
    result = run.Result("sqlite")
    run._judge(result, 5, 1)
    assert result.failed == 1


def test_a_missing_browser_or_database_is_a_failure_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise run.Missing("PostgreSQL is missing and bin/setup could not install it.")

    monkeypatch.setattr(run, "_postgresql_programs", missing)
    monkeypatch.setattr("shutil.which", lambda name: None)
    for result in (run.unit_on_postgresql(), run.browser()):
        assert result.failed == 1
        assert result.words[0].endswith("is missing and bin/setup could not install it.")
