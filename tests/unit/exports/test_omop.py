"""The OMOP tables say what the result says: a cohort row and an episode per episode, an observation per change of grade."""

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.support.made_up import FEVER, csv_folder
from tocsin.api import grade
from tocsin.errors import UserError
from tocsin.exports import export
from tocsin.exports.changes import grade_changes
from tocsin.exports.omop import TABLES
from tocsin.knowledge.vocabulary import SCALES
from tocsin.results import Result

# The flow of the cannula is unknown: ASTCT 2 or 3; the record ends inside the episode.
OPEN = (FEVER, "1,2024-01-01T12:00:00Z,oxygen_device,,,nasal_cannula,")


def tables(result: Result, out: Path) -> dict[str, list[dict[str, Any]]]:
    """The exported tables, read back from parquet."""
    export(result, "omop", out)
    return {name: pq.read_table(out / f"{name}.parquet").to_pylist() for name in TABLES}


@pytest.fixture(scope="module")
def still_open(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("open")
    result = grade(csv_folder(folder / "in", OPEN), settings={"zone": "America/New_York"})
    return tables(result, folder / "out")


class TestEveryEpisode:
    def test_is_a_row_of_the_cohort_and_of_episode(self, demo: Result, tmp_path: Path) -> None:
        found = tables(demo, tmp_path / "out")
        rows = demo.episodes.to_pylist()
        assert [row["subject_id"] for row in found["cohort"]] == [row["subject_id"] for row in rows]
        assert [row["cohort_start_date"] for row in found["cohort"]] == [row["onset"].date() for row in rows]
        assert [row["episode_start_datetime"] for row in found["episode"]] == [
            row["onset"].replace(tzinfo=None) for row in rows
        ]
        assert [row["episode_number"] for row in found["episode"]] == [row["episode"] for row in rows]

    def test_ends_when_it_resolved_or_with_the_death(self, demo: Result, tmp_path: Path) -> None:
        found = tables(demo, tmp_path / "out")["episode"]
        rows = demo.episodes.to_pylist()
        for one, row in zip(found, rows, strict=True):
            if row["resolved_at"]:
                assert one["episode_end_datetime"] == row["resolved_at"].replace(tzinfo=None)
        died = [one for one, row in zip(found, rows, strict=True) if row["ended"] == "death"]
        assert [one["episode_end_datetime"] for one in died] == [dt.datetime(2026, 1, 24, 11, 20)]

    def test_that_goes_on_has_no_end_but_a_last_day(
        self, still_open: dict[str, list[dict[str, Any]]]
    ) -> None:
        assert still_open["episode"][0]["episode_end_datetime"] is None
        # 12:00 UTC is 07:00 in New York, the same day.
        assert still_open["cohort"][0]["cohort_end_date"] == dt.date(2024, 1, 1)


class TestObservations:
    def test_are_the_changes_of_grade_on_every_scale(self, demo: Result, tmp_path: Path) -> None:
        found = tables(demo, tmp_path / "out")
        changes = grade_changes(demo).to_pylist()
        assert [row["observation_source_value"] for row in found["observation"]] == [
            f"crs_grade:{row['scale']}" for row in changes
        ]
        assert [row["event_id"] for row in found["episode_event"]] == [
            row["observation_id"] for row in found["observation"]
        ]
        assert {row["episode_id"] for row in found["episode_event"]} == {
            row["episode_id"] for row in found["episode"]
        }

    def test_an_undecided_grade_has_no_number_and_says_its_set(
        self, still_open: dict[str, list[dict[str, Any]]]
    ) -> None:
        astct = [
            row for row in still_open["observation"] if row["observation_source_value"] == "crs_grade:astct"
        ]
        said = [(row["value_as_number"], row["value_as_string"], row["value_source_value"]) for row in astct]
        assert said == [(1.0, None, "1"), (None, "2 or 3", "2 or 3")]
        assert {row["qualifier_source_value"] for row in astct} == {"scale of record"}

    def test_times_are_the_wall_clock_of_the_run(self, still_open: dict[str, list[dict[str, Any]]]) -> None:
        assert still_open["observation"][0]["observation_datetime"] == dt.datetime(2024, 1, 1, 5)


def test_csv_and_parquet_hold_the_same_rows(demo: Result, tmp_path: Path) -> None:
    found = tables(demo, tmp_path / "out")
    for name in TABLES:
        with (tmp_path / "out" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        assert len(lines) == len(found[name])
        assert list(lines[0]) == list(found[name][0])


def test_notes_say_whose_ids_they_are(demo: Result, tmp_path: Path) -> None:
    own = grade(csv_folder(tmp_path / "in", OPEN))
    assert "subject_id" in export(demo, "omop", tmp_path / "a")["notes"][0]
    assert not any("person_id" in note for note in export(own, "omop", tmp_path / "b")["notes"])


def test_ids_too_large_for_the_cdm_are_told(tmp_path: Path) -> None:
    events = [line.replace("1,", "3000000000,", 1) for line in OPEN]
    result = grade(csv_folder(tmp_path / "in", events, ["3000000000,2024-01-01T00:00:00Z,car_t,"]))
    assert "bigint" in export(result, "omop", tmp_path / "out")["notes"][0]


def test_a_result_without_episodes_makes_empty_tables(tmp_path: Path) -> None:
    found = tables(grade(csv_folder(tmp_path / "in", [])), tmp_path / "out")
    assert {name: len(rows) for name, rows in found.items()} == {
        "cohort_definition": 1, "cohort": 0, "episode": 0, "episode_event": 0, "observation": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("option", "value"), [("study", "A"), ("reported", "r.csv")])
def test_options_of_sdtm_are_refused(demo: Result, tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(UserError, match=f"--{option} .*: only --to sdtm"):
        export(demo, "omop", tmp_path / "out", **{option: value})  # pyright: ignore[reportArgumentType]


class TestChanges:
    def test_each_scale_has_one_peak_an_episode(self, crowd: Result) -> None:
        rows = [row for row in grade_changes(crowd).to_pylist() if row["peak"]]
        assert (
            len(rows)
            == len({(row["place"], row["scale"]) for row in rows})
            == crowd.episodes.num_rows * len(SCALES)
        )

    def test_neighbours_differ_and_join(self, crowd: Result) -> None:
        last: dict[tuple[int, str], dict[str, Any]] = {}
        for row in grade_changes(crowd).to_pylist():
            before = last.get((row["place"], row["scale"]))
            if before is not None:
                assert before["set"] != row["set"]
                assert before["until"] == row["time"]
            last[row["place"], row["scale"]] = row
        closed = {place for place, row in enumerate(crowd.episodes.to_pylist()) if row["ended"]}
        assert {place for (place, _), row in last.items() if row["until"] is not None} == closed

    def test_every_row_of_grades_lies_in_a_stretch_with_its_set(self, crowd: Result) -> None:
        stretches: dict[tuple[int, int, str], list[dict[str, Any]]] = {}
        for row in grade_changes(crowd).to_pylist():
            stretches.setdefault((row["subject_id"], row["episode"], row["scale"]), []).append(row)
        for row in crowd.grades.to_pylist():
            for scale in SCALES:
                begun = [
                    each
                    for each in stretches[row["subject_id"], row["episode"], scale]
                    if each["time"] <= row["time"]
                ]
                assert row[f"{scale}_set"] in {
                    each["set"] for each in begun if each["time"] == begun[-1]["time"]
                }
