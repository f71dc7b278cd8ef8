"""The hypotension axis: low pressure, boluses, vasopressors, vasopressin, dose band, the 24 h run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tests.reference.chart import Chart, Reading, latest
from tests.reference.infusions import Agent

VASOPRESSORS = ("norepinephrine", "epinephrine", "phenylephrine", "dopamine", "angiotensin_ii")
WITH_DOSE = ("one", "one_plus_vasopressin", "multiple")


@dataclass(frozen=True)
class CirculationState:
    """The axis at one instant, as it reads."""

    category: str
    dose_band: str | None
    run_24h: bool | None
    flags: frozenset[str]
    evidence_pressure: int | None
    evidence_vasopressor: int | None


class Circulation:
    """The axis from the whole history, given the times of the therapies that noted chronic support."""

    def __init__(self, chart: Chart, notes: Sequence[int]) -> None:
        self.chart = chart
        self.notes = notes
        self.par = chart.parameters
        self.agents = [Agent(chart, name) for name in VASOPRESSORS]
        self.vasopressin = Agent(chart, "vasopressin")
        self.systolic = chart.readings("systolic_bp", min)
        self.mean = chart.readings("mean_arterial_pressure", min)
        self.diastolic = {r.time: r.value for r in chart.readings("diastolic_bp", min)}
        self.boluses = self.held_boluses()

    # Pressure

    def low_reading(self, readings: Sequence[Reading], half: int, time: int, seen: bool) -> Reading | None:
        """The latest reading of one half of the pressure, if it is low and still holds."""
        reading = latest(readings, time)
        if reading is None:
            return None
        until = reading.time + self.par.bp_hold
        if not (time < until or (seen and time == until)):
            return None
        limit = self.chart.pressure_limits(reading.time)[half]
        return reading if limit is not None and reading.value < limit else None

    def low_readings(self, time: int, seen: bool = False) -> list[Reading]:
        """The low readings that hold, of systolic and mean pressure."""
        halves = [
            self.low_reading(self.systolic, 0, time, seen),
            self.low_reading(self.mean, 1, time, seen),
        ]
        return [reading for reading in halves if reading is not None]

    # Hypotension present, and the boluses that it makes count

    def seen_hypotension(self, time: int, boluses: Sequence[int]) -> bool:
        """Whether a bolus, or a start of vasopressin, at a time finds hypotension present.

        Readings and infusion records of that time have been applied, boluses not; what expires then is seen.
        """
        if self.low_readings(time, seen=True):
            return True
        if any(bolus < time <= bolus + self.par.bolus_hold for bolus in boluses):
            return True
        return any(a.seen_running(time) and not a.discounted(time, self.notes) for a in self.agents)

    def held_boluses(self) -> list[int]:
        """The times of the boluses given while hypotension was present."""
        held: list[int] = []
        for time in sorted({event.time for event in self.chart.by_signal["iv_fluid_bolus"]}):
            if self.seen_hypotension(time, held):
                held.append(time)
        return held

    def bolus_category(self, time: int) -> str | None:
        """`fluids` or `fluids_repeated` while a bolus is held."""
        given = [bolus for bolus in self.boluses if bolus <= time]
        if not given or time >= given[-1] + self.par.bolus_hold:
            return None
        recent = [bolus for bolus in given if bolus > time - self.par.bolus_window]
        return "fluids_repeated" if len(recent) >= 2 else "fluids"

    # Vasopressors

    def counted(self, time: int) -> list[Agent]:
        """The vasopressors that run and are not chronic support."""
        return [a for a in self.agents if a.running(time) and not a.discounted(time, self.notes)]

    def vasopressin_runs(self, time: int) -> bool:
        """Whether vasopressin runs that is not chronic support."""
        return bool(self.vasopressin.running(time)) and not self.vasopressin.discounted(time, self.notes)

    def vasopressin_answers_hypotension(self, time: int) -> bool:
        """Whether hypotension was present when this run of vasopressin started, and no word is against it."""
        start = max(start for start, _ in self.vasopressin.runs if start <= time)
        ignored = self.chart.attributed("vasopressin", "not_for_hypotension", time)
        return not ignored and self.seen_hypotension(start, self.boluses)

    def certainly_high(self, time: int) -> bool:
        """Whether the known rates alone meet the Lee 2014 cut-off."""
        rates = {agent.name: agent.rate(time) or 0 for agent in self.counted(time)}
        if any(rates.get(name, 0) >= limit for name, limit in self.par.high_alone.items()):
            return True
        total = rates.get("norepinephrine", 0) + rates.get("dopamine", 0) / 2
        total = total + rates.get("epinephrine", 0) + rates.get("phenylephrine", 0) / 10
        if self.vasopressin_runs(time):
            return total >= self.par.high_with_vasopressin
        return total >= self.par.high_together

    def perhaps_high(self, time: int) -> bool:
        """Whether the cut-off is met, or may be: an unknown rate, or an agent that it has no figure for."""
        counted = self.counted(time)
        unknown = any(a.rate(time) is None or a.name == "angiotensin_ii" for a in counted)
        return unknown or self.certainly_high(time)

    @cached_property
    def turns(self) -> list[int]:
        """Every instant at which what runs, at what rate, counted or not, may change."""
        turns = set(self.notes)
        for agent in [*self.agents, self.vasopressin]:
            turns.update(i.start for i in agent.infusions)
            turns.update(i.end for i in agent.infusions)
        return sorted(turns)

    def stretches(self, holds: Callable[[int], bool]) -> list[tuple[int, int | None]]:
        """The stretches [start, end) in which something holds without a break."""
        found: list[tuple[int, int | None]] = []
        for turn in self.turns:
            ongoing = bool(found) and found[-1][1] is None
            if holds(turn) and not ongoing:
                found.append((turn, None))
            elif ongoing and not holds(turn):
                found[-1] = (found[-1][0], turn)
        return found

    @cached_property
    def certain_stretches(self) -> list[tuple[int, int | None]]:
        """Where the cut-off is certainly met."""
        return self.stretches(self.certainly_high)

    @cached_property
    def possible_stretches(self) -> list[tuple[int, int | None]]:
        """Where the cut-off is certainly or possibly met."""
        return self.stretches(self.perhaps_high)

    @cached_property
    def active_stretches(self) -> list[tuple[int, int | None]]:
        """Where some counted vasopressor, whichever, is active."""
        return self.stretches(lambda time: bool(self.counted(time)))

    def dose_band(self, time: int) -> str:
        """How high the counted vasopressors have been running, for long enough."""
        if lasted(self.certain_stretches, time, self.par.high_dose_duration):
            return "high"
        if lasted(self.possible_stretches, time, self.par.high_dose_duration):
            return "unknown"
        return "low"

    # The axis

    def category(self, time: int) -> str:
        """The first category that holds, whatever the attribution."""
        count = len(self.counted(time))
        vasopressin = self.vasopressin_runs(time)
        if count >= 2:
            return "multiple"
        if count == 1:
            return "one_plus_vasopressin" if vasopressin else "one"
        if vasopressin and self.vasopressin_answers_hypotension(time):
            return "vasopressin_alone"
        low = "untreated" if self.low_readings(time) else "none"
        return self.bolus_category(time) or low

    def at(self, time: int) -> CirculationState:
        """The axis at an instant, after that instant's events and expiries."""
        flags = self.standing_flags(time)
        if self.chart.attributed("hypotension", "other", time):
            return CirculationState("none", None, None, flags, None, None)
        category = self.category(time)
        if self.vasopressin_ignored(time):
            flags |= {"vasopressin_ignored"}
        dose, run = None, None
        if category in WITH_DOSE:
            dose = self.dose_band(time)
            run = lasted(self.active_stretches, time, self.par.long_run)
        pressure, vasopressor = self.evidence(time)
        return CirculationState(category, dose, run, flags, pressure, vasopressor)

    def vasopressin_ignored(self, time: int) -> bool:
        """Whether vasopressin runs alone and does not answer hypotension."""
        if self.counted(time) or not self.vasopressin_runs(time):
            return False
        return not self.vasopressin_answers_hypotension(time)

    def standing_flags(self, time: int) -> frozenset[str]:
        """The flags that an attribution does not switch off."""
        flags: set[str] = set()
        if any(a.running(time) and a.discounted(time, self.notes) for a in [*self.agents, self.vasopressin]):
            flags.add("baseline_support")
        systolic = latest(self.systolic, time)
        if systolic is not None and systolic.value <= self.diastolic.get(systolic.time, float("-inf")):
            flags.add("systolic_not_above_diastolic")
        return frozenset(flags)

    def evidence(self, time: int) -> tuple[int | None, int | None]:
        """The low reading that holds, and the counted vasopressor's record that started last."""
        low = max(self.low_readings(time), key=lambda r: (r.time, -r.event_id), default=None)
        records = [record for agent in self.counted(time) for record in agent.started_last(time)]
        record = max(records, key=lambda r: (r.start, -r.event_id), default=None)
        return low and low.event_id, record and record.event_id

    def instants(self) -> set[int]:
        """Every instant at which this axis may change."""
        found = {r.time + self.par.bp_hold for r in [*self.systolic, *self.mean]}
        found.update(bolus + self.par.bolus_hold for bolus in self.boluses)
        found.update(bolus + self.par.bolus_window for bolus in self.boluses)
        found.update(self.turns)
        for start, _ in [*self.certain_stretches, *self.possible_stretches]:
            found.add(start + self.par.high_dose_duration)
        return found | {start + self.par.long_run for start, _ in self.active_stretches}


def lasted(stretches: Sequence[tuple[int, int | None]], time: int, least: int) -> bool:
    """Whether a stretch goes on at a time and began at least so long ago."""
    return any(start + least <= time and (end is None or time < end) for start, end in stretches)
