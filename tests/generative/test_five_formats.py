"""The same subject through FHIR, OMOP, SDTM, MEDS and our CSV layout: the same grades, episodes and evidence."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.charts import differences, shown_rows
from tests.support.five_formats import FORMATS, Course, course, read, write
from tests.support.five_formats.generator import DEVICES, DRUGS, PRODUCTS, RATES, WORDS, random_course
from tests.support.made_up import ids
from tests.support.round_trips import EVIDENCE, states

OTHERS = [name for name in FORMATS if name != "csv"]
SUBJECTS = 120
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Answer:
    """Grade rows, episodes and subjects, by the number that a subject has in its course; evidence by its time.

    Of two records that are evidence alike the one with the lower number is named, and numbers are the format's own.
    """

    rows: Rows
    episodes: Rows
    people: set[tuple[Any, ...]]  # number, birth date, the first letter of the sex

    def of(self, number: int) -> tuple[Rows, Rows]:
        """The rows and episodes of a subject, without its number."""
        rows, episodes = (
            [{**row, "subject_id": None} for row in table if row["subject_id"] == number]
            for table in (self.rows, self.episodes)
        )
        return rows, episodes


def answered(folder: Path, format: str, courses: Sequence[Course], refused: Sequence[str] = ()) -> Answer:
    """Write courses in a format and grade them; every row that was written is accounted for, and none refused but as told."""
    written = write(folder, format, courses)
    result = read(folder, written, courses)
    beside = 0 if format == "csv" else sum(1 for one in courses for _ in one.words)
    assert result.quarantine["reason"].to_pylist() == list(refused)
    assert result.run["rows_read"] == written.rows + beside
    assert result.run["format"] == format.split()[0]
    numbers = {number: written.names[name] for name, number in ids(result.subjects).items()}
    return Answer(
        sorted((_comparable(row, written.names) for row in states(result, by_source_id=True)), key=_order),
        sorted(
            ({**row, "subject_id": numbers[row["subject_id"]]} for row in result.episodes.to_pylist()),
            key=_order,
        ),
        {
            (numbers[one["subject_id"]], one["birth_date"], one["sex"][0].upper())
            for one in result.subjects.to_pylist()
        },
    )


def _comparable(row: dict[str, Any], names: Mapping[str, int]) -> dict[str, Any]:
    """A grade row of `states` with the course's number and the times of the evidence."""
    times = {name: row[name] and row[name][0] for name in EVIDENCE}
    return {**row, **times, "subject_id": names[row["subject_id"]]}


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["subject_id"], row["episode"], row.get("time"), row.get("closing")


# One subject that a person can read

HAND_MADE = course(
    """
    -10d weight 70.5; -2h temp 36.5; -1h acetaminophen 650
    0h car_t/axicabtagene_ciloleucel
    20h temp 38.0; 20h sbp 112; 20h dbp 64; 20h spo2 95
    22h sbp 84; 22h dbp 40; 22h map 55; 22h temp 39.5
    22h30m bolus 1000 until 23h30m
    24h spo2 88; 24h nasal_cannula until 34h; 24h flow 3
    25h norepinephrine 3.525 until 27h; 27h norepinephrine 14.1 until 33h; 28h vasopressin 0.03 until 31h
    26h tocilizumab 560; 26h30m dexamethasone 10
    30h flow 8; 30h fio2 45
    34h high_flow_nasal_cannula until 50h; 34h flow 40; 34h fio2 60; 34h ice_score 9
    40h invasive_ventilation until 50h; 40h fio2 50; 40h said intubation:airway_only
    44h temp 36.5; 44h sbp 118; 50h nasal_cannula; 50h flow 2; 56h room_air
    80h temp 37; 100h temp 36.5; 120h sbp 120
    """,
    refused="5h tocilizumab 560",
)
COLUMNS = ("fever", "hypotension", "dose_band", "oxygen", "fio2_band", "airway_tube", "astct", "lee2014")
HAND_MADE_ROWS = [
    "20h yes none - none - no 1 1",
    "22h yes untreated - none - no 2 1-2",
    "22h30m yes fluids - none - no 2 2",
    "24h yes fluids - low_flow unknown no 2 2-3",
    "25h yes one low low_flow unknown no 3 2-3",
    "28h yes one_plus_vasopressin low low_flow unknown no 3 2-3",
    "30h yes one_plus_vasopressin low high_flow at_least_40 no 3 3",
    "31h yes one low high_flow at_least_40 no 3 3",
    "33h yes none - high_flow at_least_40 no 3 3",
    "40h yes none - high_flow at_least_40 yes 3 3-4",
    "46h no none - high_flow at_least_40 yes 3 3-4",
    "50h no none - low_flow unknown no 2 2-3",
    "56h no none - none - no 0-1 0-1",
    "80h closed",
]


# Many that nobody made by hand


@pytest.fixture(scope="module")
def courses() -> list[Course]:
    """The subject above, and made-up courses by seed."""
    rng = random.Random(5)
    return [HAND_MADE, *(random_course(rng, number) for number in range(2, SUBJECTS + 1))]


