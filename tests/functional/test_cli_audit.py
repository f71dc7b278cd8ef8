"""`tocsin audit` as a quality team meets it: the table, the cases, JSON, and mistakes in one line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.functional.test_cli import error, ok
from tests.support.charted import CAR_T, OPEN, SEVERE, joined, result_of
from tocsin.api import grade
from tocsin.demo import demo_folder


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled patients, graded."""
    out = tmp_path_factory.mktemp("demo") / "results"
    grade(demo_folder(), out=out)
    return out


# Read by eye in the chart sheets: eligible, met, not met, not assessable.
DEMO = {
    "tocilizumab_when_severe": (5, 5, 0, 0),
    "both_drugs_when_severe": (5, 4, 1, 0),  # the child of 5-unknown-flow had no glucocorticoid
    "glucocorticoid_not_alone": (4, 4, 0, 0),
    "glucocorticoid_engager": (1, 1, 0, 0),
    "glucocorticoid_haplo": (0, 0, 0, 0),
    "blinatumomab_interrupted": (1, 1, 0, 0),
    "blinatumomab_not_resumed": (0, 0, 0, 0),
    "tocilizumab_interval": (1, 1, 0, 0),
    "tocilizumab_count": (6, 6, 0, 0),
    "tocilizumab_in_a_day": (6, 6, 0, 0),
    "mild_left_to_symptoms": (3, 2, 0, 1),
    "icans_assessed": (8, 7, 1, 0),
    "vital_signs_when_severe": (6, 6, 0, 0),
    "laboratory_when_severe": (6, 5, 1, 0),  # 6-sepsis: 27 h from the vasopressor to the next blood sample
}


def rows(capsys: pytest.CaptureFixture[str], folder: Path) -> dict[str, dict[str, Any]]:
    """The rows of the JSON by id."""
    return {row["id"]: row for row in json.loads(ok(capsys, "audit", str(folder), "--json"))["rules"]}


def test_the_bundled_patients_read_by_eye(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, demo)
    counts = {
        id: tuple(found[id][name] for name in ("eligible", "met", "not_met", "not_assessable")) for id in DEMO
    }
    assert counts == DEMO


def test_the_json_has_its_basis_and_every_case(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for row in rows(capsys, demo).values():
        assert row["rules"]
        assert row["text"]
        assert row["source"]
        assert row["strength"]
        assert row["confidence"]
        assert len(row["cases"]) == row["eligible"]
    case = rows(capsys, demo)["tocilizumab_interval"]["cases"][0]
    assert (case["source_id"], case["hours"], case["outcome"]) == ("8-death", 8.75, "met")
    assert (case["start"], case["end"]) == ("2026-01-22T09:15:00+00:00", "2026-01-22T18:00:00+00:00")
    assert len(case["event_ids"]) == 2


def test_the_table_has_counts_cases_and_reasons(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = ok(capsys, "audit", str(demo))
    assert "of 9 episodes" in printed
    assert re.search(r"^MGT-020 +5-unknown-flow +1 +both drugs when", printed, re.M)
    assert "Not assessable:" in printed
    flat = " ".join(printed.split())
    assert "MGT-020 GRADE-2B (source text)" in flat
    assert "No case for: HCT-002, BLN-006." in flat
    assert "each case is for a person to judge" in flat


def test_a_terminal_of_80_columns_holds_every_line(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert max(map(len, ok(capsys, "audit", str(demo)).splitlines())) <= 80


def test_many_cases_are_cut_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results"
    result_of(*[joined(CAR_T, SEVERE, "14h dexamethasone 10")] * 15, out=out)
    assert "... and 5 more: --json lists all" in ok(capsys, "audit", str(out))


def test_nothing_to_audit_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results"
    result_of("0h car_t; 12h temp 37", out=out)
    assert "nothing to audit" in ok(capsys, "audit", str(out))
    assert json.loads(ok(capsys, "audit", str(out), "--json"))["episodes"] == 0


def test_a_run_without_events_leaves_everything_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    result_of(joined(CAR_T, SEVERE), joined(CAR_T, OPEN), out=out, events="none")
    assert all(row["not_assessable"] == row["eligible"] for row in rows(capsys, out).values())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "nowhere: no run.json in it"),
        ([], "Missing argument 'DIR'"),
        (["."], "no run.json in it"),
    ],
)
def test_the_users_mistake_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in error(capsys, "audit", *arguments)


def test_a_damaged_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results"
    result_of(joined(CAR_T, SEVERE), out=out)
    (out / "events.parquet").write_bytes(b"PAR1 cut short")
    assert "events.parquet: not whole" in error(capsys, "audit", str(out))
    assert "events.parquet: not whole" in error(capsys, "code", str(out))
