"""The situation of a made-up chart at an instant, without files: what the guidance is told."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from typing import Any

from tests.reference import Event
from tests.support.charts import ADULT, DAY_ZERO, MICRO, chart, micros
from tocsin.events.concepts import therapy_text
from tocsin.guidance.advice import Advice
from tocsin.guidance.advise import advise_records
from tocsin.guidance.situation import Situation, read_situation
from tocsin.knowledge.conditions import Value
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.timeline import defaults
from tocsin.records import Records

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def moment(text: str) -> dt.datetime:
    """A time of a chart."""
    return DAY_ZERO + micros(text) * MICRO


def _time(micro: int | None) -> dt.datetime | None:
    return None if micro is None else EPOCH + micro * MICRO


def _text(event: Event) -> str | None:
    """The text of an event; a therapy that is a signal of its own says cause and product, as in `events.parquet`."""
    known = therapy_signals().get(event.signal)
    return event.text if known is None else therapy_text(*known)


def records(text: str, birth: dt.date | None = ADULT, scale: str | None = None, zone: str = "UTC") -> Records:
    """A chart as the records of a run; grades and episodes are left out: the guidance runs the timeline anew."""
    numbers = {field.name: getattr(defaults(), field.name) for field in fields(defaults())}
    events: list[dict[str, Any]] = [
        {
            "subject_id": one.subject_id, "time": _time(one.time), "code": one.signal, "numeric_value": one.value,
            "text_value": _text(one), "signal": one.signal, "end": _time(one.end), "event_id": one.event_id,
        }
        for one in chart(text)
    ]  # fmt: skip
    subject = {"subject_id": 1, "source_id": "1", "birth_date": birth, "sex": None}
    run = {"parameters": {**numbers, "scale": scale or "by cause", "set": {"zone": zone}}}
    return Records(subject=subject, grades=[], episodes=[], events=events, run=run)


def situation(text: str, at: str | None = None, **more: Any) -> Situation:
    """The situation of a chart, by default at its last record."""
    return read_situation(records(text, **more), None if at is None else moment(at))


def fact(name: str, text: str, at: str | None = None, **more: Any) -> Value:
    """One fact of a chart."""
    return situation(text, at, **more).facts[name]


def advised(text: str, at: str | None = None, pack: str = "consensus", **more: Any) -> Advice:
    """The advice of a chart."""
    return advise_records(records(text, **more), None if at is None else moment(at), pack)


def ids(advice: Advice, *kinds: str, is_open: bool | None = None) -> list[str]:
    """The rules of an advice, of some kinds, certain or open."""
    items = advice.of_kind(*kinds) if kinds else advice.items
    return [item.id for item in items if is_open is None or bool(item.undecided) == is_open]
