"""CIBMTR 4100: each answer with its evidence; yes and no only where the record shows it; numbers only where they were read."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.made_up import CAR_T, FEVER, csv_folder, read_csv
from tocsin.api import grade
from tocsin.errors import UserError
from tocsin.exports import export
from tocsin.exports.cibmtr import OPEN
from tocsin.knowledge.cibmtr import questions, revisions
from tocsin.knowledge.sources import source
from tocsin.results import Result

NA = "does not apply"
START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def at(
    hour: float, signal: str, value: str = "", unit: str = "", text: str = "", end: float | None = None
) -> str:
    """A made-up event so many hours after CAR-T."""
    times = [(START + dt.timedelta(hours=one)).isoformat() if one is not None else "" for one in (hour, end)]
    return f"1,{times[0]},{signal},{value},{unit},{text},{times[1]}"


def every(hours: float, until: float, signal: str, value: str, unit: str = "", text: str = "") -> list[str]:
    """The same reading again and again."""
    count = round(until / hours)
    return [at(hours * place, signal, value, unit, text) for place in range(1, count + 1)]


def answers(folder: Path, *events: str, **options: Any) -> dict[str, dict[str, Any]]:
    """The answers for one made-up patient with CAR-T, by question."""
    result = grade(csv_folder(folder / "in", events), events="all", **options)
    export(result, "cibmtr", folder / "out")
    found = json.loads((folder / "out" / "form-4100.json").read_text(encoding="utf-8"))
    (infusion,) = found["infusions"]
    return {one["id"]: one for one in infusion["answers"]}


CANNULA = at(11, "oxygen_device", text="nasal_cannula")
LOW = at(11, "systolic_bp", "80", "mm[Hg]")
BOLUS = at(11.5, "iv_fluid_bolus", "1000", "mL")
NOREPINEPHRINE = at(12, "norepinephrine", "8", "ug/min", end=20)
EPINEPHRINE = at(13, "epinephrine", "8", "ug/min", end=20)
VASOPRESSIN = at(13, "vasopressin", "0.03", "[IU]/min", end=20)
NORMAL = every(2, 60, "systolic_bp", "120", "mm[Hg]")
ROOM_AIR = every(12, 60, "oxygen_device", "", text="room_air")
ICE = [
    at(24, "ice_score", "10", "{score}"),
    at(30, "ice_score", "8", "{score}"),
    at(48, "ice_score", "10", "{score}"),
]
DEATH = at(30, "death", text="other")
WATCHED = every(12, 14 * 24, "body_temperature", "36.8", "Cel")

# What is on record beside a fever at 10 h, a question, the answer (None: cannot be told).
CASES: list[tuple[list[str], str, str | None]] = [
    ([], "crs_occurred", "yes"),
    ([], "crs_first_symptom", "2024-01-01"),
    ([], "crs_grade_max", "1"),
    ([CANNULA], "crs_grade_max", None),
    ([at(11, "tocilizumab", "560", "mg")], "crs_treated", "yes"),
    ([at(11, "tocilizumab", "560", "mg"), at(12, "dexamethasone", "10", "mg")], "crs_drugs", "tocilizumab, corticosteroids"),
    ([at(11, "anakinra", "100", "mg"), at(11, "siltuximab", "700", "mg")], "crs_drugs", "anakinra, siltuximab"),
    ([at(9, "tocilizumab", "560", "mg")], "crs_treated", None),  # before the onset
    ([], "crs_treated", None),
    ([], "fever", "yes"),
    ([LOW, BOLUS], "hypotension_treated", "yes"),
    ([LOW, BOLUS], "hypotension_onset", "2024-01-01"),
    ([LOW, BOLUS], "fluids", "yes"),
    ([LOW, BOLUS], "vasopressors", None),
    ([LOW], "hypotension_treated", None),
    ([LOW], "fluids", None),
    (NORMAL, "hypotension_treated", "no"),
    (NORMAL, "hypotension_onset", NA),
    (NORMAL, "fluids", "no"),
    (NORMAL, "vasopressors", "no"),
    (NORMAL, "vasopressor_count", NA),
    (NORMAL[::4], "hypotension_treated", None),  # gaps of 8 h
    ([*NORMAL, at(12, "attribution", text="hypotension:other")], "hypotension_treated", None),
    ([NOREPINEPHRINE], "vasopressors", "yes"),
    ([NOREPINEPHRINE], "vasopressor_count", "1"),
    ([NOREPINEPHRINE, EPINEPHRINE], "vasopressor_count", "2 or more"),
    ([NOREPINEPHRINE, VASOPRESSIN], "vasopressor_count", None),
    ([], "vasopressor_count", None),
    ([CANNULA, at(11, "fio2", "28", "%")], "hypoxia_low_fio2", "yes"),
    ([CANNULA, at(11, "fio2", "28", "%")], "hypoxia_low_fio2_onset", "2024-01-01"),
    ([CANNULA, at(11, "fio2", "28", "%")], "hypoxia_high_fio2", None),
    ([CANNULA, at(11, "fio2", "40", "%")], "hypoxia_high_fio2", "yes"),
    ([CANNULA], "hypoxia_low_fio2", None),
    ([], "hypoxia_low_fio2", None),
    (ROOM_AIR, "hypoxia_low_fio2", "no"),
    (ROOM_AIR, "hypoxia_low_fio2_onset", NA),
    (ROOM_AIR, "positive_pressure", "no"),
    (ROOM_AIR, "positive_pressure_start", NA),
    (ROOM_AIR, "oxygen_device", NA),
    ([CANNULA], "oxygen_device", "nasal cannula"),
    ([CANNULA, at(30, "oxygen_device", text="bipap")], "oxygen_device", "BiPAP"),
    ([at(30, "oxygen_device", text="bipap")], "positive_pressure", "yes"),
    ([at(30, "oxygen_device", text="bipap")], "positive_pressure_start", "2024-01-02"),
    ([CANNULA], "positive_pressure", None),
    ([at(60, "crp", "5", "mg/L")], "crs_resolved", "yes"),
    ([at(60, "crp", "5", "mg/L")], "crs_resolved_on", "2024-01-01"),
    ([], "crs_resolved", None),
    ([DEATH], "crs_resolved", "no"),
    ([DEATH], "crs_resolved_on", NA),
    (ICE, "icans_occurred", "yes"),
    (ICE, "icans_onset", "2024-01-02"),
    (ICE, "icans_grade_max", "1"),
    (ICE, "ice_lowest", "8"),
    (ICE, "icans_resolved", "yes"),
    (ICE, "icans_resolved_on", "2024-01-03"),
    (ICE[:2], "icans_resolved", None),
    (ICE[:1], "icans_occurred", None),  # a perfect score does not exclude what no score sees
    ([], "icans_occurred", None),
    ([*ICE, at(30, "dexamethasone", "10", "mg")], "icans_drugs", "corticosteroids"),
    ([*ICE, at(29, "dexamethasone", "10", "mg")], "icans_drugs", None),
    ([at(20, "consciousness", text="awakens to voice")], "consciousness_depressed", "yes"),
    ([at(20, "consciousness", text="alert")], "consciousness_depressed", None),
    ([at(20, "seizure")], "seizure", "yes"),
    ([at(20, "seizure", text="none")], "seizure", None),
]  # fmt: skip


@pytest.fixture(scope="module")
def of_cases(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, Any]]]:
    """The answers of every case, each as a subject of its own in one run."""
    folder = tmp_path_factory.mktemp("cases")
    numbered = [
        line.replace("1,", f"{number},", 1)
        for number, (events, *_) in enumerate(CASES, 1)
        for line in (FEVER, *events)
    ]
    therapies = [CAR_T.replace("1,", f"{number},", 1) for number in range(1, len(CASES) + 1)]
    export(grade(csv_folder(folder / "in", numbered, therapies)), "cibmtr", folder / "out")
    found = json.loads((folder / "out" / "form-4100.json").read_text(encoding="utf-8"))["infusions"]
    by_patient = {one["patient"]: {each["id"]: each for each in one["answers"]} for one in found}
    return [by_patient[str(number)] for number in range(1, len(CASES) + 1)]


@pytest.mark.parametrize("place", range(len(CASES)), ids=[f"{row[1]}: {row[2]}" for row in CASES])
def test_answers(of_cases: list[dict[str, dict[str, Any]]], place: int) -> None:
    _, question, expected = CASES[place]
    found = of_cases[place][question]
    assert found["answer"] == expected, found["why"]
    assert found["why"].startswith(OPEN) == (expected is None)


def test_an_empty_record_says_neither_yes_nor_no(tmp_path: Path) -> None:
    assert {one["answer"] for one in answers(tmp_path, at(1, "crp", "5", "mg/L")).values()} == {None}


# Without an episode: no only where temperatures leave no gap.
NO_CRS: list[tuple[str, list[str], str | None]] = [
    ("watched to the end", WATCHED, "no"),
    ("not to the end", WATCHED[:-3], None),
    ("a day and a half without a temperature", [*WATCHED[:5], *WATCHED[8:]], None),
    (
        "a fever laid to another cause",
        [*WATCHED, at(1, "attribution", text="fever:other"), at(20, "body_temperature", "39", "Cel")],
        None,
    ),
]


@pytest.mark.parametrize(("events", "expected"), [row[1:] for row in NO_CRS], ids=[row[0] for row in NO_CRS])
def test_no_crs_must_be_shown(tmp_path: Path, events: list[str], expected: str | None) -> None:
    found = answers(tmp_path, *events)
    assert found["crs_occurred"]["answer"] == expected
    assert found["crs_drugs"]["answer"] == (NA if expected == "no" else None)


def test_dates_are_those_of_the_sites_clock(tmp_path: Path) -> None:
    events = [at(26, "body_temperature", "38.5", "Cel")]
    assert answers(tmp_path / "utc", *events)["crs_first_symptom"]["answer"] == "2024-01-02"
    local = answers(tmp_path / "local", *events, settings={"zone": "America/New_York"})
    assert local["crs_first_symptom"]["answer"] == "2024-01-01"


def test_evidence_is_named_with_its_row(tmp_path: Path) -> None:
    found = answers(tmp_path, FEVER)["crs_first_symptom"]["evidence"]
    assert [(one["signal"], one["value"], one["row"]) for one in found] == [
        ("body_temperature", 38.5, "events.csv, row 1")
    ]


def test_two_episodes_after_one_infusion_are_one_answer(demo: Result, tmp_path: Path) -> None:
    export(demo, "cibmtr", tmp_path / "out")
    found = json.loads((tmp_path / "out" / "form-4100.json").read_text(encoding="utf-8"))["infusions"]
    (again,) = (one for one in found if one["patient"] == "7-recurrence")
    by_id = {one["id"]: one["answer"] for one in again["answers"]}
    assert again["episodes"] == [1, 2]
    assert (by_id["crs_first_symptom"], by_id["crs_grade_max"], by_id["crs_resolved_on"]) == (
        "2026-03-14",
        "2",
        "2026-03-20",
    )


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("car_t,", True), ("tcr_t,", True), ("other,lifileucel", True), ("other,", False),
        ("t_cell_engager,blinatumomab", False), ("haplo_hct,", False),
    ],
)  # fmt: skip
def test_the_form_is_for_cellular_therapy(tmp_path: Path, line: str, taken: bool) -> None:
    source_ = csv_folder(tmp_path / "in", [FEVER], [f"1,2024-01-01T00:00:00Z,{line}"])
    account = export(grade(source_), "cibmtr", tmp_path / "out")
    assert account["counts"]["infusions"] == taken
    assert any("left out" in note for note in account["notes"][2:]) != taken


# Revisions


def csv_lines(result: Result, out: Path, revision: str | None) -> list[dict[str, str]]:
    """The lines of the CSV."""
    export(result, "cibmtr", out, revision=revision)
    return read_csv(out / "form-4100.csv")


def test_revision_4_asks_no_grade_and_has_numbers(demo: Result, tmp_path: Path) -> None:
    rows = csv_lines(demo, tmp_path / "out", "4.0")
    assert all(row["number"] and row["asked"] == "yes" for row in rows)
    assert not [row for row in rows if "grade" in row["question"]]
    numbers = [int(row["number"]) for row in rows[: len(rows) // 6]]
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == (76, 123)


def test_a_revision_that_was_not_read_has_no_numbers_and_says_so(demo: Result, tmp_path: Path) -> None:
    account = export(demo, "cibmtr", tmp_path / "out", revision="10")
    rows = read_csv(tmp_path / "out" / "form-4100.csv")
    assert {(row["number"], row["asked"]) for row in rows} == {("", "not verified")}
    assert [row for row in rows if "ASTCT grade of CRS" in row["question"]]
    assert any("[recalled]" in note for note in account["notes"])


def test_without_a_revision_everything_is_answered_and_nothing_numbered(demo: Result, tmp_path: Path) -> None:
    rows = csv_lines(demo, tmp_path / "out", None)
    assert len(rows) == 6 * len(questions())
    assert {row["number"] for row in rows} == {""}


def test_an_unknown_revision_is_refused(demo: Result, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--revision 7: .* write 4\.0 or 10"):
        export(demo, "cibmtr", tmp_path / "out", revision="7")
    assert not (tmp_path / "out").exists()


def test_what_is_open_reads_so_in_the_csv(demo: Result, tmp_path: Path) -> None:
    rows = csv_lines(demo, tmp_path / "out", None)
    assert OPEN in {row["answer"] for row in rows}
    assert all(row["why"] for row in rows)
    assert "" not in {row["answer"] for row in rows}


def test_every_question_has_a_source_and_its_own_number() -> None:
    rows = [*questions(), *revisions().values()]
    assert all(source(key) for row in rows for key in row.source)
    numbers = [one.number["4.0"] for one in questions() if "4.0" in one.number]
    assert len(numbers) == len(set(numbers))
    assert all(one.confidence == "recalled" for one in questions() if not one.number)


def test_events_are_needed(tmp_path: Path) -> None:
    result = grade(csv_folder(tmp_path / "in", [FEVER], [CAR_T]), events="none")
    with pytest.raises(UserError, match="--events none"):
        export(result, "cibmtr", tmp_path / "out")
