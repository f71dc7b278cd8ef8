"""MIMIC-III, MIMIC-IV (MEDS) and eICU against facts that were worked out without Tocsin. The therapies are made up."""

import csv
import datetime as dt
import re
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.acceptance.facts.derive import COUNTED, Infusions, Record, pressor_facts
from tests.support.made_up import at, csv_folder, graded, onsets, query, read_csv
from tocsin.knowledge.vocabulary import OXYGEN_DEVICE
from tocsin.results import Result

FACTS = Path(__file__).parent / "facts"
SOURCES = ("mimic3", "eicu", "mimic4_meds")
FEVER_WINDOW = dt.timedelta(days=14)


def naive(text: str | None) -> dt.datetime | None:
    """A fact's time; the sets have no zone and are read as UTC."""
    return dt.datetime.fromisoformat(text.removesuffix("Z")) if text else None


def utc(text: str) -> dt.datetime:
    """A fact's time, as result tables have it."""
    return dt.datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=dt.UTC)


def lines(path: Path) -> int:
    """Rows of a CSV file under its header."""
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


# Accounting


@pytest.mark.parametrize("name", ["mimic3", "eicu"])
def test_every_csv_line_is_accounted_for(name: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(name)
    found = request.getfixturevalue(f"graded_{name}")
    result = found if isinstance(found, Result) else found[0]
    files = ("events.csv", "therapies.csv", "subjects.csv")
    assert result.run["rows_read"] == sum(lines(folder / file) for file in files)


def test_every_meds_row_is_accounted_for(
    graded_meds: Result, meds_therapies: Path, sources: dict[str, Any]
) -> None:
    assert graded_meds.run["rows_read"] == sources["meds"]["rows"] + lines(meds_therapies)
    assert graded_meds.run["subjects"] == sources["meds"]["subjects"]


def test_meds_rows_without_interest_are_counted_by_code(graded_meds: Result, sources: dict[str, Any]) -> None:
    by_code = graded_meds.run["not_of_interest_by_code"]
    found = Counter(code.split("//")[0] for code in by_code)
    assert found["DRG"] + found["LAB"] > 100  # the list is cut to the 200 most frequent
    words = {code: rows["rows"] for code, rows in sources["meds"]["codes"].items()}
    assert not [code for code in by_code if code in words and code.startswith(("LAB//2200", "LAB//22376"))]


# Vasopressors and temperatures of 14 subjects


def infusions_of(result: Result, subject: int) -> Infusions:
    """A subject's vasopressor events as the facts' own records."""
    found: Infusions = {}
    names = (*COUNTED, "vasopressin")
    for row in result.events.to_pylist():
        if row["subject_id"] == subject and row["signal"] in names:
            start, end = (time and time.replace(tzinfo=None) for time in (row["time"], row["end"]))
            found.setdefault(row["signal"], []).append(Record(start, end, row["numeric_value"] != 0))
    return found


def each_patient() -> list[Any]:
    """The subjects of the facts."""
    import json

    return [
        pytest.param(patient, id=f"{patient['source']}-{patient['subject_id']}")
        for patient in json.loads((FACTS / "patients.json").read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("patient", each_patient())
def test_vasopressor_events(lasting: dict[str, Result], patient: dict[str, Any]) -> None:
    """Agents, how many at once, runs, first start and last stop, from the events that Tocsin read."""
    found = pressor_facts(
        infusions_of(lasting[patient["source"]], patient["subject_id"]), naive(patient["death"])
    )
    if patient["subject_id"] == 10094:  # charted as 1.2 U/min of vasopressin, which is out of bounds
        assert "vasopressin" not in found["runs"]
        found["runs"]["vasopressin"] = patient["vasopressors"]["runs"]["vasopressin"]
    assert found == patient["vasopressors"]


@pytest.mark.parametrize("patient", each_patient())
def test_vasopressors_in_the_grade_rows(lasting: dict[str, Result], patient: dict[str, Any]) -> None:
    """The state follows: on from the first start to the last stop, `multiple` only if two counted agents ever overlapped."""
    fact, result = patient["vasopressors"], lasting[patient["source"]]
    rows = [row for row in result.grades.to_pylist() if row["subject_id"] == patient["subject_id"]]
    on = {row["time"]: row["hypotension"] in ("one", "one_plus_vasopressin", "multiple") for row in rows}
    assert min(time for time, running in on.items() if running) == utc(fact["first_start"])
    last = max(time for time, running in on.items() if running)
    assert min((time for time in on if time > last), default=None) == utc(fact["last_stop"])
    assert ("multiple" in {row["hypotension"] for row in rows}) == (fact["counted_at_once"] > 1)
    (episode,) = (row for row in result.episodes.to_pylist() if row["subject_id"] == patient["subject_id"])
    assert episode["vasopressor_hours"] == pytest.approx(fact["hours_with_any"], abs=1e-3)
    if patient["death"] is not None:  # the others may be known dead by the day
        assert episode["ended"] == "death"


@pytest.mark.parametrize("patient", [one for one in each_patient() if "temperature" in one.values[0]])
def test_temperatures(lasting: dict[str, Result], patient: dict[str, Any]) -> None:
    """Each reading is an event or in quarantine; those of 38.0 and more are counted in Fahrenheit too. One is made up."""
    fact, result, subject = patient["temperature"], lasting[patient["source"]], patient["subject_id"]
    ((readings, fevers),) = query(
        "SELECT count(*), count(*) FILTER (numeric_value >= 38.0) FROM events "
        f"WHERE signal = 'body_temperature' AND subject_id = {subject}",
        events=result.events,
    )
    assert fevers - 1 == fact["at_least_38"]
    assert readings - 1 <= fact["readings"]
    if patient["source"] == "mimic3":
        assert readings - 1 == fact["readings"]


# Oxygen


def in_force(result: Result, subject: int, time: dt.datetime) -> dict[str, Any]:
    """The grade row that holds at a moment."""
    rows = [row for row in result.grades.to_pylist() if row["subject_id"] == subject and row["time"] <= time]
    return max(rows, key=lambda row: row["time"])


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(line, id=" ".join(list(line.values())[:3]))
        for line in read_csv(FACTS / "oxygen_by_eye.csv")
    ],
)
def test_oxygen_as_a_person_read_the_chart(lasting: dict[str, Result], line: dict[str, str]) -> None:
    row = in_force(lasting[line["source"]], int(line["subject_id"]), utc(line["time"]))
    assert row["oxygen"] == line["oxygen"]
    if line["fio2_band"]:
        assert row["fio2_band"] == line["fio2_band"]
    assert ("baseline_support" in row["flags"]) >= (line["baseline"] == "yes")


def test_every_device_word_is_mapped_or_listed(tmp_path: Path, sources: dict[str, Any]) -> None:
    """One made-up chart that holds every word of the data once."""
    words = sorted({word for found in sources["device_words"].values() for word in found})
    assert len(words) > 25
    events = [
        f'1,{at(1 + place / 60).isoformat()}Z,oxygen_device,,,"{word}",' for place, word in enumerate(words)
    ]
    result = graded(csv_folder(tmp_path / "in", events), out=tmp_path / "out")
    mapped = [row for row in result.events.to_pylist() if row["signal"] == "oxygen_device"]
    assert {row["text_value"] for row in mapped} <= set(OXYGEN_DEVICE)
    listed = [row["text"] for row in read_csv(tmp_path / "out" / "unmapped.csv")]
    assert len(mapped) + len(listed) == len(words)
    assert set(listed) <= {"Continued", "Facial BiPAP mask", "Off", "Other (Comment)", "Start", "T-piece"}


def test_device_words_of_eicu_are_used_or_listed(graded_eicu: tuple[Result, Path], eicu: Path) -> None:
    result, out = graded_eicu
    charted = Counter(
        row["text"] for row in read_csv(eicu / "events.csv") if row["signal"] == "oxygen_device"
    )
    listed = {row["text"]: int(row["rows"]) for row in read_csv(out / "unmapped.csv")}
    assert all(charted[word] == rows for word, rows in listed.items())
    used = [row for row in result.events["signal"].to_pylist() if row == "oxygen_device"]
    assert len(used) + sum(listed.values()) <= sum(charted.values())
    assert len(used) > 0.9 * (
        sum(charted.values()) - sum(listed.values())
    )  # the rest lies outside the window


# Fever


def fevers_of_mimic3(folder: Path) -> list[tuple[int, dt.datetime]]:
    """Subject and time of each temperature >= 38.0 Cel, by the words of the unit column."""
    found: list[tuple[int, dt.datetime]] = []
    for row in read_csv(folder / "events.csv"):
        if row["signal"] == "body_temperature":
            value, fahrenheit = float(row["value"]), bool(re.search(r"F$", row["unit"]))
            low, high = (100.4, 113.0) if fahrenheit else (38.0, 45.0)
            if low <= value <= high:
                found.append((int(row["subject_id"]), utc(row["time"])))
    return found


def expected_onsets(
    fevers: list[tuple[int, dt.datetime]], therapies: Path, deaths: dict[int, dt.datetime]
) -> dict[int, dt.datetime]:
    """The first fever of each subject within 14 days of the made-up CAR-T."""
    given = {int(row["subject_id"]): utc(row["time"]) for row in read_csv(therapies)}
    first: dict[int, dt.datetime] = {}
    for subject, time in sorted(fevers):
        inside = given[subject] <= time <= given[subject] + FEVER_WINDOW
        if inside and not (subject in deaths and time > deaths[subject]):
            first.setdefault(subject, time)
    return first


def test_who_has_a_fever_after_the_therapy_has_an_episode_and_nobody_else(
    graded_mimic3: Result, mimic3: Path
) -> None:
    expected = expected_onsets(fevers_of_mimic3(mimic3), mimic3 / "therapies.csv", {})
    assert len(expected) > 10
    assert onsets(graded_mimic3) == expected
    assert set(graded_mimic3.grades["subject_id"].to_pylist()) == set(expected)
    assert graded_mimic3.run["subjects"] > len(expected)


def test_the_same_of_meds(graded_meds: Result, meds_shard: Path, meds_therapies: Path) -> None:
    found = duckdb.execute(
        "SELECT subject_id, time, code, numeric_value FROM read_parquet(?) WHERE numeric_value IS NOT NULL "
        "AND split_part(code, '//', 2) IN ('223761', '223762', '226329', '50825')",
        [str(meds_shard)],
    ).fetchall()
    fevers: list[tuple[int, dt.datetime]] = []
    for subject, time, code, value in found:
        low, high = (100.4, 113.0) if "223761" in code else (38.0, 45.0)
        if low <= round(value, 4) <= high:
            fevers.append((subject, time.replace(tzinfo=dt.UTC)))
    expected = expected_onsets(fevers, meds_therapies, {})
    assert len(expected) > 5
    assert onsets(graded_meds) == expected


def test_eicu_gets_an_episode_from_the_made_up_fever_and_none_without(
    graded_eicu: tuple[Result, Path], eicu: Path, tmp_path: Path
) -> None:
    deaths = {
        int(row["subject_id"]): utc(row["time"])
        for row in read_csv(eicu / "events.csv")
        if row["signal"] == "death"
    }
    fevers = {
        int(row["subject_id"]): utc(row["time"])
        for row in read_csv(eicu / "events.csv")
        if row["signal"] == "body_temperature"
    }
    alive = {subject: time for subject, time in fevers.items() if time <= deaths.get(subject, time)}
    assert onsets(graded_eicu[0]) == alive
    cool = tmp_path / "cool"
    cool.mkdir()
    for file in eicu.glob("*.csv"):
        text = file.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in text if ",body_temperature," not in line]
        (cool / file.name).write_text("".join(kept), encoding="utf-8")
    result = graded(cool, events="none")
    assert result.run["subjects"] == len(fevers)
    assert (result.grades.num_rows, result.episodes.num_rows) == (0, 0)


THRESHOLDS = {"38.0,Cel": 1, "37.99,Cel": 0, "100.4,[degF]": 1, "100.39,[degF]": 0, "38,": 1, "100.4,": 1}


@pytest.mark.parametrize(("cell", "episodes"), THRESHOLDS.items())
def test_a_temperature_of_exactly_38_counts(tmp_path: Path, cell: str, episodes: int) -> None:
    folder = csv_folder(tmp_path / "in", [f"1,2024-01-01T10:00:00Z,body_temperature,{cell},,"])
    assert graded(folder).episodes.num_rows == episodes


# The made-up MEDS set, whose numbers are doubles


def test_the_synthetic_meds_set_is_read_with_a_note(data: Path, tmp_path: Path) -> None:
    folder = data / "meds-synthetic-aces"
    rows = duckdb.execute(f"SELECT count(*) FROM read_parquet('{folder}/*/*.parquet')").fetchall()[0][0]
    result = graded(folder)
    assert result.run["rows_read"] == rows == 77_542
    assert any("numeric_value" in note for note in result.run["notes"])
