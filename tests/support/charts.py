"""A tiny language for made-up charts: `chart("0h car_t; 0h temp 39; 2h norepinephrine 8 until 5h")`, and how to show subjects.

A line is a time since the first day (`0h`, `1d6h`, `24h-1us`), a word, a value (`?`: unknown), and `until` a time.
`seen` is a record that means nothing but that the subject was still followed.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.reference import Event
from tests.support.timeline_runs import Subject, run_product, run_reference
from tocsin.knowledge.products import products
from tocsin.knowledge.signals import signal
from tocsin.knowledge.vocabulary import CAUSES, OXYGEN_DEVICE, SCALES

DAY_ZERO = dt.datetime(2025, 3, 2, tzinfo=dt.UTC)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICRO = dt.timedelta(microseconds=1)
ADULT = dt.date(1971, 1, 21)
UNITS = {"d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "us": 1}
SHORT = {
    "temp": "body_temperature",
    "sbp": "systolic_bp",
    "dbp": "diastolic_bp",
    "map": "mean_arterial_pressure",
    "bolus": "iv_fluid_bolus",
    "flow": "inhaled_o2_flow",
    "seen": "crp",
}
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
_TERM = re.compile(r"([+-]?)(\d+(?:\.\d+)?)(us|d|h|m|s)")


@dataclass(frozen=True)
class Case:
    """One line of a rule book: what is charted, and the rows that must come of it.

    A row is a time and the table's columns: a set is `2-3`, null `-`, a closing row `closed`, a death row `death` and its sets.
    """

    name: str
    chart: str
    rows: tuple[str, ...]
    birth: dt.date | None = ADULT


def case(name: str, chart: str, *rows: str, birth: dt.date | None = ADULT) -> Case:
    """A case."""
    return Case(name, chart, rows, birth)


def micros(text: str) -> int:
    """A length of time: `1d6h`, `24h-1us`, `-2d`."""
    terms = _TERM.findall(text)
    if "".join("".join(term) for term in terms) != text:
        raise ValueError(f"no time: {text}")
    total, sign = 0, 1
    for plus_minus, number, unit in terms:
        sign = -1 if plus_minus == "-" else 1 if plus_minus == "+" else sign
        total += sign * round(float(number) * UNITS[unit])
    return total


def instant(text: str) -> int:
    """A time of a chart, in microseconds UTC."""
    return (DAY_ZERO - EPOCH) // MICRO + micros(text)


def _event(line: str, event_id: int, subject_id: int) -> Event:
    """One line of a chart."""
    words = line.split()
    end = instant(words[words.index("until") + 1]) if "until" in words else None
    words = words[: words.index("until")] if "until" in words else words
    time, name, value = instant(words[0]), words[1], words[2] if len(words) > 2 else None
    if name.split("/")[0] in CAUSES:
        return Event(subject_id, time, "index_therapy", None, name, end, event_id)
    if name in OXYGEN_DEVICE:
        return Event(subject_id, time, "oxygen_device", None, name, end, event_id)
    if name == "said":
        return Event(subject_id, time, "attribution", None, value, end, event_id)
    if name == "death":
        return Event(subject_id, time, "death", None, value, end, event_id)
    number = float(value) if value is not None and _NUMBER.fullmatch(value) else None
    text = None if value in (None, "?") or number is not None else str(value).replace("_", " ")
    of = SHORT.get(name, name)
    return Event(subject_id, time, of, 1.0 if name == "seen" else number, text, end, event_id)


def chart(text: str, subject_id: int = 1) -> list[Event]:
    """The events of a chart; ids count its lines from 1."""
    lines = [line.strip() for line in re.split(r"[;\n]", text) if line.strip()]
    return [_event(line, place, subject_id) for place, line in enumerate(lines, 1)]


def since(time: dt.datetime | None) -> str:
    """A time as charts write it."""
    if time is None:
        return "-"
    left = (time - DAY_ZERO) // MICRO
    sign, left = ("-", -left) if left < 0 else ("", left)
    hours, rest = divmod(left, UNITS["h"])
    minutes, rest = divmod(rest, UNITS["m"])
    seconds, us = divmod(rest, UNITS["s"])
    parts = [
        f"{number}{unit}"
        for number, unit in ((hours, "h"), (minutes, "m"), (seconds, "s"), (us, "us"))
        if number
    ]
    return sign + ("".join(parts) or "0h")


def word(value: Any) -> str:
    """A value as tables write it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return since(value)
    if isinstance(value, list):
        return "+".join(value) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value)


def members(bits: int) -> str:
    """The grades of a set: `2-3`."""
    return "-".join(str(grade) for grade in range(8) if bits >> grade & 1)


def _cell(row: dict[str, Any], column: str) -> str:
    """One cell; the name of a scale stands for its set."""
    return members(row[f"{column}_set"]) if column in SCALES and f"{column}_set" in row else word(row[column])


