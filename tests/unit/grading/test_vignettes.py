"""The 52 worked vignettes of the reference, by their columns and through the CSV."""

import csv
from pathlib import Path

import pytest

from tocsin.grading import sets
from tocsin.grading.fields import crs_readers
from tocsin.grading.snapshot import Snapshot, grade_sets
from tocsin.grading.table import grade_csv

SCALES = ("astct", "ctcae5", "lee2014")


@pytest.fixture(scope="module")
def vignettes(shared: Path) -> Path:
    return shared / "reference" / "vignettes.csv"


@pytest.fixture(scope="module")
def rows(vignettes: Path) -> list[dict[str, str]]:
    with vignettes.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def grade(cell: str) -> int | None:
    return int(cell) if cell else None


def snapshot(row: dict[str, str]) -> Snapshot:
    return Snapshot(**{field: cell for field, cell in row.items() if field in crs_readers()})


def test_all_are_reproduced(vignettes: Path, rows: list[dict[str, str]]) -> None:
    expected = {row["id"]: {scale: grade(row[scale]) for scale in SCALES} for row in rows}
    found = {str(row["id"]): {scale: row[scale] for scale in SCALES} for row in grade_csv(vignettes)}
    assert len(expected) == 52
    assert found == expected


def test_blanking_any_cell_only_widens_the_set(rows: list[dict[str, str]]) -> None:
    """But for the flow of a high-flow cannula, whose name says high flow."""
    narrower: list[tuple[str, str, str]] = []
    for row in rows:
        before = grade_sets(snapshot(row))
        for field in crs_readers():
            if field in row and row[field] and (field, row["oxygen_device"]) != ("o2_flow_lpm", "hfnc"):
                after = grade_sets(snapshot(row | {field: ""}))
                narrower += [(row["id"], field, scale) for scale in before if before[scale] & ~after[scale]]
    assert narrower == []


def test_none_is_5_without_the_death(rows: list[dict[str, str]]) -> None:
    alive = [row for row in rows if row["death_due_to_crs"] == "no"]
    assert len(alive) == 51
    assert not [row["id"] for row in alive if any(s & sets.DEATH for s in grade_sets(snapshot(row)).values())]
