"""The properties of timeline.md section 6 that need files: same bytes (5), same rows by every way (6), all accounted for (8)."""

import hashlib
import random
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.generative.strategies import random_subject
from tests.generative.test_agreement import as_vector, by_subject
from tests.reference import Event
from tests.reference.test_vectors_reference import VECTORS, births, expected, lines, microseconds
from tests.support.charts import STRIDE, differences, write_folder
from tests.support.timeline_runs import Subject, run_product, run_reference
from tocsin.api import grade
from tocsin.knowledge.products import products
from tocsin.knowledge.signals import signals
from tocsin.results import Result

FILES = ("grades", "episodes", "events", "subjects", "quarantine")
ICANS = ("icans_peak", "icans_peak_set")  # found by the engine, beside the timeline
Rows = list[dict[str, Any]]


def crowd(seed: int, number: int) -> list[Subject]:
    """Made-up subjects, numbered from 1."""
    rng = random.Random(seed)
    return [random_subject(rng, place) for place in range(1, number + 1)]


def without_icans(rows: Rows) -> Rows:
    """Episodes without what the timeline alone cannot know."""
    return [{name: value for name, value in row.items() if name not in ICANS} for row in rows]


# 5


def hashes(folder: Path) -> dict[str, str]:
    """A hash of every parquet file."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.glob("*.parquet"))
    }


def test_5_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    """Also in another process, in which nothing hashes as it does here."""
    write_folder(tmp_path / "in", crowd(51, 200))
    for name in ("one", "other"):
        grade(tmp_path / "in", out=tmp_path / name, events="all")
    code = "import sys; from tocsin import grade; grade(sys.argv[1], out=sys.argv[2], events='all')"
    subprocess.run([sys.executable, "-c", code, tmp_path / "in", tmp_path / "third"], check=True)
    assert set(hashes(tmp_path / "one")) == {f"{name}.parquet" for name in FILES}
    assert hashes(tmp_path / "one") == hashes(tmp_path / "other") == hashes(tmp_path / "third")


# 6


def test_6_a_folder_and_arrays_in_memory_give_the_same_rows(tmp_path: Path) -> None:
    made_up = write_folder(tmp_path, crowd(61, 400))
    result = grade(tmp_path)
    rows, episodes = run_product(made_up)
    assert result.run["quarantined"] == 0
    assert not differences(result.grades.to_pylist(), rows)
    assert not differences(without_icans(result.episodes.to_pylist()), without_icans(episodes))


def test_6_files_and_tables_in_memory_are_the_same(tmp_path: Path) -> None:
    write_folder(tmp_path / "in", crowd(62, 100))
    kept, written = (
        grade(tmp_path / "in", events="all"),
        grade(tmp_path / "in", out=tmp_path / "out", events="all"),
    )
    for name in FILES:
        assert getattr(kept, name).to_pylist() == getattr(written, name).to_pylist(), name


# 8

TIMES = (
    "2025-03-02T06:00:00Z",
    "2025-03-03T06:00",
    "2025-03-01T23:00:00-05:00",
    "2025-03-04T25:00:00Z",
    "2025-03-04",
    "2025-03",
    "yesterday",
    "",
    "1999-01-01T00:00:00Z",
    "2025-02-30T10:00:00Z",
    " 2025-03-02T07:00:00Z ",
)
IDS = ("1", "2", "3", "", "abc", "007", "-4", "922337203685477580", "1.0")
VALUES = (
    "38.5",
    "0",
    "-5",
    "1e400",
    "NaN",
    "inf",
    "-Infinity",
    "",
    "high",
    "500",
    "7.5",
    "0.4",
    "1e-300",
    "99.0",
)
UNITS = ("", "", "", "Cel", "mm[Hg]", "ug/kg/min", "mcg/min", "kPa", "bananas", "%", "unknown", "mL/h", "mg")
TEXTS = ("", "", "nasal_cannula", "room_air", "tent", "crs", "fever:other", "car_t/zz", "a, b")
SIGNALS = (
    *(row.name for row in signals()),
    "unheard_of",
    "",
    "death",
    "oxygen_device",
    "body_temperature",
    "norepinephrine",
    "attribution",
    "index_therapy",
    "subject",
)
CAUSES = ("car_t", "bispecific", "til", "sepsis", "", "CAR_T")


def cells(*choices: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """A line of a file."""
    return st.tuples(*(st.sampled_from(one) for one in choices))


EVENT_LINES = st.lists(cells(IDS, TIMES, SIGNALS, VALUES, UNITS, TEXTS, TIMES), max_size=60)
THERAPY_LINES = st.lists(cells(IDS, TIMES, CAUSES, ("", "teclistamab", "zz")), max_size=6)
WORD_LINES = st.lists(cells(IDS, TIMES, ("fever:other", "severity:mild", "nonsense", "")), max_size=4)
SUBJECT_LINES = st.lists(cells(IDS, ("1970-01-01", "1970", "", "2030-01-01"), ("F", "")), max_size=4)
HEADERS = {
    "events.csv": "subject_id,time,signal,value,unit,text,end",
    "therapies.csv": "subject_id,time,cause,product",
    "annotations.csv": "subject_id,time,attribution",
    "subjects.csv": "subject_id,birth_date,sex",
}


def write_dirty(folder: Path, files: list[list[tuple[str, ...]]]) -> int:
    """Write lines as they are; return how many there are besides the headers."""
    folder.mkdir(parents=True, exist_ok=True)
    for (name, header), rows in zip(HEADERS.items(), files, strict=True):
        body = [",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows]
        (folder / name).write_text("\n".join([header, *body]) + "\n", encoding="utf-8")
    return sum(map(len, files))


def assert_accounted(result: Result, written: int) -> None:
    """Every line written is used, of no interest, or in quarantine with a reason."""
    run = result.run
    assert run["rows_read"] == written
    assert run["rows_used"] + run["not_of_interest"] + run["quarantined"] == written
    assert run["quarantined"] == result.quarantine.num_rows == sum(run["quarantined_by_reason"].values())
    assert run["not_of_interest"] == sum(run["not_of_interest_by_reason"].values())
    assert all(result.quarantine["reason"].to_pylist())
    assert run["events"] == result.events.num_rows


FOLDERS = count()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(EVENT_LINES, THERAPY_LINES, WORD_LINES, SUBJECT_LINES)
def test_8_rows_read_are_rows_accounted_for(
    tmp_path: Path, events: list[Any], therapies: list[Any], words: list[Any], people: list[Any]
) -> None:
    folder = tmp_path / str(next(FOLDERS))
    doubled = events + events[: len(events) // 3]  # lines that stand twice
    written = write_dirty(folder, [doubled, therapies, words, people])
    assert_accounted(grade(folder, events="all"), written)


def test_8_also_in_a_large_and_very_dirty_folder(tmp_path: Path) -> None:
    rng = random.Random(8)

    def some(number: int, *choices: tuple[str, ...]) -> list[tuple[str, ...]]:
        return [tuple(rng.choice(one) for one in choices) for _ in range(number)]

    written = write_dirty(
        tmp_path,
        [
            some(20_000, IDS, TIMES, SIGNALS, VALUES, UNITS, TEXTS, TIMES),
            some(50, IDS, TIMES, CAUSES, ("", "zz")),
            some(50, IDS, TIMES, ("hypoxia:crs", "x")),
            some(10, IDS, ("1970-01-01", "never"), ("",)),
        ],
    )
    result = grade(tmp_path, events="all")
    assert_accounted(result, written)
    assert len(result.run["quarantined_by_reason"]) >= 8
    assert result.run["rows_used"] > 100


# The vectors, through everything


def vector_events() -> dict[int, list[Event]]:
    """The events of the vectors with the ids that their rows have in a run."""
    found: dict[int, list[Event]] = {}
    for place, name in enumerate(("events", "therapies", "annotations")):
        for number, line in enumerate(lines(name), STRIDE * place + 1):
            found.setdefault(int(line["subject_id"]), []).append(_vector_event(name, line, number))
    return found


def _vector_event(name: str, line: dict[str, str], number: int) -> Event:
    """One line of the vectors as an event."""
    subject, time = int(line["subject_id"]), microseconds(line["time"])
    if name == "therapies":
        return Event(
            subject,
            time,
            "index_therapy",
            None,
            "/".join(filter(None, (line["cause"], line["product"]))),
            None,
            number,
        )
    if name == "annotations":
        return Event(subject, time, "attribution", None, line["attribution"], None, number)
    value = float(line["value"]) if line["value"] else None
    end = microseconds(line["end"]) if line["end"] else None
    return Event(subject, time, line["signal"], value, line["text"] or None, end, number)


@pytest.fixture(scope="module")
def vectors() -> Result:
    """The vectors graded from their folder."""
    if not VECTORS.is_dir():
        pytest.skip("../shared is absent")
    return grade(VECTORS)


def refused(result: Result) -> set[int]:
    """The event ids that rows of the quarantine would have had."""
    names = ["events.csv", "therapies.csv", "annotations.csv"]
    table = result.quarantine
    return {
        names.index(Path(file).name) * STRIDE + row
        for file, row in zip(table["source"].to_pylist(), table["row"].to_pylist(), strict=True)
    }


def test_vectors_differ_from_what_is_expected_only_where_a_value_is_refused(vectors: Result) -> None:
    """Dexamethasone 500, dopamine 200 or FiO2 0 lie outside the hard bounds: the text (section 1) wins over the vector."""
    found = by_subject(vectors.grades.to_pylist())
    unlike = {subject for subject in births() if as_vector(found[subject]) != expected().get(subject, [])}
    gone = refused(vectors)
    touched = {
        subject for subject, events in vector_events().items() if any(e.event_id in gone for e in events)
    }
    assert unlike <= touched
    assert len(unlike) == 20


def test_without_the_refused_rows_the_reference_agrees_on_every_vector(vectors: Result) -> None:
    gone = refused(vectors)
    left = [
        (births()[subject], [e for e in events if e.event_id not in gone])
        for subject, events in sorted(vector_events().items())
    ]
    rows, episodes = run_reference(left, frozenset(products()))
    assert not differences(vectors.grades.to_pylist(), rows)
    assert not differences(without_icans(vectors.episodes.to_pylist()), without_icans(episodes))


def test_refused_vector_values_really_lie_outside_their_bounds(vectors: Result) -> None:
    bounds = {row.name: (row.hard_min, row.hard_max) for row in signals()}
    gone = refused(vectors)
    values = {
        (e.signal, e.value) for events in vector_events().values() for e in events if e.event_id in gone
    }
    assert set(vectors.quarantine["reason"].to_pylist()) == {"out_of_bounds"}
    for signal, value in values:
        low, high = bounds[signal]
        assert (low is not None and value < low) or (high is not None and value > high), (signal, value)