@pytest.fixture(scope="module")
def truth(courses: list[Course], tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """What our own layout gives."""
    return answered(tmp_path_factory.mktemp("truth"), "csv", courses)


def test_a_subject_that_a_person_can_read(truth: Answer) -> None:
    rows, episodes = truth.of(HAND_MADE.number)
    assert shown_rows(rows, COLUMNS) == HAND_MADE_ROWS
    [episode] = episodes
    said = (
        "cause",
        "product",
        "ended",
        "tocilizumab_doses",
        "glucocorticoid_days",
        "vasopressor_hours",
        "icans_peak",
    )
    assert [episode[name] for name in said] == ["car_t", "axicabtagene_ciloleucel", "resolved", 1, 1, 8.0, 1]
    assert episode["flags"] == ["organ_toxicity_not_assessed"]


def test_the_courses_hold_what_they_are_made_for(courses: list[Course], truth: Answer) -> None:
    events = [event for one in courses for event in one.events]
    assert {event.signal for event in events} >= {
        *RATES,
        *DRUGS,
        "iv_fluid_bolus",
        "fio2",
        "inhaled_o2_flow",
        "ice_score",
    }
    assert {event.text for event in events if event.text} >= {*DEVICES, *WORDS, *PRODUCTS, "crs"}
    assert {one.birth for one in courses} > {None}
    assert any(one.refused for one in courses)
    assert {episode["ended"] for episode in truth.episodes} == {"resolved", "death", None}
    assert len(truth.rows) > 10 * SUBJECTS
    for scale in ("astct", "ctcae5", "lee2014"):
        assert {row[scale] for row in truth.rows} >= {None, 0, 1, 2, 3, 4, 5}, scale


@pytest.mark.parametrize("format", OTHERS)
def test_every_format_gives_the_same(
    tmp_path: Path, courses: list[Course], truth: Answer, format: str
) -> None:
    found = answered(tmp_path, format, courses)
    assert not differences(found.rows, truth.rows)
    assert not differences(found.episodes, truth.episodes)
    assert found.people == truth.people


# What a format cannot say

START = "0h car_t/axicabtagene_ciloleucel; 0h weight 62.5; 20h temp 39.5; 20h sbp 85;"
SEEN = "; 70h temp 39.5; 90h temp 38.5; 100h seen"
WITHOUT_OFFSETS = ("meds", "omop duckdb", "omop parquet", "sdtm xpt", "sdtm json")
AUTUMN = (
    "244d car_t/axicabtagene_ciloleucel; 244d12h temp 39.5; "  # the night of 2 November 2025 begins at 244d
)
AS_FLOAT32 = float(np.float32(0.32)) * 62.5  # of 0.32 ug/kg/min, which is 20 ug/min


@dataclass(frozen=True)
class Difference:
    """Something that some formats cannot say, and the course that they tell instead."""

    what: str
    formats: tuple[str, ...]
    told: str
    read_as: str
    refused: tuple[str, ...] = ()


DIFFERENCES = (
    Difference(
        "that a death was not due to CRS: only CRS is a cause that is read",
        ("fhir bundles", "fhir ndjson", "omop duckdb", "omop parquet", "sdtm xpt", "sdtm json"),
        f"{START} 50h temp 39.5; 60h death other",
        f"{START} 50h temp 39.5; 60h death",
    ),
    Difference(
        "that CRS was the cause, where of the death only the day is known: an Observation needs a time",
        ("fhir bundles", "fhir ndjson"),
        f"{START} 50h temp 39.5; 77h-1us death crs",
        f"{START} 50h temp 39.5; 77h-1us death",
        ("date_only",),
    ),
    Difference(
        "when a device that is no procedure came off: it holds as long as a charted one, and nobody charted it anew",
        ("meds",),
        f"{START} 24h nasal_cannula until 60h; 24h flow 3{SEEN}",
        f"{START} 24h nasal_cannula; 60h room_air; 24h flow 3{SEEN}",
    ),
    Difference(
        "which of two infusions of one drug ended first: the first end closes the first start",
        ("meds",),
        f"{START} 24h norepinephrine 5 until 40h; 25h norepinephrine 25 until 36h{SEEN}",
        f"{START} 24h norepinephrine 5 until 36h; 25h norepinephrine 25 until 40h{SEEN}",
    ),
    Difference(
        "a number to more than seven digits: a rate per kg on a cut-off may land beside it",
        ("meds",),
        f"{START} 24h norepinephrine 20 until 40h{SEEN}",
        f"{START} 24h norepinephrine {AS_FLOAT32!r} until 40h{SEEN}",
    ),
    Difference(
        "which of two: in the night that the clocks go back they show an hour twice, and the second is taken",
        WITHOUT_OFFSETS,
        f"{AUTUMN} 245d5h30m sbp 85; 246d seen",
        f"{AUTUMN} 245d6h30m sbp 85; 246d seen",
    ),
)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """What our layout gives of each course as it was told (numbers from 1) and as it is read (from 101)."""
    told = [course(one.told, number) for number, one in enumerate(DIFFERENCES, 1)]
    read_as = [course(one.read_as, number) for number, one in enumerate(DIFFERENCES, 101)]
    return answered(tmp_path_factory.mktemp("both"), "csv", [*told, *read_as])


def test_each_difference_is_one(expected: Answer) -> None:
    for number, one in enumerate(DIFFERENCES, 1):
        assert expected.of(number) != expected.of(number + 100), one.what


@pytest.mark.parametrize("format", OTHERS)
def test_what_a_format_cannot_say_is_this_and_nothing_else(
    tmp_path: Path, expected: Answer, format: str
) -> None:
    told = [course(one.told, number) for number, one in enumerate(DIFFERENCES, 1)]
    refused = [reason for one in DIFFERENCES if format in one.formats for reason in one.refused]
    found = answered(tmp_path, format, told, refused)
    for number, one in enumerate(DIFFERENCES, 1):
        read_as = number + 100 if format in one.formats else number
        assert found.of(number) == expected.of(read_as), one.what
