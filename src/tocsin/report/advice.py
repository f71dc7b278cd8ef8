"""Advice for one subject of a result, with the reason of its grade in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tocsin.errors import UserError
from tocsin.guidance.advice import Advice
from tocsin.guidance.advise import CHOICES, advise_situation
from tocsin.guidance.situation import Situation, read_situation
from tocsin.records import Records, find_subject, pick, read_records, zone_of
from tocsin.report.build import build_course
from tocsin.report.course import Bar, BarLane, Course
from tocsin.results import Result
from tocsin.sources.settings import Settings
from tocsin.sources.times import time_reader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def advise(
    result: Result, subject: str | int, *, at: datetime | str | None = None, pack: str = "consensus"
) -> Advice:
    """Return what the guidance says of one subject of a result at an instant, by default at the last record.

    `subject` is the source's own id or the number here. Nothing after `at` is seen; a text without a zone is in the zone of the
    run. `pack` is `consensus`, `label` or `both`. Raises `UserError` for an unknown subject or pack, a text that is no time, and
    where nothing is on record by then.

    >>> from tocsin import advise, grade
    >>> from tocsin.demo import demo_folder
    >>> found = advise(grade(demo_folder()), "1-car-t-tocilizumab", at="2026-02-12T20:00Z")
    >>> found.grade.grade, found.tocilizumab_doses
    (3, 1)
    """
    return advise_records(_records(result, str(subject)), at, pack)


def _records(result: Result, subject: str) -> Records:
    """Return one subject's records: of a folder only its own rows are read."""
    if result.folder is not None:
        return read_records(result.folder, subject)
    tables = {"grades": result.grades, "episodes": result.episodes, "events": result.events}
    return pick(find_subject(result.subjects, subject, "the result"), tables, result.run)


def advise_records(records: Records, at: datetime | str | None = None, pack: str = "consensus") -> Advice:
    """Return the same for a subject whose records are at hand."""
    if pack not in CHOICES:
        raise UserError(f"pack {pack}: write one of {', '.join(CHOICES)}")
    situation = read_situation(records, read_at(at, records))
    advice = advise_situation(situation, pack)
    return explained(advice, situation, build_course(situation.chart.as_records(records)))


def explained(advice: Advice, situation: Situation, course: Course) -> Advice:
    """Return advice whose grade says why it is so, since when, and on which support."""
    if not course.rows:
        return advice
    chart, last = situation.chart, course.rows[-1]
    steps = [step for step in course.steps[advice.grade.scale or last.scale] if step.start <= chart.at]
    grade = replace(
        advice.grade,
        why=last.why,
        since=steps[-1].start.astimezone(chart.zone) if steps and chart.active else None,
        support=_running(course, chart.at),
    )
    return replace(advice, grade=grade)


def _running(course: Course, at: datetime) -> str:
    """Return the vasopressors and the oxygen that run at an instant, at their rates."""
    last = max(course.recorded, default=at)

    def on(lane: BarLane) -> list[Bar]:
        return [bar for bar in lane.bars if bar.start <= at and bar.end >= min(at, last)]

    # Of two bars that touch the later one runs; one device at a time gives oxygen.
    pressors = [(lane.name, on(lane)[-1]) for lane in course.vasopressors if on(lane)]
    devices = [(lane.name, bar) for lane in course.oxygen for bar in on(lane)]
    device = [max(devices, key=lambda found: found[1].start)] if devices else []
    return ", ".join(f"{name} {bar.labels[0]}" for name, bar in (*pressors, *device))


def read_at(at: datetime | str | None, records: Records) -> datetime | None:
    """Return the instant that a text or a time names; without a zone it is in that of the run."""
    zone = zone_of(records.run)
    if at is None or isinstance(at, datetime):
        return at.replace(tzinfo=zone) if at is not None and at.tzinfo is None else at
    micros, _ = time_reader(Settings(zone=zone.key))(at)
    if micros is None:
        raise UserError(
            f"time {at!r}: write date and time, such as 2026-02-12T20:00 or 2026-02-12T20:00+01:00"
        )
    return _EPOCH + timedelta(microseconds=micros)
