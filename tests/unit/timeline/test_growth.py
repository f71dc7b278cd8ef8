"""Nothing in the timeline has a fixed size: many infusions, many therapies, many rows, a million events of one instant."""

import time

import numpy as np
import pytest

from tests.reference import Event
from tests.support.charts import ADULT, differences, instant
from tests.support.timeline_runs import Subject, births_of, run_product, run_reference
from tocsin.engines.plan import therapy_arrays
from tocsin.knowledge.products import products
from tocsin.knowledge.scales import grade_tables
from tocsin.knowledge.signals import signal_ids
from tocsin.knowledge.timeline import defaults
from tocsin.timeline import Batch, Timeline
from tocsin.timeline.layout import HOUR, NO_END
from tocsin.timeline.rules import build_rules

ZERO = instant("0h")
START = [
    Event(1, ZERO, "index_therapy", text="car_t", event_id=1),
    Event(1, ZERO, "body_temperature", 39.0, event_id=2),
]
LAST = Event(1, ZERO + 100 * HOUR, "crp", 1.0, event_id=999)


def agree(subject: Subject, pieces: int = 1) -> int:
    """Hold one subject against the reference engine; return how many rows it has."""
    rows, episodes = run_product([subject], pieces=pieces)
    reference = run_reference([subject], frozenset(products()))
    assert not differences(rows, reference[0])
    assert not differences(episodes, reference[1])
    return len(rows)


@pytest.mark.parametrize("number", [7, 8, 9, 16, 17, 100])
def test_many_overlapping_infusions_of_one_agent(number: int) -> None:
    """Each starts a minute after the last one and ends before it: none makes another superfluous."""
    minute = HOUR // 60
    infusions = [
        Event(
            1,
            ZERO + n * minute,
            "norepinephrine",
            5.0 + n % 3 * 10,
            end=ZERO + 8 * HOUR - n * minute,
            event_id=n + 3,
        )
        for n in range(number)
    ]
    assert agree((ADULT, [*START, *infusions, LAST])) > 1


