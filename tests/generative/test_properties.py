"""The properties of timeline.md section 6, each by its number; those that need files are in test_folders.py."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from itertools import product as combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generative.strategies import DAY, HOUR, random_subject, subjects
from tests.reference import Event
from tests.support.charts import ADULT, show
from tests.support.timeline_runs import Subject, as_batch, births_of, run_product, therapy_kinds
from tocsin.engines.plan import therapy_arrays
from tocsin.episodes import episode_table, grade_table
from tocsin.knowledge.scales import grade_tables
from tocsin.knowledge.timeline import defaults
from tocsin.knowledge.vocabulary import DOSE_BAND, FIO2_BAND, HYPOTENSION, OXYGEN, SCALES
from tocsin.timeline import Births, Timeline
from tocsin.timeline.rows import grade_set
from tocsin.timeline.rules import build_rules

Rows = list[dict[str, Any]]


def many(seed: int, number: int) -> list[Subject]:
    """Made-up subjects, numbered from 1."""
    rng = random.Random(seed)
    return [random_subject(rng, place) for place in range(1, number + 1)]


# 1


@settings(max_examples=200)
@given(subjects(), st.randoms(use_true_random=False))
def test_1_the_order_of_events_at_one_timestamp_does_not_matter(subject: Subject, rng: random.Random) -> None:
    birth, events = subject
    shuffled = (birth, rng.sample(events, len(events)))
    assert run_product([shuffled]) == run_product([subject]), show(subject)


def test_1_nor_does_it_in_a_crowd() -> None:
    rng = random.Random(1)
    crowd = many(11, 400)
    shuffled = [(birth, rng.sample(events, len(events))) for birth, events in crowd]
    assert run_product(shuffled) == run_product(crowd)


# 2


def shifted(subject: Subject, by: int) -> tuple[Rows, Rows]:
    """Rows and episodes of a subject whose every instant, birth too, is moved, with their own times moved back."""
    birth, events = subject
    kinds = therapy_kinds([subject])
    moved = [replace(e, time=e.time + by, end=None if e.end is None else e.end + by) for e in events]
    born = births_of([(birth, events)])
    born = Births(born.subject_id, born.time + by)
    timeline = Timeline(build_rules(defaults(), grade_tables()), therapy_arrays(kinds), born)
    timeline.feed(as_batch(moved, kinds))
    timeline.finish()
    rows, episodes = timeline.take()
    rows["time"] -= by
    for name in ("therapy_time", "onset", "resolved_at", "first_tocilizumab", "last_row", "peak_time"):
        times = episodes[name]
        times[times > -(1 << 61)] -= by
    return grade_table(rows, kinds).to_pylist(), episode_table(
        episodes, kinds, np.zeros(len(episodes), np.uint8)
    ).to_pylist()


@settings(max_examples=200)
@given(subjects(), st.integers(-20_000, 20_000))
def test_2_a_shift_by_days_shifts_the_output(subject: Subject, days: int) -> None:
    assert shifted(subject, days * DAY) == shifted(subject, 0), show(subject)


@settings(max_examples=200)
@given(subjects(), st.integers(-(10**15), 10**15))
def test_2_a_shift_by_any_time_shifts_all_but_the_count_of_utc_days(subject: Subject, by: int) -> None:
    (rows, episodes), (still_rows, still_episodes) = shifted(subject, by), shifted(subject, 0)
    for episode in (*episodes, *still_episodes):
        del episode["glucocorticoid_days"]
    assert (rows, episodes) == (still_rows, still_episodes), show(subject)


# 3


def test_3_subjects_do_not_touch_each_other() -> None:
    crowd = many(31, 150)
    alone = [run_product([subject]) for subject in crowd]
    together = run_product(crowd)
    assert together == (
        [row for rows, _ in alone for row in rows],
        [one for _, episodes in alone for one in episodes],
    )


@pytest.mark.parametrize("pieces", [2, 7, 64, 1_000, 100_000])
def test_3_cuts_between_and_inside_subjects_change_nothing(pieces: int) -> None:
    """With more pieces than events each event is a batch of its own, and some batches are empty."""
    crowd = many(32, 60)
    assert run_product(crowd, pieces=pieces) == run_product(crowd)


# 4

# (less, more): each step adds support, or the band of the same support rises.
PRESSURE_STEPS = [
    ("none", "untreated"),
    ("untreated", "fluids"),
    ("fluids", "fluids_repeated"),
    ("fluids_repeated", "vasopressin_alone"),
    ("fluids_repeated", "one"),
    ("vasopressin_alone", "one_plus_vasopressin"),
    ("one", "one_plus_vasopressin"),
    ("one", "multiple"),
    ("one_plus_vasopressin", "multiple"),
]
OXYGEN_STEPS = [
    ("none", "low_flow"),
    ("low_flow", "cannula_flow_unknown"),
    ("cannula_flow_unknown", "high_flow"),
    ("none", "high_flow_at_low_flow"),
    ("high_flow_at_low_flow", "high_flow"),
    ("high_flow", "mask"),
    ("mask", "positive_pressure"),
    ("none", "device_unknown"),
    ("positive_pressure", "ventilator"),
]
Cell = tuple[int, ...]


def pressure_cells(category: str) -> list[Cell]:
    """The cells of a category in the hypotension table: category, dose band, run of 24 h."""
    code = HYPOTENSION.index(category)
    if code < HYPOTENSION.index("one"):
        return [(code, 0, 0)]
    return [(code, band + 1, run) for band in range(len(DOSE_BAND)) for run in (0, 1)]


def oxygen_cells(category: str) -> list[Cell]:
    """The cells of a category in the oxygen table: category, FiO2 band, airway tube."""
    code = OXYGEN.index(category)
    bands = (
        [0]
        if category == "none"
        else [FIO2_BAND.index(band) + 1 for band in ("below_40", "unknown", "at_least_40")]
    )
    return [(code, band, 0) for band in bands]


def steps() -> Iterator[tuple[str, Cell, Cell]]:
    """Every step to more support: the axis, the cell before and the cell after."""
    for less, more in PRESSURE_STEPS:
        for one, other in combinations(pressure_cells(less), pressure_cells(more)):
            if one[1] == 0 or one[1:] == other[1:]:
                yield "hypotension", one, other
    for category in HYPOTENSION[HYPOTENSION.index("one") :]:
        for one, other in combinations(pressure_cells(category), repeat=2):
            if one != other and one[1] <= other[1] and one[2] <= other[2]:
                yield "hypotension", one, other
    for less, more in OXYGEN_STEPS:
        for one, other in combinations(oxygen_cells(less), oxygen_cells(more)):
            if one[1] == 0 or one[1] == other[1]:
                yield "oxygen", one, other
    for category in OXYGEN[1:]:
        cells = oxygen_cells(category)
        yield from (("oxygen", one, other) for one, other in pairwise(cells))


def ends(bits: int) -> tuple[int, int]:
    """The lowest and the highest grade of a set."""
    return (bits & -bits).bit_length() - 1, bits.bit_length() - 1


def lowers(less: int, more: int) -> bool:
    """Whether the lowest or the highest grade of a set falls."""
    return any(after < before for before, after in zip(ends(less), ends(more), strict=True))


# MSKCC counts hours of the counted vasopressors only: vasopressin alone may have run its 24 h (2 or 3), and a vasopressor
# added to it starts a run of its own (2). The one known difference; it must go from here when the table no longer has it.
KNOWN_DIFFERENCES = {("mskcc", "vasopressin_alone", "one_plus_vasopressin", "low")}


@pytest.mark.parametrize("scale", SCALES)
def test_4_more_support_never_lowers_a_member_of_the_tables(scale: str) -> None:
    tables, place = grade_tables(), SCALES.index(scale)
    found = {
        (axis, one, other)
        for axis, one, other in steps()
        if lowers(int(getattr(tables, axis)[place][one]), int(getattr(tables, axis)[place][other]))
    }
    known = {
        (
            "hypotension",
            (HYPOTENSION.index(less), 0, 0),
            (HYPOTENSION.index(more), DOSE_BAND.index(band) + 1, 0),
        )
        for name, less, more, band in KNOWN_DIFFERENCES
        if name == scale
    }
    assert found == known


@pytest.mark.parametrize("scale", SCALES)
def test_4_nor_of_what_is_graded_from_them(scale: str) -> None:
    """Where the tables' own members do not fall, those of the grade do not either, whatever stands beside them."""
    tables, place = grade_tables(), SCALES.index(scale)
    gate = bool(tables.fever_gate[place])
    others = {"hypotension": np.unique(tables.oxygen[place]), "oxygen": np.unique(tables.hypotension[place])}
    found = {
        (axis, int(getattr(tables, axis)[place][one]), int(getattr(tables, axis)[place][other]))
        for axis, one, other in steps()
    }
    for axis, less, more in {step for step in found if not lowers(*step[1:])}:
        for beside in others[axis][others[axis] > 0].tolist():
            for fever, waived in combinations((False, True), repeat=2):
                one, other = (grade_set(bits, beside, fever, waived, gate) for bits in (less, more))
                assert not lowers(one, other), (
                    f"{axis} {less:b} -> {more:b} beside {beside:b}: {one:b} -> {other:b}"
                )


