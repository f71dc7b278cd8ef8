"""A course as a MEDS dataset: `SYSTEM//code//unit` for what has a moment, the pairs of MIMIC-IV for what lasts."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.reference import Event
from tests.support.five_formats.course import (
    INFUSIONS,
    READINGS,
    Course,
    code,
    is_of_day,
    per_kg,
    round_per_kg,
    therapy,
    wall,
)
from tests.support.made_up import meds_table
from tocsin.knowledge.signals import signal

SCHEMA = pa.schema(
    [("subject_id", pa.int64()), ("time", pa.timestamp("us")), ("code", pa.string()), ("numeric_value", pa.float32()),
     ("text_value", pa.string())]
)  # fmt: skip
SHARDS = 2
SALINE = "225158"
# A row: time, code, number, word.
Row = tuple[dt.datetime | None, str, float | None, str | None]
# Devices that MIMIC-IV charts as words, and the ventilation that it charts as a procedure with a start and an end.
WORDS = {"nasal_cannula": "Nasal cannula", "high_flow_nasal_cannula": "High flow nasal cannula",
         "non_rebreather": "Non-rebreather", "room_air": "None"}  # fmt: skip
PROCEDURES = {"invasive_ventilation": "225792", "bipap": "225794"}
DELIVERY = "LAB//226732//UNK"


def write_meds(folder: Path, courses: Sequence[Course]) -> int:
    """Write shards sorted by subject and time, in the hospital's own clock; return how many rows."""
    (folder / "data").mkdir(parents=True)
    for shard in range(SHARDS):
        lines: list[Any] = [
            (course.number, *row) for course in courses[shard::SHARDS] for row in rows(course)
        ]
        lines.sort(key=lambda line: (line[0], line[1] or dt.datetime.min))
        pq.write_table(meds_table(lines, SCHEMA), folder / "data" / f"{shard}.parquet")
    return sum(1 for course in courses for _ in rows(course))


def rows(course: Course) -> Iterator[Row]:
    """All rows of a subject."""
    if course.birth is not None:
        yield dt.datetime.combine(course.birth, dt.time()), "MEDS_BIRTH", None, None
    yield None, f"GENDER//{course.sex}", None, None
    for event in course.events:
        yield from _rows(course, event)
    for event in course.refused:
        yield wall(event.time), f"MEDICATION//START//{event.signal.capitalize()}", None, None


def _rows(course: Course, event: Event) -> Iterator[Row]:
    """The rows of one event."""
    when, end = wall(event.time), None if event.end is None else wall(event.end)
    unit = signal(event.signal).unit
    if event.signal in READINGS:
        yield when, f"LOINC//{code(event.signal, 'LOINC')}//{unit}", event.value, None
    elif event.signal == "index_therapy":
        yield when, f"RxNorm//{code(therapy(event)[1], 'RxNorm')}", None, None
    elif event.signal == "ice_score":
        yield when, "FLOWSHEET//ICE", event.value, None
    elif event.signal == "death":
        day = dt.datetime.combine(when.date(), dt.time())
        yield (day if is_of_day(event.time) else when), "MEDS_DEATH", None, event.text
    elif event.signal == "oxygen_device":
        yield from _device(course, event, when, end)
    elif event.signal == "iv_fluid_bolus":
        yield when, f"INFUSION_START//{SALINE}", None, None
        yield end, f"INFUSION_END//{SALINE}", event.value, None
    elif event.signal in INFUSIONS and end is not None:
        item = code(event.signal, "MIMIC")
        yield when, f"INFUSION_START//{item}", _pump_rate(course, event), None
        yield end, f"INFUSION_END//{item}", None, None
    elif event.signal != "attribution":  # drugs, and rates charted without an end
        yield when, f"RxNorm//{code(event.signal, 'RxNorm')}//{unit}", event.value, None


def _pump_rate(course: Course, event: Event) -> float | None:
    """The rate in the unit of the MIMIC-IV item: per kg and minute, of vasopressin per hour."""
    if event.signal == "vasopressin":
        return None if event.value is None else round(event.value * 60, 6)
    if signal(event.signal).unit != "ug/min":
        return event.value
    round_rate = round_per_kg(course, event)
    return per_kg(course, event) if round_rate is None else round_rate


def _device(course: Course, event: Event, when: dt.datetime, end: dt.datetime | None) -> Iterator[Row]:
    """A device; MEDS tells its end by room air then, unless another device was put on before."""
    word = str(event.text)
    if end is not None and word in PROCEDURES:
        yield when, f"PROCEDURE//START//{PROCEDURES[word]}", None, None
        yield end, f"PROCEDURE//END//{PROCEDURES[word]}", None, None
        return
    if word in WORDS:
        yield when, DELIVERY, None, WORDS[word]
    else:
        yield when, f"SNOMED//{code('oxygen_device', 'SNOMED', word)}", None, None
    others = [one.time for one in course.of("oxygen_device") if one.event_id != event.event_id]
    if (
        end is not None
        and event.end is not None
        and not any(event.time <= time <= event.end for time in others)
    ):
        yield end, DELIVERY, None, WORDS["room_air"]
