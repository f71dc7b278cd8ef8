"""The rows of a course: each change of the state with its grades, its reason and its evidence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tocsin.grading.sets import members
from tocsin.knowledge.signals import signal
from tocsin.knowledge.vocabulary import SCALES
from tocsin.records import Records, scale_of_record
from tocsin.report.course import Bar, BarLane, Episode, Evidence, Grades, Row, Step
from tocsin.report.labels import days, lane_name
from tocsin.report.reasons import is_recalled, settled_by, why
from tocsin.report.support import FLOW_UNKNOWN, NOT_CRS, DeviceRun

Line = dict[str, Any]


def peak_of(episode: Line, scale: str) -> Grades:
    """Return the lowest and the highest grade that the peak of an episode may be, one where they are the same."""
    low, high = episode[f"{scale}_peak_low"], episode[f"{scale}_peak_high"]
    return (low,) if low == high else (low, high)


def read_episodes(records: Records) -> tuple[Episode, ...]:
    """Return the episodes of a subject."""
    return tuple(_episode(records, line) for line in records.episodes)


def _episode(records: Records, line: Line) -> Episode:
    scale = scale_of_record(records.run, line["cause"])
    own = [row["time"] for row in records.grades if row["episode"] == line["episode"]]
    ongoing = line["ended"] is None and records.events
    return Episode(
        number=line["episode"],
        cause=line["cause"],
        product=line["product"],
        scale=scale,
        therapy_time=line["therapy_time"],
        onset=line["onset"],
        peak=peak_of(line, scale),
        peak_time=line[f"{scale}_peak_time"],
        resolved_at=line["resolved_at"],
        ended=line["ended"],
        hours=line["hours"],
        tocilizumab_doses=line["tocilizumab_doses"],
        glucocorticoid_days=line["glucocorticoid_days"],
        vasopressor_hours=line["vasopressor_hours"],
        highest_oxygen=line["highest_oxygen"],
        icans_peak=members(line["icans_peak_set"]) if line["icans_peak_set"] else (),
        last=max(*own, records.events[-1]["time"]) if ongoing else max(own),
        flags=tuple(line["flags"]),
    )


@dataclass(frozen=True)
class Support:
    """What a row's evidence is looked up in."""

    events: Mapping[int, Line]
    devices: Sequence[DeviceRun]
    oxygen: Sequence[BarLane]
    attributions: Sequence[BarLane]

    def run_of(self, device: str | None, time: datetime) -> DeviceRun | None:
        """Return the run of a device that is on at an instant."""
        return next(
            (run for run in self.devices if run.device == device and run.start <= time < run.end), None
        )

    def set_aside(self, time: datetime) -> list[str]:
        """Return what is laid to another cause than CRS at an instant."""
        on = (lane for lane in self.attributions if any(bar.start <= time < bar.end for bar in lane.bars))
        return [lane.name.removesuffix(NOT_CRS) for lane in on]

    def flow_of(self, device: str | None, time: datetime) -> str:
        """Return flow and FiO2 of a device at an instant, in words; nothing where neither was charted."""
        bars = (bar for lane in self.oxygen if lane.name == lane_name(device or "") for bar in lane.bars)
        found = next((bar.labels for bar in bars if bar.start <= time < bar.end), FLOW_UNKNOWN)
        return "" if found == FLOW_UNKNOWN else found[0]


def read_rows(records: Records, episodes: Sequence[Episode], support: Support) -> tuple[Row, ...]:
    """Return the rows of a subject with reasons and evidence."""
    of = {episode.number: episode for episode in episodes}
    lines = records.grades
    return tuple(
        _row(line, before, of[line["episode"]], support)
        for line, before in zip(lines, [None, *lines], strict=False)
    )


def _row(line: Line, before: Line | None, episode: Episode, support: Support) -> Row:
    evidence = tuple(_evidence(line, support))
    last = before if before is not None and before["episode"] == line["episode"] else None
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
        why=why(line, last, episode.scale, evidence, support.set_aside(line["time"])),
        settled_by=settled_by(line, episode.scale),
        evidence=evidence,
        flags=tuple(line["flags"]),
    )


def _evidence(line: Line, support: Support) -> Iterator[Evidence]:
    """Yield the events that a row rests on: support first, as people say it."""
    for part in ("vasopressor", "pressure", "oxygen", "fever"):
        event = support.events.get(line[f"evidence_{part}"])
        if event is not None:
            run = support.run_of(event["text_value"], line["time"]) if part == "oxygen" else None
            yield Evidence(
                part=part,
                event_id=event["event_id"],
                signal=event["signal"],
                value=event["numeric_value"],
                unit=signal(event["signal"]).unit,
                text=event["text_value"],
                time=event["time"],
                end=event["end"],
                since=run.start if run else event["time"],
                detail=support.flow_of(event["text_value"], line["time"]) if run else "",
            )


def steps_of(rows: Sequence[Row], episodes: Sequence[Episode], scale: str | None) -> tuple[Step, ...]:
    """Return the stretches of equal grades on a scale, or on the scale of record."""
    last = {episode.number: episode.last for episode in episodes}
    steps: list[Step] = []
    for row, following in zip(rows, [*rows[1:], None], strict=False):
        grades = row.sets[scale or row.scale]
        same_episode = following is not None and following.episode == row.episode
        end = following.time if following is not None and same_episode else max(last[row.episode], row.time)
        end = row.time if row.closing else end
        if steps and steps[-1].grades == grades and steps[-1].end == row.time and not row.closing:
            steps[-1] = Step(steps[-1].start, end, grades)
        else:
            steps.append(Step(row.time, end, grades, row.closing))
    return tuple(steps)


def state_bars(rows: Sequence[Row], episodes: Sequence[Episode], state: str) -> tuple[Bar, ...]:
    """Return when a state (`fever`, `fever_waived`) held."""
    last = {episode.number: episode.last for episode in episodes}
    bars: list[Bar] = []
    for row, following in zip(rows, [*rows[1:], None], strict=False):
        if not getattr(row, state) or row.closing:
            continue
        end: datetime = (
            following.time
            if following is not None and following.episode == row.episode
            else last[row.episode]
        )
        if bars and bars[-1].end == row.time:
            bars[-1] = Bar(bars[-1].start, end, (), bars[-1].event_id)
        else:
            bars.append(Bar(row.time, end, (), 0))
    return tuple(bars)
