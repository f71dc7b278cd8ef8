"""What ran when: vasopressors at their rates, oxygen devices with flow and FiO2, attributions from word to word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from tocsin.knowledge.drugs import drugs
from tocsin.knowledge.signals import signal
from tocsin.knowledge.timeline import Timeline
from tocsin.report.course import Bar, BarLane
from tocsin.report.labels import drug_name, figure, lane_name, unit_name

Line = dict[str, Any]
NOT_CRS = " not CRS"
FLOW_UNKNOWN = ("flow not recorded", "no flow", "?")
_AXES = MappingProxyType(
    {"fever": "fever", "hypotension": "pressure", "hypoxia": "hypoxia", "vasopressin": "vasopressin"}
)


class Sorted(list[Line]):
    """Events in order of time, found by their signal without a scan: a course asks for some fifty signals."""

    @cached_property
    def by_signal(self) -> dict[str, list[Line]]:
        """The events of each signal."""
        found: dict[str, list[Line]] = {}
        for event in self:
            found.setdefault(event["signal"], []).append(event)
        return found


def of_signal(events: Sequence[Line], *names: str) -> list[Line]:
    """Return the events of some signals, in order of time."""
    if isinstance(events, Sorted) and len(names) == 1:
        return events.by_signal.get(names[0], [])
    return [event for event in events if event["signal"] in names]


def _followed(events: Sequence[Line]) -> Iterator[tuple[Line, Line | None]]:
    """Yield each event with the one after it."""
    yield from zip(events, [*events[1:], None], strict=False)


def vasopressors(events: Sequence[Line], numbers: Timeline, last: datetime) -> tuple[BarLane, ...]:
    """Return a lane per vasopressor or inotrope, a bar per record: to its end, the next record or the timeout."""
    agents = [drug.id for drug in drugs().values() if drug.role in ("vasopressor", "inotrope")]
    timeout = timedelta(hours=numbers.infusion_timeout_h)
    lanes = [
        BarLane(drug_name(agent), tuple(_infusion(of_signal(events, agent), timeout, last)))
        for agent in agents
    ]
    return tuple(lane for lane in lanes if lane.bars)


def _infusion(records: Sequence[Line], timeout: timedelta, last: datetime) -> Iterator[Bar]:
    """Yield the bars of one agent; a rate of 0 stops what runs."""
    stops = [record["time"] for record in records if record["numeric_value"] == 0]
    for place, record in enumerate(records):
        start, rate = record["time"], record["numeric_value"]
        if rate == 0:
            continue
        following = next((later["time"] for later in records[place + 1 :] if later["time"] > start), None)
        end = record["end"] or min(start + timeout, following or last)
        end = min([end, *(stop for stop in stops if start < stop)])
        yield Bar(start, min(end, max(last, start)), _rate_labels(record["signal"], rate), record["event_id"])


def _rate_labels(agent: str, rate: float | None) -> tuple[str, ...]:
    if rate is None:
        return ("rate not recorded", "no rate", "?")
    return (f"{figure(rate)} {unit_name(signal(agent).unit)}", figure(rate))


@dataclass(frozen=True, slots=True)
class DeviceRun:
    """A run of one oxygen device: records of the same device without a gap."""

    device: str
    start: datetime
    end: datetime
    event_id: int


def device_runs(events: Sequence[Line], numbers: Timeline, last: datetime) -> list[DeviceRun]:
    """Return the runs of oxygen devices, room air among them."""
    hold = timedelta(hours=numbers.device_hold_h)
    records = of_signal(events, "oxygen_device")
    runs: list[DeviceRun] = []
    for record, following in _followed(records):
        end = record["end"] or record["time"] + hold
        end = min(end, following["time"] if following else last)
        if runs and runs[-1].device == record["text_value"] and runs[-1].end >= record["time"]:
            runs[-1] = DeviceRun(runs[-1].device, runs[-1].start, max(runs[-1].end, end), runs[-1].event_id)
        else:
            runs.append(
                DeviceRun(record["text_value"], record["time"], max(end, record["time"]), record["event_id"])
            )
    return runs


def oxygen(events: Sequence[Line], numbers: Timeline, last: datetime) -> tuple[BarLane, ...]:
    """Return a lane per oxygen device in the order of first use, a bar per stretch of one flow and one FiO2."""
    lanes: dict[str, list[Bar]] = {}
    for run in device_runs(events, numbers, last):
        if run.device != "room_air":
            lanes.setdefault(lane_name(run.device), []).extend(_stretches(run, events))
    return tuple(BarLane(name, tuple(bars)) for name, bars in lanes.items())


def _stretches(run: DeviceRun, events: Sequence[Line]) -> Iterator[Bar]:
    """Yield the bars of a device's run, cut where the flow or the FiO2 changes."""
    charted = [
        event
        for event in of_signal(events, "inhaled_o2_flow", "fio2")
        if event["time"] == run.start or run.start < event["time"] < run.end
    ]
    said: dict[str, float] = {}
    cuts: list[tuple[datetime, tuple[str, ...]]] = [(run.start, oxygen_labels(said))]
    for event in charted:
        said[event["signal"]] = event["numeric_value"]
        if event["time"] == cuts[-1][0]:
            cuts[-1] = (event["time"], oxygen_labels(said))
        elif cuts[-1][1] != oxygen_labels(said):
            cuts.append((event["time"], oxygen_labels(said)))
    for (start, labels), (end, _) in pairwise([*cuts, (run.end, ())]):
        yield Bar(start, end, labels, run.event_id)


def oxygen_labels(said: dict[str, float]) -> tuple[str, ...]:
    """Return flow and FiO2 in words of shrinking length."""
    flow, fio2 = said.get("inhaled_o2_flow"), said.get("fio2")
    if flow is None and fio2 is None:
        return FLOW_UNKNOWN
    litres = [] if flow is None else [f"{figure(flow)} L/min", f"{figure(flow)}L", figure(flow)]
    percent = [] if fio2 is None else [f"{figure(fio2)} %", f"{figure(fio2)}%"]
    if not litres or not percent:
        return (*litres, *percent)
    return (f"{litres[0]} {percent[0]}", f"{litres[1]} {percent[1]}", *litres[1:])


def attributions(events: Sequence[Line], last: datetime) -> tuple[BarLane, ...]:
    """Return what was laid to another cause than CRS, from the word that said so to the one that took it back."""
    lanes: list[BarLane] = []
    for axis, name in _AXES.items():
        said = [
            event
            for event in of_signal(events, "attribution")
            if str(event["text_value"]).startswith(f"{axis}:")
        ]
        bars = [
            Bar(
                word["time"],
                later["time"] if later else last,
                ("attributed elsewhere", "set aside"),
                word["event_id"],
            )
            for word, later in _followed(said)
            if word["text_value"] in (f"{axis}:other", f"{axis}:not_for_hypotension")
        ]
        lanes += [BarLane(f"{name}{NOT_CRS}", tuple(bars))] if bars else []
    return tuple(lanes)
