"""The rows of a course: each change of the state with its grades, its reason and its evidence."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tocsin.episodes import record_scales
from tocsin.grading.sets import members
from tocsin.knowledge.signals import signal
from tocsin.knowledge.vocabulary import SCALES
from tocsin.report.course import Bar, Episode, Evidence, Row, Step
from tocsin.report.labels import days
from tocsin.report.reasons import is_recalled, settled_by, why
from tocsin.report.records import Records

Line = dict[str, Any]


def scale_of_record(run: Mapping[str, Any], cause: str) -> str:
    """Return the scale that a run graded a cause by."""
    named = run["parameters"]["scale"]
    return named if named in SCALES else record_scales()[cause]


def read_episodes(records: Records) -> tuple[Episode, ...]:
    """Return the episodes of a subject."""
    return tuple(_episode(records, line) for line in records.episodes)


def _episode(records: Records, line: Line) -> Episode:
    scale = scale_of_record(records.run, line["cause"])
    own = [row["time"] for row in records.grades if row["episode"] == line["episode"]]
    ongoing = line["ended"] is None and records.events
    low, high = line[f"{scale}_peak_low"], line[f"{scale}_peak_high"]
    return Episode(
        number=line["episode"],
        cause=line["cause"],
        product=line["product"],
        scale=scale,
        therapy_time=line["therapy_time"],
        onset=line["onset"],
        peak=(low,) if low == high else (low, high),
        peak_time=line[f"{scale}_peak_time"],
        resolved_at=line["resolved_at"],
        ended=line["ended"],
        hours=line["hours"],
        last=max(*own, records.events[-1]["time"]) if ongoing else max(own),
        flags=tuple(line["flags"]),
    )


def read_rows(records: Records, episodes: Sequence[Episode]) -> tuple[Row, ...]:
    """Return the rows of a subject with reasons and evidence."""
    events = {event["event_id"]: event for event in records.events}
    of = {episode.number: episode for episode in episodes}
    return tuple(_row(line, of[line["episode"]], events) for line in records.grades)


def _row(line: Line, episode: Episode, events: Mapping[int, Line]) -> Row:
    evidence = tuple(_evidence(line, events))
    return Row(
        time=line["time"],
        day=days(line["time"], episode.therapy_time),
        episode=line["episode"],
        closing=line["closing"],
        scale=episode.scale,
        sets={scale: members(line[f"{scale}_set"]) for scale in SCALES},
        recalled=tuple(scale for scale in SCALES if is_recalled(line, scale)),
        driver=line["driver"],
        fever=line["fever"],
        fever_waived=line["fever_waived"],
        why=why(line, episode.scale, evidence),
        settled_by=settled_by(line, episode.scale),
        evidence=evidence,
        flags=tuple(line["flags"]),
    )


def _evidence(line: Line, events: Mapping[int, Line]) -> Iterator[Evidence]:
    """Yield the events that a row rests on: support first, as people say it."""
    for part in ("vasopressor", "pressure", "oxygen", "fever"):
        event = events.get(line[f"evidence_{part}"])
        if event is not None:
            unit = signal(event["signal"]).unit
            yield Evidence(part, event["event_id"], event["signal"], event["numeric_value"], unit, event["text_value"], event["time"], event["end"])


def steps_of(rows: Sequence[Row], episodes: Sequence[Episode], scale: str | None) -> tuple[Step, ...]:
    """Return the stretches of equal grades on a scale, or on the scale of record."""
    last = {episode.number: episode.last for episode in episodes}
    steps: list[Step] = []
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        grades = row.sets[scale or row.scale]
        same_episode = following is not None and following.episode == row.episode
        end = following.time if following is not None and same_episode else max(last[row.episode], row.time)
        end = row.time if row.closing else end
        if steps and steps[-1].grades == grades and steps[-1].end == row.time and not row.closing:
            steps[-1] = Step(steps[-1].start, end, grades)
        else:
            steps.append(Step(row.time, end, grades))
    return tuple(steps)


def state_bars(rows: Sequence[Row], episodes: Sequence[Episode], state: str) -> tuple[Bar, ...]:
    """Return when a state (`fever`, `fever_waived`) held."""
    last = {episode.number: episode.last for episode in episodes}
    bars: list[Bar] = []
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        if not getattr(row, state) or row.closing:
            continue
        end: datetime = following.time if following is not None and following.episode == row.episode else last[row.episode]
        if bars and bars[-1].end == row.time:
            bars[-1] = Bar(bars[-1].start, end, (), bars[-1].event_id)
        else:
            bars.append(Bar(row.time, end, (), 0))
    return tuple(bars)
