"""The state of a patient: cached by version and minute, its key a word for what a clinician is told, the board's rows."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import CAR_T, bundle, resource
from tocsin.api import grade_bundle
from tocsin.report.advice import advise
from tocsin.service import patients as module
from tocsin.service.patients import Patients, state_of
from tocsin.service.store import Annotation, Store, open_store

EVENING = datetime(2026, 2, 12, 20, tzinfo=UTC)


@pytest.fixture
def kept(tmp_path: Path, car_t: bytes) -> Iterator[Patients]:
    """A store with the patient after CAR-T."""
    store = open_store(str(tmp_path / "s.db"))
    found = Patients(store)
    found.ingest(CAR_T, car_t)
    yield found
    store.close()


def store_of(found: Patients) -> Store:
    return found._store  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    "name", ["1-car-t-tocilizumab", "4-vasopressin-puzzle", "5-unknown-flow", "7-recurrence", "8-death"]
)
def test_the_state_of_a_store_is_that_of_the_bundle(
    tmp_path: Path, demo: Callable[[str], bytes], name: str
) -> None:
    store = open_store(str(tmp_path / "s.db"))
    found = Patients(store)
    found.ingest(name, demo(name))
    whole = grade_bundle(demo(name))
    for at in whole.grades["time"].to_pylist():
        assert found.state(name, at).advice == advise(whole, name, at=at)
    store.close()


def test_the_same_question_is_answered_from_memory(kept: Patients, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept.state(CAR_T, EVENING)
    monkeypatch.setattr(module, "state_of", lambda *_, **__: pytest.fail("computed again"))
    assert kept.state(CAR_T, EVENING) is first


def test_after_a_change_the_old_answer_is_not_given(kept: Patients) -> None:
    first = kept.state(CAR_T, EVENING)
    kept.annotate(
        CAR_T,
        time=EVENING - timedelta(hours=1),
        kind="attribution",
        value="hypotension:other",
        unit="",
        author="A",
    )
    again = kept.state(CAR_T, EVENING)
    assert (first.version, again.version) == (1, 2)
    assert (first.advice and first.advice.grade.grade, again.advice and again.advice.grade.grade) == (3, 2)


def test_memory_is_held_for_few_states_only(kept: Patients) -> None:
    for hour in range(60):
        kept.state(CAR_T, EVENING + timedelta(hours=hour))
    assert len(kept._states) == module._CACHED  # pyright: ignore[reportPrivateUsage]


def test_the_same_state_has_the_same_key_and_another_another(car_t: bytes) -> None:
    one = state_of(CAR_T, car_t, at=EVENING)
    assert state_of(CAR_T, car_t, at=EVENING).key == one.key
    assert state_of(CAR_T, car_t, at=EVENING + timedelta(minutes=1)).key == one.key
    assert state_of(CAR_T, car_t, at=EVENING - timedelta(hours=2)).key != one.key


def test_the_key_is_the_same_on_every_machine(car_t: bytes, tmp_path: Path) -> None:
    import subprocess
    import sys

    file = tmp_path / "b.json"
    file.write_bytes(car_t)
    script = (
        "import sys; from datetime import *; from pathlib import Path; from tocsin.service.patients import state_of\n"
        f"print(state_of({CAR_T!r}, Path(sys.argv[1]).read_bytes(), at=datetime(2026, 2, 12, 20, tzinfo=UTC)).key)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )
    assert done.stdout.strip() == state_of(CAR_T, car_t, at=EVENING).key


def test_a_patient_without_a_therapy_has_a_state_without_advice() -> None:
    state = state_of(
        "p1", bundle(resource("Patient", "p1", birthDate="1980-02-03"), resource(code={"text": "x"}))
    )
    assert (state.advice, state.course, state.claim, state.missing, state.why) == (None, None, None, (), "")
    assert len(state.key) == 64


def test_before_the_first_record_there_is_no_advice(car_t: bytes) -> None:
    state = state_of(CAR_T, car_t, at=datetime(2020, 1, 1, tzinfo=UTC))
    assert (state.advice, state.situation) == (None, None)


def test_a_patient_with_a_therapy_and_no_fever_yet_has_advice(car_t: bytes) -> None:
    document = json.loads(car_t)
    document["entry"] = [
        entry for entry in document["entry"] if entry["resource"]["resourceType"] != "Observation"
    ]
    state = state_of(CAR_T, json.dumps(document).encode(), at=EVENING)
    assert state.advice is not None
    assert state.advice.grade.grades == (0,)
    assert state.claim is None


def test_the_zone_of_the_ward_is_that_of_the_advice(car_t: bytes) -> None:
    state = state_of(CAR_T, car_t, at=EVENING, zone="Europe/Berlin")
    assert state.advice is not None
    assert state.advice.at.isoformat() == "2026-02-12T21:00:00+01:00"


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([{"text": "Jo Made-up"}], "Jo Made-up"),
        ([{"family": "Made-up", "given": ["Jo", "Bo"]}], "Jo Bo Made-up"),
        ([{"use": "old", "text": "Old"}, {"use": "official", "family": "New"}], "New"),
        ([{}], None),
        ([], None),
        ("broken", None),
        ([{"given": [None, 7], "family": "X"}], "7 X"),
    ],
)
def test_names(kept: Patients, names: Any, shown: str | None) -> None:
    kept.ingest("n", bundle(resource("Patient", "n", name=names)))
    assert kept.state("n").name == shown


def test_the_board_shows_what_the_state_says(kept: Patients, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return EVENING.astimezone(tz)

    monkeypatch.setattr(module, "datetime", Clock)
    assert kept.board() == []
    assert kept.stale() == [CAR_T]
    row = kept.refresh(CAR_T)
    assert kept.board() == [row]
    assert kept.stale() == []
    assert (row.name, row.scale, row.grades, row.active) == ("One Made-up", "astct", (3,), True)
    assert (row.tocilizumab_doses, row.last_tocilizumab) == (1, "2026-02-12T19:30:00+00:00")
    assert row.therapy_time == "2026-02-09T16:00:00+00:00"
    assert [step[1] for step in row.spark][-1] == (3,)
    assert row.key == kept.state(CAR_T).key
    assert row.missing
    kept.ingest(CAR_T, bundle(resource(patient=CAR_T)))
    assert kept.stale() == [CAR_T], "a new version"


def test_an_active_patient_is_looked_at_again_when_time_has_passed(
    kept: Patients, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        time = EVENING

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return cls.time.astimezone(tz)

    monkeypatch.setattr(module, "datetime", Clock)
    assert kept.refresh(CAR_T).active
    for minutes, stale in ((4, []), (6, [CAR_T])):
        Clock.time = EVENING + timedelta(minutes=minutes)
        assert kept.stale() == stale
    Clock.time = EVENING + timedelta(days=10)
    assert not kept.refresh(CAR_T).active
    Clock.time += timedelta(days=1)
    assert kept.stale() == [], "what is over does not change by itself"


def test_findings_and_words_reach_the_grade(car_t: bytes) -> None:
    said = Annotation(CAR_T, EVENING - timedelta(minutes=5), "attribution", "fever:other", "", "A", EVENING)
    ice = replace(said, kind="ice_score", value="3.0", unit="{score}")
    state = state_of(CAR_T, car_t, [said, ice], at=EVENING)
    assert state.situation is not None
    signals = [(event["signal"], event["numeric_value"]) for event in state.situation.chart.events]
    assert ("ice_score", 3.0) in signals
    assert ("attribution", None) in signals
