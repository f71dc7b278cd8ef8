"""Runs the product's timeline on the reference engine's events, and puts both answers into one comparable form."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.reference import Event, Parameters, run_subject
from tocsin.engines.plan import therapy_arrays
from tocsin.episodes import episode_table, grade_table
from tocsin.events.concepts import DEATH_WORDS
from tocsin.knowledge.scales import grade_tables
from tocsin.knowledge.signals import signal_ids
from tocsin.knowledge.timeline import Timeline as Numbers
from tocsin.knowledge.timeline import defaults
from tocsin.knowledge.vocabulary import ATTRIBUTION, OXYGEN_DEVICE, SCALES
from tocsin.timeline import Batch, Births, Timeline
from tocsin.timeline.layout import NO_END
from tocsin.timeline.rules import build_rules

DAY = 86_400_000_000
Subject = tuple[dt.date | None, Sequence[Event]]
Kinds = list[tuple[str, str | None]]


def cut(events: Sequence[Event], parameters: Parameters) -> list[Event]:
    """The cut of section 1; subjects without a therapy keep nothing."""
    times = [event.time for event in events if event.signal == "index_therapy"]
    if not times:
        return []
    start, end = min(times) - parameters.window_before, max(times) + parameters.window_after
    return [
        e for e in events if e.time <= end and (e.time >= start or (e.end is not None and e.end >= start))
    ]


def _therapy(text: str) -> tuple[str, str | None]:
    cause, _, product = text.partition("/")
    return cause, product or None


def _category(event: Event, kinds: Kinds) -> int:
    if event.signal == "oxygen_device":
        return OXYGEN_DEVICE.index(str(event.text))
    if event.signal == "attribution":
        return ATTRIBUTION.index(str(event.text)) if event.text in ATTRIBUTION else -1
    if event.signal == "death":
        return DEATH_WORDS[event.text or ""]
    return kinds.index(_therapy(str(event.text))) if event.signal == "index_therapy" else -1


def therapy_kinds(subjects: Sequence[Subject]) -> Kinds:
    """The distinct therapies of some subjects."""
    return sorted(
        {_therapy(str(e.text)) for _, events in subjects for e in events if e.signal == "index_therapy"},
        key=lambda kind: (kind[0], kind[1] or ""),
    )


def as_batch(events: Sequence[Event], kinds: Kinds) -> Batch:
    """Events as the timeline reads them, sorted by subject and time only."""
    ordered = sorted(events, key=lambda event: (event.subject_id, event.time))
    return Batch(
        subject_id=np.array([e.subject_id for e in ordered], np.int64),
        time=np.array([e.time for e in ordered], np.int64),
        signal=np.array([signal_ids()[e.signal] for e in ordered], np.int16),
        value=np.array([np.nan if e.value is None else e.value for e in ordered], np.float64),
        category=np.array([_category(e, kinds) for e in ordered], np.int32),
        end=np.array([NO_END if e.end is None else e.end for e in ordered], np.int64),
        event_id=np.array([e.event_id for e in ordered], np.int64),
    )


def births_of(subjects: Sequence[Subject]) -> Births:
    """The birth instants of the subjects, whose ids ascend."""
    known = [(events[0].subject_id, birth) for birth, events in subjects if birth is not None and events]
    days = [(birth - dt.date(1970, 1, 1)).days * DAY for _, birth in known]
    return Births(np.array([subject for subject, _ in known], np.int64), np.array(days, np.int64))


def run_product(
    subjects: Sequence[Subject], numbers: Numbers | None = None, pieces: int = 1
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Grade rows and episodes of the product, as the promised tables have them; the input cut into pieces."""
    kinds = therapy_kinds(subjects)
    events = [event for _, one in subjects for event in cut(one, Parameters())]
    timeline = Timeline(
        build_rules(numbers or defaults(), grade_tables()), therapy_arrays(kinds), births_of(subjects)
    )
    batch = as_batch(events, kinds)
    for chosen in np.array_split(np.arange(len(events)), pieces):
        timeline.feed(Batch(*(column[chosen] for column in batch)))
    timeline.finish()
    rows, episodes = timeline.take()
    no_icans = np.zeros(len(episodes), np.uint8)
    return grade_table(rows, kinds).to_pylist(), episode_table(episodes, kinds, no_icans).to_pylist()


def _instant(micros: int | None) -> dt.datetime | None:
    if micros is None:
        return None
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)


def run_reference(
    subjects: Sequence[Subject], known_products: frozenset[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The same of the reference engine, in the same form."""
    rows: list[dict[str, Any]] = []
    episodes: list[dict[str, Any]] = []
    for birth, events in subjects:
        some_rows, some_episodes = run_subject(events, birth, Parameters(known_products=known_products))
        rows += [_row(row) for row in some_rows]
        episodes += [_episode(episode) for episode in some_episodes]
    return rows, episodes


_STATES = ("fever", "fever_waived", "hypotension", "dose_band", "run_24h", "oxygen", "fio2_band", "airway_tube", "driver",
           "evidence_fever", "evidence_pressure", "evidence_vasopressor", "evidence_oxygen")  # fmt: skip


def _row(row: Any) -> dict[str, Any]:
    sets = {scale: row.sets[scale] for scale in SCALES}
    grades = {scale: bits.bit_length() - 1 if bits.bit_count() == 1 else None for scale, bits in sets.items()}
    return {
        "subject_id": row.subject_id, "time": _instant(row.time), "episode": row.episode,
        "cause": row.cause, "product": row.product,
        **{name: getattr(row, name) for name in _STATES},
        **grades, **{f"{scale}_set": bits for scale, bits in sets.items()},
        "flags": list(row.flags), "closing": row.closing,
    }  # fmt: skip


def _episode(episode: Any) -> dict[str, Any]:
    plain = (
        "subject_id",
        "episode",
        "cause",
        "product",
        "ended",
        "tocilizumab_doses",
        "glucocorticoid_days",
        "highest_oxygen",
    )
    times = ("therapy_time", "onset", "resolved_at", "first_tocilizumab")
    return {
        **{name: getattr(episode, name) for name in plain},
        **{name: _instant(getattr(episode, name)) for name in times},
        "hours": episode.hours, "vasopressor_hours": episode.vasopressor_hours, "flags": list(episode.flags),
        "icans_peak": None, "icans_peak_set": None,
        **{f"{scale}_peak_low": episode.peak_low[scale] for scale in SCALES},
        **{f"{scale}_peak_high": episode.peak_high[scale] for scale in SCALES},
        **{f"{scale}_peak_time": _instant(episode.peak_time[scale]) for scale in SCALES},
    }  # fmt: skip
