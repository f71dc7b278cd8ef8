"""When an agent runs, at what rate, in which runs, and whether it is only chronic support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.reference.chart import Chart, by_time
from tests.reference.model import Event


@dataclass(frozen=True)
class Infusion:
    """One record and how long it really runs; `expires` says that nothing charted ended it."""

    start: int
    end: int
    rate: float | None
    event_id: int
    expires: bool


class Agent:
    """The records of one agent."""

    def __init__(self, chart: Chart, name: str) -> None:
        self.name = name
        self.infusions = infusions(chart, name)
        self.runs = runs(self.infusions)

    def running(self, time: int) -> list[Infusion]:
        """The records that run at a time, once that time's expiries have taken effect."""
        return [i for i in self.infusions if i.start <= time < i.end]

    def seen_running(self, time: int) -> bool:
        """Whether an event of that time sees the agent running: it still sees what expires with it."""
        return any(i.start <= time < i.end or (i.expires and time == i.end) for i in self.infusions)

    def started_last(self, time: int) -> list[Infusion]:
        """Of the records that run, those that started last."""
        running = self.running(time)
        return [i for i in running if i.start == running[-1].start]

    def rate(self, time: int) -> float | None:
        """The rate of the running record that started last; of two, the higher, and known over unknown."""
        return worse_rate(self.started_last(time))

    def discounted(self, time: int, notes: Sequence[int]) -> bool:
        """Whether what runs at a time (or expires at it) is the chronic support that a therapy noted."""
        noted_at = max((note for note in notes if note <= time), default=None)
        if noted_at is None or not self.running(noted_at - 1):
            return False
        if not any(start < noted_at <= time <= end for start, end in self.runs):
            return False
        return not self.raised(noted_at, time)

    def raised(self, noted_at: int, time: int) -> bool:
        """Whether a record from the therapy on, up to a time, has a higher or an unknown rate than noted."""
        note = self.rate(noted_at - 1)
        for start in sorted({i.start for i in self.infusions if noted_at <= i.start <= time}):
            rate = worse_rate([i for i in self.infusions if i.start == start])
            if note is None:
                note = rate
            elif rate is None or rate > note:
                return True
        return False


def worse_rate(infusions: Sequence[Infusion]) -> float | None:
    """The highest known rate, or None when none is known."""
    return max((i.rate for i in infusions if i.rate is not None), default=None)


def infusions(chart: Chart, name: str) -> list[Infusion]:
    """The records that run at all, each with its real end."""
    groups = by_time(chart.by_signal[name])
    # Running over stopped: a rate of 0 says nothing where the same timestamp has a rate that is not.
    stops = [time for time, events in groups.items() if all(e.value == 0 for e in events)]
    records = [e for events in groups.values() for e in events if e.value != 0]
    return [infusion(e, list(groups), stops, chart.parameters.infusion_timeout) for e in records]


def infusion(event: Event, starts: list[int], stops: list[int], timeout: int) -> Infusion:
    """A record with the end that comes first: its own (or the timeout), a stop, or (no end) the next one."""
    own_end = event.time + timeout if event.end is None else event.end
    enders = [t for t in (starts if event.end is None else stops) if event.time < t <= own_end]
    end = min(enders, default=own_end)
    return Infusion(event.time, end, event.value, event.event_id, not enders)


def runs(infusions: Sequence[Infusion]) -> list[tuple[int, int]]:
    """Stretches without a break; touching records are one run."""
    found: list[tuple[int, int]] = []
    for infusion in sorted(infusions, key=lambda i: i.start):
        if found and infusion.start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], infusion.end))
        else:
            found.append((infusion.start, infusion.end))
    return found