# 7


def sets_over_time(rows: Iterable[dict[str, Any]], instants: Sequence[Any]) -> list[tuple[int, ...]]:
    """The sets of all scales at each instant: those of the latest row at or before it, all 0 before any."""
    waiting, now, found = list(rows)[::-1], (0,) * len(SCALES), []
    for instant in instants:
        while waiting and waiting[-1]["time"] <= instant:
            row = waiting.pop()
            now = tuple(row[f"{scale}_set"] for scale in SCALES)
        found.append(now)
    return found


def narrows(known: Subject, blanked: Subject) -> str:
    """Where blanking took a grade out of a set, "" if nowhere or if chronic support is in play."""
    before, after = run_product([known])[0], run_product([blanked])[0]
    if any("baseline_support" in row["flags"] for row in (*before, *after)):
        return ""
    instants = sorted({row["time"] for row in (*before, *after)})
    for instant, one, other in zip(
        instants, sets_over_time(before, instants), sets_over_time(after, instants), strict=True
    ):
        if any(bits & ~wider for bits, wider in zip(one, other, strict=True)):
            return f"at {instant}: {one} became {other}\n{show(known)}"
    return ""


AGENTS = ("norepinephrine", "epinephrine", "phenylephrine", "dopamine", "angiotensin_ii", "vasopressin")


