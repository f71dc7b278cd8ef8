"""queries.csv asks about every undecided stretch, and about nothing else."""

from pathlib import Path

import pytest

from tests.support.made_up import FEVER, csv_folder, read_csv
from tests.support.round_trips import random_result
from tocsin.api import grade
from tocsin.records import scale_of_record
from tocsin.results import Result

SEEDS = (71, 72)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_undecided_row_lies_in_a_stretch_that_asks(tmp_path: Path, seed: int) -> None:
    random_result(tmp_path, seed, 120)  # writes the source
    result = grade(tmp_path, out=tmp_path / "run")
    asked = asked_of(tmp_path / "run")
    undecided = 0
    for row in result.grades.to_pylist():
        scale = scale_of_record(result.run, row["cause"])
        stretches = asked.get((row["subject_id"], row["episode"]), [])
        time = row["time"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        inside = [
            bits
            for start, end, bits in stretches
            if start <= time and (time < end or not end or start == time == end)
        ]
        if row[f"{scale}_set"].bit_count() > 1:
            undecided += 1
            assert row[f"{scale}_set"] in inside
        elif not row["closing"]:
            assert row[f"{scale}_set"] not in inside
    assert undecided > 100


def asked_of(folder: Path) -> dict[tuple[int, int], list[tuple[str, str, int]]]:
    """The stretches of each episode: from, to, set; each asks something."""
    found: dict[tuple[int, int], list[tuple[str, str, int]]] = {}
    for row in read_csv(folder / "queries.csv"):
        assert row["what_to_ask"].endswith((".", "?"))
        place = (int(row["subject_id"]), int(row["episode"]))
        found.setdefault(place, []).append((row["from"], row["to"], int(row["set"])))
    return found


def questions(result: Result) -> list[str]:
    assert result.folder is not None
    return [row["what_to_ask"] for row in read_csv(result.folder / "queries.csv")]


@pytest.mark.parametrize(
    ("cause", "asked"),
    [
        ("crs", []),
        ("other", []),
        ("", ["Was the death due to CRS?"]),
    ],
)
def test_a_death_without_a_cause_asks_for_it(tmp_path: Path, cause: str, asked: list[str]) -> None:
    events = [FEVER, f"1,2024-01-01T15:00:00Z,death,,,{cause},"]
    assert questions(grade(csv_folder(tmp_path / "in", events), out=tmp_path / "out")) == asked
