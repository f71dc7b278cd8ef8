"""The infusions of a subject, each with what was recorded after it: what a registry asks about."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tocsin.grading.assessments import Assessment, assessments
from tocsin.knowledge.causes import cause_words
from tocsin.knowledge.products import window_d
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.timeline import Timeline
from tocsin.records import Line, Records, numbers_in_force, zone_of

Span = tuple[datetime, datetime]
DOES_NOT_APPLY: Final = "does not apply"


@dataclass(frozen=True)
class Answer:
    """An answer, or None where the record gives none; why, and the events that it rests on."""

    text: str | None
    why: str
    evidence: tuple[Line, ...] = ()


def follows(asked: Answer) -> Answer:
    """Return the answer to a question that hangs on another that was not answered with yes."""
    return Answer(DOES_NOT_APPLY if asked.text == "no" else None, asked.why, asked.evidence)


@dataclass(frozen=True)
class Infusion:
    """One infusion, and what was recorded from it to the next one."""

    source_id: str
    time: datetime
    until: datetime  # the end of its window, or of the last episode that belongs to it
    cause: str
    product: str | None
    episodes: Sequence[Line]
    states: Sequence[Line]  # the grade rows of those episodes, without the closing ones, which have no state
    spans: Sequence[Span]  # of each episode, from its onset to where it was over or the records end
    events: Sequence[Line]  # from the infusion on, up to the next one
    assessments: Sequence[Assessment]
    run: Mapping[str, Any]
    numbers: Timeline
    zone: ZoneInfo

    def local(self, time: datetime) -> datetime:
        """Return an instant on the site's clock."""
        return time.astimezone(self.zone)

    def date(self, time: datetime) -> str:
        """Return the date of an instant on the site's clock."""
        return self.local(time).date().isoformat()

    def of(self, *signals: str) -> list[Line]:
        """Return the events of some signals."""
        return [event for event in self.events if event["signal"] in signals]

    def within(self, events: Sequence[Line]) -> list[Line]:
        """Return the events inside an episode."""
        return [event for event in events if any(start <= event["time"] <= end for start, end in self.spans)]

    def charted_all_through(self, signal: str, hold_h: float) -> bool:
        """Return whether something was charted from onset to end of every episode, no gap longer than a hold."""
        times = [event["time"] for event in self.of(signal)]
        over = all(one["ended"] for one in self.episodes)
        return over and all(has_no_gap(times, start, end, hold_h) for start, end in self.spans)

    def by_id(self, event_id: int | None) -> tuple[Line, ...]:
        """Return the event with an id."""
        return tuple(event for event in self.events if event["event_id"] == event_id)


def infusions(records: Records) -> Iterator[Infusion]:
    """Yield the infusions of a subject in order of time; what two of one instant are is told by the first."""
    events = sorted(records.events, key=lambda event: (event["time"], event["event_id"]))
    names = {"index_therapy", *therapy_signals()}
    given = {event["time"]: event for event in reversed(events) if event["signal"] in names}
    times = sorted(given)
    charted = assessments(events, records.subject["birth_date"])
    for time, following in zip(times, [*times[1:], None], strict=True):
        cause, _, product = str(given[time]["text_value"]).partition("/")
        episodes = [one for one in records.episodes if one["therapy_time"] == time]
        numbers = {one["episode"] for one in episodes}
        window = timedelta(days=window_d(cause_words()[cause], product or None))
        ends = [one["resolved_at"] for one in episodes if one["resolved_at"]]
        yield Infusion(
            source_id=records.subject["source_id"],
            time=time,
            until=max([time + window, *ends]),
            cause=cause,
            product=product or None,
            episodes=episodes,
            states=[row for row in records.grades if row["episode"] in numbers and not row["closing"]],
            spans=[_span(one, records) for one in episodes],
            events=[
                event
                for event in events
                if time <= event["time"] and (following is None or event["time"] < following)
            ],
            assessments=[
                one for one in charted if time <= one.time and (following is None or one.time < following)
            ],
            run=records.run,
            numbers=numbers_in_force(records.run),
            zone=zone_of(records.run),
        )


def _span(episode: Line, records: Records) -> Span:
    """Return from when to when an episode is looked at: to its closing row, that is to the end of the hold."""
    rows = [row["time"] for row in records.grades if row["episode"] == episode["episode"]]
    last = max(event["time"] for event in records.events)
    return episode["onset"], max(rows) if episode["ended"] else max(last, *rows)


def has_no_gap(times: Sequence[datetime], start: datetime, end: datetime, hold_h: float) -> bool:
    """Return whether something was charted from start to end with no gap longer than a hold."""
    inside = sorted(time for time in times if start <= time <= end)
    hold = timedelta(hours=hold_h)
    steps = zip([start, *inside], [*inside, end], strict=True)
    return bool(inside) and all(later - earlier <= hold for earlier, later in steps)