def _row_words(row: dict[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    """A row without its time."""
    if row["driver"] == "death":
        return ("death", *(_cell(row, column) for column in columns if column in SCALES))
    return ("closed",) if row["closing"] else tuple(_cell(row, column) for column in columns)


def shown_rows(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> list[str]:
    """Grade rows as cases write them, those left out that differ from the one before in none of the columns."""
    full = [(since(row["time"]), row["episode"], _row_words(row, columns)) for row in rows]
    kept = [next(same) for _, same in groupby(full, key=lambda line: line[1:])]
    return [" ".join((time, *words)) for time, _, words in kept]


def graded(text: str, birth: dt.date | None = ADULT) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows and episodes of one chart by the product, after seeing that the reference engine says the same."""
    subject: Subject = (birth, chart(text))
    product = run_product([subject])
    assert product == run_reference([subject], frozenset(products())), show(subject)
    return product


def _same_times(rows: Sequence[str]) -> list[str]:
    """Expected rows with their times written in the one way that `since` has."""
    split = [row.split(" ", 1) for row in rows]
    return [" ".join((since(DAY_ZERO + micros(time) * MICRO), *words)) for time, *words in split]


def check_rows(one: Case, columns: Sequence[str]) -> None:
    """The case's rows, in the table's columns."""
    rows, _ = graded(one.chart, one.birth)
    _compare(one, shown_rows(rows, columns), _same_times([" ".join(row.split()) for row in one.rows]))


def check_episodes(one: Case, columns: Sequence[str]) -> None:
    """The case's episodes: a line each, the table's columns."""
    _, episodes = graded(one.chart, one.birth)
    shown = [" ".join(_cell(episode, column) for column in columns) for episode in episodes]
    _compare(one, shown, [" ".join(row.split()) for row in one.rows])


def _compare(one: Case, found: list[str], expected: list[str]) -> None:
    """Fail readably when the rows are not those of the case."""
    assert found == expected, (
        f"\nchart:    {one.chart}\nexpected: {'; '.join(expected)}\nfound:    {'; '.join(found)}"
    )


def show(subject: Subject) -> str:
    """A subject as a chart, readable in a failure and fit to be pasted into a case."""
    birth, events = subject
    lines = [f"born {birth}"]
    for event in sorted(events, key=lambda one: one.time):
        time = since(EPOCH + event.time * MICRO)
        value = event.text or ("?" if event.value is None else f"{event.value:g}")
        end = "" if event.end is None else f" until {since(EPOCH + event.end * MICRO)}"
        lines.append(f"{time} {event.signal} {value}{end}    # {event.event_id}")
    return "\n".join(lines)


def differences(product: Sequence[dict[str, Any]], reference: Sequence[dict[str, Any]]) -> str:
    """The first row in which the two answers differ, and where; "" if none does."""
    for place in range(max(len(product), len(reference))):
        mine = product[place] if place < len(product) else None
        other = reference[place] if place < len(reference) else None
        if mine == other:
            continue
        if mine is None or other is None:
            return f"row {place}: only the {'reference' if mine is None else 'product'} has {_brief(mine or other)}"
        unlike = [name for name in other if mine.get(name) != other[name]]
        said = "; ".join(
            f"{name}: product {word(mine[name])}, reference {word(other[name])}" for name in unlike
        )
        return f"row {place} at {_brief(other)}: {said}"
    return ""


def _brief(row: dict[str, Any] | None) -> str:
    """The time of a row or the onset of an episode."""
    assert row is not None
    return f"{since(row.get('time') or row.get('onset'))} (episode {row['episode']})"


# The files of our CSV layout in the order that numbers their rows.
FILES = {
    "events": "events.csv",
    "index_therapy": "therapies.csv",
    "attribution": "annotations.csv",
    "subjects": "subjects.csv",
}
HEADERS = (
    "subject_id,time,signal,value,unit,text,end",
    "subject_id,time,cause,product",
    "subject_id,time,attribution",
    "subject_id,birth_date",
)
STRIDE = 10_000_000_000


def _stamp(time: int | None) -> str:
    """A time as our CSV layout has it."""
    return "" if time is None else (EPOCH + time * MICRO).isoformat()


def _line(event: Event) -> tuple[object, ...]:
    """An event as a line of its file."""
    who, when = event.subject_id, _stamp(event.time)
    if event.signal == "index_therapy":
        return (who, when, *(event.text or "").partition("/")[::2])
    if event.signal == "attribution":
        return who, when, event.text
    value = "" if event.value is None else repr(event.value)
    unit = signal(event.signal).unit if signal(event.signal).missing_unit == "reject" else ""
    return who, when, event.signal, value, unit, event.text or "", _stamp(event.end)


def write_folder(folder: Path, made_up: Sequence[Subject]) -> list[Subject]:
    """Write subjects in our CSV layout; return them with the event ids that their rows have there."""
    lines: dict[str, list[tuple[object, ...]]] = {name: [] for name in FILES}
    numbered: list[Subject] = []
    for birth, events in made_up:
        mine: list[Event] = []
        for event in events:
            file = event.signal if event.signal in FILES else "events"
            lines[file].append(_line(event))
            mine.append(replace(event, event_id=STRIDE * list(FILES).index(file) + len(lines[file])))
        lines["subjects"].append((events[0].subject_id, birth or ""))
        numbered.append((birth, mine))
    folder.mkdir(parents=True, exist_ok=True)
    for (name, file), header in zip(FILES.items(), HEADERS, strict=True):
        with (folder / file).open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(header.split(","))
            writer.writerows(lines[name])
    return numbered
