"""What goes into the reference engine and what comes out of it: events, parameters, rows, episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HOUR = 3_600_000_000
DAY = 24 * HOUR
YEAR = 365 * DAY + 6 * HOUR
MONTH = YEAR // 12


@dataclass(frozen=True, slots=True)
class Event:
    """One canonical event; times are microseconds UTC, values are in the signal's canonical unit."""

    subject_id: int
    time: int
    signal: str
    value: float | None = None
    text: str | None = None
    end: int | None = None
    event_id: int = 0


def _onset_windows() -> dict[str, int]:
    """The causes in the order of causes.toml: the order breaks ties."""
    return {
        "car_t": 14 * DAY,
        "tcr_t": 14 * DAY,
        "haplo_hct": 14 * DAY,
        "t_cell_engager": 7 * DAY,
        "antibody": 2 * DAY,
        "other": 14 * DAY,
    }


def _high_alone() -> dict[str, float]:
    """Lee 2014: from which rate one agent alone is a high dose."""
    return {"norepinephrine": 20, "dopamine": 10, "phenylephrine": 200, "epinephrine": 10}


@dataclass(frozen=True)
class Parameters:
    """Every number of timeline.md; durations in microseconds."""

    fever_threshold: float = 38.0
    fever_hold: int = 24 * HOUR
    bp_hold: int = 6 * HOUR
    bolus_hold: int = 6 * HOUR
    bolus_window: int = 24 * HOUR
    infusion_timeout: int = 24 * HOUR
    device_hold: int = 24 * HOUR
    high_dose_duration: int = 3 * HOUR
    long_run: int = 24 * HOUR
    tube_wait: int = 24 * HOUR
    resolution_hold: int = 24 * HOUR
    window_before: int = 2 * DAY
    window_after: int = 60 * DAY
    adult_systolic: float = 90.0
    adult_mean: float = 65.0
    systolic_under_1_month: float = 60.0
    systolic_under_1_year: float = 70.0
    systolic_child_base: float = 70.0
    systolic_child_per_year: float = 2.0
    systolic_from_10_years: float = 90.0
    high_alone: Mapping[str, float] = field(default_factory=_high_alone)
    high_together: float = 20.0
    high_with_vasopressin: float = 10.0
    low_flow_most: float = 6.0
    fio2_high: float = 40.0
    fio2_air: float = 21.0
    aspirin_least: float = 300.0
    onset_windows: Mapping[str, int] = field(default_factory=_onset_windows)
    product_windows: Mapping[str, int] = field(default_factory=dict[str, int])
    known_products: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """One row of `grades`; every state column is None on a closing row."""

    subject_id: int
    time: int
    episode: int
    cause: str
    product: str | None
    fever: bool | None
    fever_waived: bool | None
    hypotension: str | None
    dose_band: str | None
    run_24h: bool | None
    oxygen: str | None
    fio2_band: str | None
    airway_tube: bool | None
    sets: Mapping[str, int]
    driver: str | None
    evidence_fever: int | None
    evidence_pressure: int | None
    evidence_vasopressor: int | None
    evidence_oxygen: int | None
    flags: tuple[str, ...]
    closing: bool


@dataclass(frozen=True, slots=True)
class Episode:
    """One row of `episodes`; peaks are keyed by scale."""

    subject_id: int
    episode: int
    cause: str
    product: str | None
    therapy_time: int
    onset: int
    resolved_at: int | None
    ended: str | None
    hours: float
    peak_low: Mapping[str, int]
    peak_high: Mapping[str, int]
    peak_time: Mapping[str, int]
    tocilizumab_doses: int
    first_tocilizumab: int | None
    glucocorticoid_days: int
    vasopressor_hours: float
    highest_oxygen: str
    flags: tuple[str, ...]
