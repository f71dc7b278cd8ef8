"""The oxygen axis: devices, flow and FiO2, the tube for the airway only, chronic support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.reference.chart import Chart, Reading, by_time, latest

DEVICES = (
    "room_air",
    "nasal_cannula",
    "blow_by",
    "high_flow_nasal_cannula",
    "simple_face_mask",
    "venturi_mask",
    "non_rebreather",
    "cpap",
    "bipap",
    "invasive_ventilation",
    "ecmo",
)
SAME_AT_ANY_FLOW = {
    "blow_by": "low_flow",
    "simple_face_mask": "mask",
    "venturi_mask": "mask",
    "non_rebreather": "mask",
    "cpap": "positive_pressure",
    "bipap": "positive_pressure",
    "invasive_ventilation": "ventilator",
    "ecmo": "ventilator",
}
OXYGEN_BY_SEVERITY = (
    "none",
    "low_flow",
    "cannula_flow_unknown",
    "high_flow_at_low_flow",
    "high_flow",
    "mask",
    "device_unknown",
    "positive_pressure",
    "ventilator",
)


@dataclass(frozen=True)
class Use:
    """One device record and how long it stands; `expires` says that no other record ended it."""

    start: int
    end: int
    device: str
    event_id: int
    expires: bool


@dataclass(frozen=True)
class Run:
    """Records of one device that follow each other without a gap."""

    start: int
    end: int
    device: str
    expires: bool


@dataclass(frozen=True)
class BreathingState:
    """The axis at one instant, as it reads."""

    category: str
    fio2_band: str | None
    airway_tube: bool
    flags: frozenset[str]
    evidence: int | None


class Breathing:
    """The axis from the whole history, given the times of the therapies that noted chronic support."""

    def __init__(self, chart: Chart, notes: Sequence[int]) -> None:
        self.chart = chart
        self.notes = notes
        self.par = chart.parameters
        self.uses = device_uses(chart)
        self.runs = device_runs(self.uses)
        self.flows = chart.readings("inhaled_o2_flow", max)
        self.fio2s = chart.readings("fio2", max)

    def use_at(self, time: int) -> Use | None:
        """The device record that stands at a time."""
        return next((use for use in self.uses if use.start <= time < use.end), None)

    def run_of(self, use: Use) -> Run:
        """The run that a record is part of."""
        runs = [r for r in self.runs if r.device == use.device and r.start <= use.start <= r.end]
        return runs[-1]

    # Flow and FiO2

    def owner(self, charted: int) -> Run | None:
        """The run that a value belongs to; None while no device has come that it could belong to."""
        before = [use for use in self.uses if use.start <= charted]
        after = [use for use in self.uses if use.start > charted]
        if before and before[-1].start == charted:
            return self.run_of(before[-1])
        if before and before[-1].device != "room_air" and charted <= before[-1].end:
            return self.run_of(before[-1])
        return self.run_of(after[0]) if after else None

    def in_force(self, readings: Sequence[Reading], time: int) -> Reading | None:
        """The latest value, unless its hold is over or the run that it belongs to has ended."""
        reading = latest(readings, time)
        if reading is None or time >= reading.time + self.par.device_hold:
            return None
        owner = self.owner(reading.time)
        return reading if owner is None or time < owner.end else None

    def on_device(self, device: str, time: int) -> tuple[str, str | None]:
        """Category and FiO2 band on a device that is not room air."""
        flow = self.in_force(self.flows, time)
        litres = None if flow is None else flow.value
        category = self.device_category(device, litres)
        return category, None if category == "none" else self.band(self.in_force(self.fio2s, time))

    def device_category(self, device: str, flow: float | None) -> str:
        """What a device at a flow is."""
        if device in SAME_AT_ANY_FLOW:
            return SAME_AT_ANY_FLOW[device]
        if flow == 0:
            return "none"
        high_flow = device == "high_flow_nasal_cannula"
        if flow is None:
            return "high_flow" if high_flow else "cannula_flow_unknown"
        if flow > self.par.low_flow_most:
            return "high_flow"
        return "high_flow_at_low_flow" if high_flow else "low_flow"

    def band(self, fio2: Reading | None) -> str:
        """The FiO2 band of a value."""
        if fio2 is None:
            return "unknown"
        return "at_least_40" if fio2.value >= self.par.fio2_high else "below_40"

    def loose_values(self, time: int) -> tuple[Reading | None, Reading | None]:
        """Flow and FiO2 in force with no device, or charted strictly after the room air that stands."""
        use = self.use_at(time)
        flow, fio2 = self.in_force(self.flows, time), self.in_force(self.fio2s, time)
        if use is None:
            return flow, fio2
        return (
            flow if flow and flow.time > use.start else None,
            fio2 if fio2 and fio2.time > use.start else None,
        )

    def without_device(self, time: int) -> tuple[str, str | None]:
        """Category and FiO2 band with nothing on record, or room air."""
        flow, fio2 = self.loose_values(time)
        if self.signs_of_oxygen(flow, fio2):
            return "device_unknown", self.band(fio2)
        return "none", None

    def signs_of_oxygen(self, flow: Reading | None, fio2: Reading | None) -> list[Reading]:
        """The values that say there is oxygen although no device does."""
        signs = [flow] if flow and flow.value > 0 else []
        return [*signs, fio2] if fio2 and fio2.value > self.par.fio2_air else signs

    # Chronic support

    def discounted(self, time: int) -> bool:
        """Whether the device that stands is the chronic support that a therapy noted."""
        use = self.use_at(time)
        noted_at = max((note for note in self.notes if note <= time), default=None)
        if use is None or use.device == "room_air" or noted_at is None:
            return False
        run = self.run_of(use)
        if not run.start < noted_at <= time < run.end:
            return False
        return not any(self.raised(values, noted_at, time) for values in (self.flows, self.fio2s))

    def raised(self, readings: Sequence[Reading], noted_at: int, time: int) -> bool:
        """Whether a value charted since the therapy is higher than noted, or than first charted since."""
        before = self.in_force(readings, noted_at - 1)
        since = [r.value for r in readings if noted_at <= r.time <= time]
        note = before.value if before else next(iter(since), None)
        return note is not None and any(value > note for value in since)

    # The tube

    def tube_words(self, run: Run, time: int) -> list[str]:
        """What was said about the reason for a run of the ventilator, up to a time, in order."""
        groups = by_time(
            e for e in self.chart.by_signal["attribution"] if (e.text or "").startswith("intubation:")
        )
        bound = [(at, events) for at, events in groups.items() if at <= time and self.tube_run(at) == run]
        # Attribution to the syndrome over attribution elsewhere, within one timestamp.
        return [max(str(event.text) for event in events) for _, events in bound]

    def tube_run(self, said_at: int) -> Run | None:
        """The run of the ventilator that a word is about: the one that is on, else the next soon after."""
        tubes = [run for run in self.runs if run.device == "invasive_ventilation"]
        for run in tubes:
            if run.start <= said_at < run.end or (run.expires and said_at == run.end):
                return run
        return next((r for r in tubes if said_at < r.start <= said_at + self.par.tube_wait), None)

    def tube(self, time: int) -> Run | None:
        """The run of the ventilator that is on."""
        use = self.use_at(time)
        return self.run_of(use) if use and use.device == "invasive_ventilation" else None

    def airway_only(self, time: int) -> bool:
        """Whether the tube that is on was last said to be for the airway only."""
        tube = self.tube(time)
        return tube is not None and self.tube_words(tube, time)[-1:] == ["intubation:airway_only"]

    # The axis

    def category(self, time: int) -> tuple[str, str | None]:
        """Category and FiO2 band, whatever the attribution of hypoxia."""
        tube = self.tube(time)
        if tube and self.airway_only(time):
            return self.category(tube.start - 1)
        use = self.use_at(time)
        if use is None or use.device == "room_air":
            return self.without_device(time)
        return ("none", None) if self.discounted(time) else self.on_device(use.device, time)

    def at(self, time: int) -> BreathingState:
        """The axis at an instant, after that instant's events and expiries."""
        elsewhere = self.chart.attributed("hypoxia", "other", time)
        airway = self.airway_only(time) and not elsewhere
        flags = self.flags(time, airway, elsewhere)
        if elsewhere:
            return BreathingState("none", None, False, flags, None)
        category, band = self.category(time)
        return BreathingState(category, band, airway, flags, self.evidence(time, category, airway))

    def flags(self, time: int, airway: bool, elsewhere: bool) -> frozenset[str]:
        """Chronic support and the unexplained tube."""
        tube, discounted = self.tube(time), self.discounted(time)
        flags: set[str] = set()
        if discounted and not airway:
            flags.add("baseline_support")
        if tube and not discounted and not elsewhere and not self.tube_words(tube, time):
            flags.add("intubation_reason_unknown")
        return frozenset(flags)

    def evidence(self, time: int, category: str, airway: bool) -> int | None:
        """The record of the device, else of the flow or FiO2 that shows oxygen."""
        use = self.use_at(time)
        if category == "none" and not airway:
            return None
        if use is not None and use.device != "room_air":
            return use.event_id
        signs = self.signs_of_oxygen(*self.loose_values(time))
        return max(signs, key=lambda r: (r.time, -r.event_id)).event_id

    def instants(self) -> set[int]:
        """Every instant at which this axis may change, beside the events themselves."""
        found = {use.start for use in self.uses} | {use.end for use in self.uses}
        return found | {r.time + self.par.device_hold for r in [*self.flows, *self.fio2s]}


def device_uses(chart: Chart) -> list[Use]:
    """The device records that count, one per timestamp, each until the next or its own end."""
    hold = chart.parameters.device_hold
    groups = by_time(chart.by_signal["oxygen_device"])
    found: list[Use] = []
    for start in groups:
        following = min((later for later in groups if later > start), default=None)
        device = max((str(e.text) for e in groups[start]), key=DEVICES.index)
        records = [e for e in groups[start] if e.text == device]
        end = max(start + hold if e.end is None else e.end for e in records)
        expires = following is None or end < following
        stands_until = end if following is None else min(end, following)
        found.append(Use(start, stands_until, device, min(e.event_id for e in records), expires))
    return found


def device_runs(uses: Sequence[Use]) -> list[Run]:
    """The uses joined into runs."""
    found: list[Run] = []
    for use in uses:
        last = found[-1] if found else None
        if last and last.device == use.device and last.end == use.start:
            found[-1] = Run(last.start, use.end, use.device, use.expires)
        else:
            found.append(Run(use.start, use.end, use.device, use.expires))
    return found