@pytest.mark.parametrize("number", [8, 9, 100])
def test_many_infusions_of_one_instant(number: int) -> None:
    """The longer the slower: all are needed in their time."""
    infusions = [
        Event(1, ZERO + HOUR, "norepinephrine", 30.0 - n / 10, end=ZERO + (2 + n) * HOUR // 2, event_id=n + 3)
        for n in range(number)
    ]
    assert agree((ADULT, [*START, *infusions, LAST])) > 1


@pytest.mark.parametrize("number", [8, 9, 40])
def test_many_therapies(number: int) -> None:
    doses = [
        Event(1, ZERO + n * 30 * HOUR, "index_therapy", text="antibody", event_id=3 + 2 * n)
        for n in range(number)
    ]
    fevers = [
        Event(1, dose.time + HOUR, "body_temperature", 39.0, event_id=dose.event_id + 1) for dose in doses
    ]
    assert agree((ADULT, [*START, *doses, *fevers])) >= number


@pytest.mark.slow
def test_more_kinds_of_therapy_than_the_usual_room() -> None:
    """Over 256 distinct products the compiled code is made anew, for more."""
    doses = [
        Event(1, ZERO, "index_therapy", text=f"car_t/product_{n:03}", event_id=n + 3) for n in range(300)
    ]
    assert agree((ADULT, [*START[1:], *doses])) >= 1


def test_many_runs_that_all_end_after_the_last_event() -> None:
    agents = ("norepinephrine", "epinephrine", "phenylephrine", "dopamine", "angiotensin_ii", "vasopressin")
    infusions = [
        Event(
            1,
            ZERO + n * HOUR // 6,
            agents[n % 6],
            5.0 if n % 6 < 5 else 0.03,
            end=ZERO + (30 + n) * HOUR,
            event_id=n + 3,
        )
        for n in range(60)
    ]
    assert agree((ADULT, [*START, *infusions, LAST]), pieces=20) > 4


def columns(number: int) -> dict[str, np.ndarray]:
    """Arrays for a batch of one subject: CAR-T, then temperatures of 38.5 at one instant an hour later."""
    signal = np.full(number, signal_ids()["body_temperature"], np.int16)
    signal[:1] = signal_ids()["index_therapy"]
    when = np.full(number, ZERO + HOUR, np.int64)
    when[:1] = ZERO
    return {
        "subject_id": np.ones(number, np.int64), "time": when, "signal": signal, "value": np.full(number, 38.5),
        "category": np.where(np.arange(number) == 0, 0, -1).astype(np.int32), "end": np.full(number, NO_END, np.int64),
        "event_id": np.arange(number, dtype=np.int64),
    }  # fmt: skip


def new_timeline() -> Timeline:
    """A timeline for one kind of therapy."""
    return Timeline(build_rules(defaults(), grade_tables()), therapy_arrays([("car_t", None)]), births_of([]))


def test_a_million_events_of_one_instant_take_no_time() -> None:
    batch = columns(1_000_000)
    kinds = ("body_temperature", "systolic_bp", "iv_fluid_bolus", "norepinephrine", "inhaled_o2_flow")
    batch["signal"][1:] = np.array([signal_ids()[kind] for kind in kinds])[np.arange(999_999) % 5]
    timeline = new_timeline()
    timeline.feed(Batch(**{name: column[:1000] for name, column in columns(1000).items()}))  # compiled by now
    timeline.finish()
    timeline.take()
    begun = time.perf_counter()
    timeline.feed(Batch(**batch))
    timeline.finish()
    rows, episodes = timeline.take()
    assert time.perf_counter() - begun < 5
    assert (len(rows), len(episodes)) == (1, 1)


def test_more_rows_in_a_batch_than_fit_at_once() -> None:
    """Each reading of the pressure turns the row: 40,000 rows of one subject, in one batch and in many."""
    batch = columns(40_001)
    batch["time"][1:] = ZERO + HOUR + np.arange(40_000) * HOUR // 100
    batch["signal"][2:] = signal_ids()["systolic_bp"]
    batch["value"][2:] = np.where(np.arange(39_999) % 2 == 0, 80.0, 120.0)
    found = []
    for size in (50_000, 7):
        timeline = new_timeline()
        for first in range(0, len(batch["time"]), size):
            timeline.feed(Batch(**{name: column[first : first + size] for name, column in batch.items()}))
        timeline.finish()
        found.append(timeline.take()[0])
    assert len(found[0]) >= 39_990
    assert found[0].tobytes() == found[1].tobytes()


def test_more_subjects_than_episodes_fit_at_once() -> None:
    number = 20_000
    batch = columns(2 * number)
    batch["subject_id"] = np.repeat(np.arange(1, number + 1), 2)
    even = np.arange(2 * number) % 2 == 0
    batch["signal"] = np.where(even, signal_ids()["index_therapy"], signal_ids()["body_temperature"]).astype(
        np.int16
    )
    batch["time"] = np.where(even, ZERO, ZERO + HOUR)
    batch["category"] = np.where(even, 0, -1).astype(np.int32)
    timeline = new_timeline()
    timeline.feed(Batch(**batch))
    timeline.finish()
    rows, episodes = timeline.take()
    assert rows["subject_id"].tolist() == episodes["subject_id"].tolist() == list(range(1, number + 1))


def test_take_gives_each_row_once() -> None:
    timeline = new_timeline()
    timeline.feed(Batch(**columns(3)))
    timeline.finish()
    assert [len(table) for table in timeline.take()] == [1, 1]
    assert [len(table) for table in timeline.take()] == [0, 0]


def test_a_timeline_without_events_is_empty() -> None:
    timeline = new_timeline()
    timeline.feed(Batch(**columns(0)))
    timeline.finish()
    assert [len(table) for table in timeline.take()] == [0, 0]
