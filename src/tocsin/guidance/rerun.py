"""The timeline run anew over one subject's own events, up to an instant that enters as an empty event (timeline.md 2)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from tocsin.engines.plan import therapy_arrays
from tocsin.episodes import episode_table, grade_table
from tocsin.events.concepts import DEATH_WORDS
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.signals import signal_ids
from tocsin.knowledge.timeline import Timeline as Numbers
from tocsin.knowledge.vocabulary import ATTRIBUTION, OXYGEN_DEVICE, SCALES
from tocsin.records import lines_of
from tocsin.timeline import Batch, Births, Timeline
from tocsin.timeline.layout import NO_END, Rules
from tocsin.timeline.rules import rules_of

Line = dict[str, Any]
Kinds = list[tuple[str, str | None]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EMPTY = "attribution"  # an annotation that says nothing: it changes no state


def run_timeline(
    events: Sequence[Line], birth: date | None, numbers: Numbers, scale: str | None, at: datetime
) -> tuple[list[Line], list[Line]]:
    """Return the grade rows and episodes of one subject's events, all at or before `at`, as they stand at that instant."""
    kinds = _kinds(events)
    if not events:
        return [], []
    timeline = Timeline(
        _rules(numbers, scale), therapy_arrays(kinds), _births(events[0]["subject_id"], birth)
    )
    timeline.feed(_batch([*events, _empty_event(events[0]["subject_id"], at)], kinds))
    timeline.finish()
    rows, episodes = timeline.take()
    unread = np.zeros(len(episodes), np.uint8)  # ICANS is read by the situation, up to the same instant
    return lines_of(grade_table(rows, kinds)), lines_of(episode_table(episodes, kinds, unread))


def is_therapy(event: Mapping[str, Any]) -> bool:
    """Return whether an event is an index therapy."""
    return event["signal"] == "index_therapy" or event["signal"] in therapy_signals()


def therapy_of(event: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return cause and product of a therapy event."""
    cause, _, product = str(event["text_value"]).partition("/")
    return cause, product or None


def _kinds(events: Sequence[Line]) -> Kinds:
    return sorted({therapy_of(event) for event in events if is_therapy(event)}, key=str)


def _rules(numbers: Numbers, scale: str | None) -> Rules:
    rules = rules_of(numbers)
    if scale is None:
        return rules
    return rules._replace(record_scale=np.full_like(rules.record_scale, SCALES.index(scale)))


def _births(subject_id: int, birth: date | None) -> Births:
    if birth is None:
        return Births(np.zeros(0, np.int64), np.zeros(0, np.int64))
    born = datetime(birth.year, birth.month, birth.day, tzinfo=UTC)
    return Births(np.array([subject_id], np.int64), np.array([_micros(born)], np.int64))


def _micros(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _empty_event(subject_id: int, at: datetime) -> Line:
    nothing: Line = dict.fromkeys(("numeric_value", "text_value", "end"))
    return {**nothing, "subject_id": subject_id, "time": at, "signal": _EMPTY, "event_id": -1}


def _batch(events: Sequence[Line], kinds: Kinds) -> Batch:
    """Return events, in order of time, as the timeline reads them."""
    values, numbers = [event["numeric_value"] for event in events], signal_ids()
    return Batch(
        subject_id=np.full(len(events), events[0]["subject_id"], np.int64),
        time=np.array([_micros(event["time"]) for event in events], np.int64),
        signal=np.array([numbers[event["signal"]] for event in events], np.int16),
        value=np.array([np.nan if value is None else value for value in values], np.float64),
        category=np.array([_category(event, kinds) for event in events], np.int32),
        end=np.array(
            [NO_END if event["end"] is None else _micros(event["end"]) for event in events], np.int64
        ),
        event_id=np.array([event["event_id"] for event in events], np.int64),
    )


def _category(event: Line, kinds: Kinds) -> int:
    """Return the code of an event's word: a device, an attribution, a death word, a therapy."""
    word = event["text_value"]
    if word is None and event["signal"] != "death":
        return -1
    if is_therapy(event):
        return kinds.index(therapy_of(event))
    if event["signal"] == "oxygen_device":
        return OXYGEN_DEVICE.index(word)
    if event["signal"] == "attribution":
        return ATTRIBUTION.index(word) if word in ATTRIBUTION else -1
    return DEATH_WORDS.get(word or "", -1) if event["signal"] == "death" else -1