def test_7_blanking_all_rates_of_an_infusion_only_widens() -> None:
    """A rate of 0 stays: it is a stop, not a rate."""
    tried = 0
    for birth, events in many(71, 400):
        for agent in {e.signal for e in events if e.signal in AGENTS and e.value}:
            blanked = [replace(e, value=None) if e.signal == agent and e.value else e for e in events]
            tried += 1
            assert not (said := narrows((birth, events), (birth, blanked))), f"{agent} {said}"
    assert tried > 300


DEVICES = (
    "nasal_cannula",
    "nasal_cannula",
    "high_flow_nasal_cannula",
    "blow_by",
    "simple_face_mask",
    "bipap",
    "invasive_ventilation",
    "ecmo",
)
WORDS = ("intubation:airway_only", "intubation:hypoxia", "hypoxia:other", "hypoxia:crs")


def device_runs(rng: random.Random) -> tuple[list[Event], list[tuple[str, list[Event]]]]:
    """A subject on device after device, and the flows and FiO2 of each run, all charted in a run.

    Values charted before a device came also make `device_unknown`, so taking them away narrows: READINGS.md leaves them aside.
    """
    start = 20_150 * DAY
    events = [
        Event(1, start, "index_therapy", text=rng.choice(("car_t", "antibody"))),
        Event(1, start + HOUR, "body_temperature", 39.0),
    ]
    time, runs = start + 2 * HOUR, []
    last = ""
    for _ in range(rng.randint(1, 5)):
        device = rng.choice([one for one in DEVICES if one != last])
        length = rng.choice((3, 6, 12, 30)) * HOUR
        records = rng.randint(1, 2)
        events += [
            Event(1, time + n * length, "oxygen_device", text=device, end=time + (n + 1) * length)
            for n in range(records)
        ]
        values = [
            Event(1, time + rng.randrange(records * length), signal, rng.choice(numbers))
            for _ in range(rng.randint(0, 4))
            for signal, numbers in (
                ("inhaled_o2_flow", (1, 4, 6, 6.1, 15, 40)),
                ("fio2", (21, 30, 39.9, 40, 60)),
            )
        ]
        events += values
        runs.append((device, values))
        last = device if (gap := rng.choice((0, 0, HOUR, 5 * HOUR))) == 0 else ""
        time += records * length + gap
    for _ in range(rng.randint(0, 2)):
        events.append(Event(1, rng.randrange(start, time), "attribution", text=rng.choice(WORDS)))
    if rng.random() < 0.5:
        events.append(Event(1, rng.randrange(start, time), "norepinephrine", 5.0))
    events.append(
        Event(1, time, "crp", 1.0)
    )  # the record ends where it ended, also when values are taken out of it
    return [replace(event, event_id=place) for place, event in enumerate(events, 1)], runs


@pytest.mark.parametrize(
    ("signal", "devices"), [("fio2", set(DEVICES)), ("inhaled_o2_flow", {"nasal_cannula"})]
)
def test_7_blanking_all_values_of_a_device_s_run_only_widens(signal: str, devices: set[str]) -> None:
    """Flows of the nasal cannula only: a high-flow cannula's name says high flow when its flow is unknown."""
    rng = random.Random(72)
    tried = 0
    for _ in range(400):
        events, runs = device_runs(rng)
        for device, values in runs:
            if device not in devices:
                continue
            gone = {(one.time, one.value) for one in values if one.signal == signal}
            if gone:
                tried += 1
                left = [e for e in events if e.signal != signal or (e.time, e.value) not in gone]
                assert not (said := narrows((ADULT, events), (ADULT, left))), said
    assert tried > 150
