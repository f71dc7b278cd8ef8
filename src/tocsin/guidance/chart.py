"""What is on record of one subject up to an instant: nothing later is seen, but the therapy that lies ahead."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.errors import UserError
from tocsin.guidance.rerun import is_therapy, run_timeline
from tocsin.knowledge.timeline import Timeline as Numbers
from tocsin.knowledge.vocabulary import SCALES
from tocsin.records import Records, in_zone, numbers_in_force, zone_of

Line = dict[str, Any]
HOUR = timedelta(hours=1)
YEAR = timedelta(days=365.25)


@dataclass(frozen=True)
class Chart:
    """One subject at an instant: the events so far in order, the therapies ahead, and the timeline up to that instant."""

    subject_id: int
    source_id: str
    birth: date | None
    at: datetime
    zone: ZoneInfo
    numbers: Numbers
    scale: str | None  # the scale of record that the user named
    events: tuple[Line, ...]
    ahead: tuple[Line, ...]
    rows: tuple[Line, ...]
    episodes: tuple[Line, ...]

    @cached_property
    def episode(self) -> Line | None:
        """The last episode that began."""
        return self.episodes[-1] if self.episodes else None

    @cached_property
    def row(self) -> Line | None:
        """The last grade row: the state now, while its episode goes on."""
        return self.rows[-1] if self.rows else None

    @property
    def active(self) -> bool:
        """Whether an episode is under way."""
        return self.episode is not None and self.episode["ended"] is None

    @cached_property
    def since(self) -> datetime | None:
        """The onset of the last episode."""
        return None if self.episode is None else self.episode["onset"]

    def span(self, episode: Line) -> tuple[datetime, datetime]:
        """Return an episode from its onset to its closing row: it goes on until it is known to be over."""
        last = max(row["time"] for row in self.rows if row["episode"] == episode["episode"])
        return episode["onset"], self.at if episode["ended"] is None else last

    @cached_property
    def death(self) -> datetime | None:
        """When the subject died."""
        return next((event["time"] for event in self.events if event["signal"] == "death"), None)

    def of(self, *signals: str, since: datetime | None = None) -> list[Line]:
        """Return the events of some signals, in order of time."""
        places = [self._places.get(name, ()) for name in dict.fromkeys(signals)]
        order = places[0] if len(places) == 1 else sorted(place for some in places for place in some)
        found = (self.events[place] for place in order)
        return [event for event in found if since is None or event["time"] >= since]

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Where the events of each signal stand: every rule asks for a few of them."""
        places: dict[str, list[int]] = {}
        for place, event in enumerate(self.events):
            places.setdefault(event["signal"], []).append(place)
        return places

    def last(self, *signals: str, since: datetime | None = None) -> Line | None:
        """Return the last event of some signals."""
        places = [self._places[name][-1] for name in signals if name in self._places]
        found = self.events[max(places)] if places else None
        return found if found is not None and (since is None or found["time"] >= since) else None

    def hours(self, since: datetime | None) -> float | None:
        """Return the hours from an instant to now."""
        return None if since is None else (self.at - since) / HOUR

    def back(self, hours: float) -> datetime:
        """Return the instant so many hours ago."""
        return self.at - hours * HOUR

    def row_at(self, time: datetime) -> Line | None:
        """Return the grade row in force at an instant."""
        found = [row for row in self.rows if row["time"] <= time]
        return found[-1] if found else None

    def as_records(self, records: Records) -> Records:
        """Return the same as records that end now, times on the clocks of the zone, for what draws and words a course."""
        seen = Records(
            subject=records.subject,
            grades=list(self.rows),
            episodes=list(self.episodes),
            events=list(self.events),
            run=records.run,
        )
        return in_zone(seen, self.zone)


def open_chart(records: Records, at: datetime | None) -> Chart:
    """Return the chart of a subject at `at`, by default at the last record.

    Raises UserError where nothing is on record by then.
    """
    events = sorted(records.events, key=lambda event: (event["time"], event["event_id"]))
    name = str(records.subject["source_id"])
    if not events:
        raise UserError(
            f"subject {name}: no events are kept of a subject without an episode; grade again with --events all"
        )
    now = at or events[-1]["time"]
    seen = [event for event in events if event["time"] <= now]
    if not seen:
        zone = zone_of(records.run)
        first = events[0]["time"].astimezone(zone)
        raise UserError(
            f"subject {name}: nothing is on record yet at {now.astimezone(zone):%Y-%m-%d %H:%M}; "
            f"the first record is of {first:%Y-%m-%d %H:%M} ({zone.key})"
        )
    numbers, named = numbers_in_force(records.run), records.run["parameters"]["scale"]
    scale = named if named in SCALES else None
    rows, episodes = run_timeline(seen, records.subject["birth_date"], numbers, scale, now)
    return Chart(
        subject_id=records.subject["subject_id"],
        source_id=name,
        birth=records.subject["birth_date"],
        at=now,
        zone=zone_of(records.run),
        numbers=numbers,
        scale=scale,
        events=tuple(seen),
        ahead=tuple(event for event in events if event["time"] > now and is_therapy(event)),
        rows=tuple(rows),
        episodes=tuple(episodes),
    )
