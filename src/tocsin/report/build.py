"""Builds the course of one subject, and cuts it into the pictures that show it."""

from dataclasses import replace
from datetime import datetime, timedelta

from tocsin.knowledge.timeline import Timeline
from tocsin.records import Records, numbers_in_force
from tocsin.report import readings, support
from tocsin.report.course import Course, Episode, View
from tocsin.report.rows import Support, read_episodes, read_rows, state_bars, steps_of

_SHOWN = ("astct", "ctcae5", "lee2014")
_BEFORE, _AFTER = timedelta(hours=12), timedelta(hours=12)
_THERAPY_IN_SIGHT = timedelta(days=1.5)  # an onset so soon after the therapy is drawn from the therapy on
_WIDEST = timedelta(days=8)  # what one picture of 80 columns still shows well


def build_course(records: Records) -> Course:
    """Return the course of one subject."""
    numbers = numbers_in_force(records.run)
    events = _in_order(records)
    episodes = read_episodes(records)
    last = _end(records)
    lookup = _lookup(events, numbers, last)
    rows = read_rows(records, episodes, lookup)
    birth = records.subject["birth_date"]
    systolic, mean = readings.pressures(events, numbers, birth)
    scales = tuple(dict.fromkeys([*(episode.scale for episode in episodes), *_SHOWN]))
    return Course(
        subject_id=records.subject["subject_id"],
        source_id=records.subject["source_id"],
        birth_date=birth,
        sex=records.subject["sex"],
        scales=scales,
        episodes=episodes,
        rows=rows,
        steps={scale: steps_of(rows, episodes, scale) for scale in scales},
        fever_threshold=numbers.fever_threshold_cel,
        temperatures=readings.temperatures(events, numbers),
        systolic=systolic,
        mean=mean,
        fever=state_bars(rows, episodes, "fever"),
        waived=state_bars(rows, episodes, "fever_waived"),
        boluses=readings.boluses(events),
        vasopressors=support.vasopressors(events, numbers, last),
        oxygen=tuple(lookup.oxygen),
        therapies=readings.therapies(events),
        treatments=readings.treatments(events, [(episode.onset, episode.last) for episode in episodes]),
        neuro=readings.neuro(events, birth),
        laboratory=readings.laboratory(events),
        attributions=tuple(lookup.attributions),
        recorded=tuple(dict.fromkeys(event["time"] for event in events)),
    )


def last_reason(records: Records) -> str:
    """Return the reason of the last row alone, as the course words it; nothing where there is no row."""
    if not records.grades:
        return ""
    lookup = _lookup(_in_order(records), numbers_in_force(records.run), _end(records))
    latest = replace(
        records, grades=records.grades[-2:]
    )  # a reason also says what is new since the row before
    return read_rows(latest, read_episodes(records), lookup)[-1].why


def _in_order(records: Records) -> support.Sorted:
    return support.Sorted(sorted(records.events, key=lambda event: (event["time"], event["event_id"])))


def _end(records: Records) -> datetime:
    return max((line["time"] for line in (*records.events, *records.grades)), default=datetime.min)


def _lookup(events: support.Sorted, numbers: Timeline, last: datetime) -> Support:
    """Return what the evidence of rows is looked up in."""
    return Support(
        {event["event_id"]: event for event in events},
        support.device_runs(events, numbers, last),
        support.oxygen(events, numbers, last),
        support.attributions(events, last),
    )


def views(course: Course) -> tuple[View, ...]:
    """Return the pictures of a course: one per episode, episodes of one therapy together where they fit."""
    found: list[View] = []
    for episode in course.episodes:
        view = _view_of(episode)
        before = found[-1] if found else None
        if before and before.therapy_time == view.therapy_time and view.end - before.start <= _WIDEST:
            found[-1] = View(before.start, view.end, view.therapy_time, (*before.episodes, episode))
        else:
            found.append(view)
    return tuple(found)


def _view_of(episode: Episode) -> View:
    from_therapy = episode.onset - episode.therapy_time <= _THERAPY_IN_SIGHT
    start = episode.therapy_time - _BEFORE / 2 if from_therapy else episode.onset - _BEFORE
    return View(start, episode.last + _AFTER, episode.therapy_time, (episode,))
