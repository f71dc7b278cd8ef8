"""One moment of a patient: what is known, what it may therefore be, and what cannot be.

A field that is None is unknown: the snapshot then stands for every world that fits what is known.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import product
from typing import Final, NamedTuple

from tocsin.grading.fields import FieldError, crs_readers, read_field
from tocsin.knowledge.scales import HypotensionRow, OxygenRow, Scale
from tocsin.knowledge.timeline import defaults

BOTH: Final = (False, True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One moment. A death and a tube for the airway alone are events: not said, none happened."""

    temp_c: float | None = None
    fever_attributed_to_crs: bool | None = None
    antipyretic_or_anticytokine_given: bool | None = None
    hypotension: bool | None = None
    fluids_only: bool | None = None
    fluids_repeated: bool | None = None
    n_vasopressors_excl_vasopressin: int | None = None
    vasopressin: bool | None = None
    high_dose_pressor: bool | None = None
    vasopressor_24h: bool | None = None
    oxygen_device: str | None = None
    o2_flow_lpm: float | None = None
    fio2_pct: float | None = None
    intubated_for_airway_only: bool | None = False
    cause: str | None = None
    death_due_to_crs: bool | None = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = read_field(field.name, getattr(self, field.name), crs_readers())
            object.__setattr__(self, field.name, value)
        _refuse_contradictory_oxygen(self)
        circulations(self)


class Circulation(NamedTuple):
    """One way the circulation may be, nothing left open."""

    hypotension: bool
    fluids_only: bool
    fluids_repeated: bool
    n_vasopressors_excl_vasopressin: int
    vasopressin: bool
    high_dose_pressor: bool
    vasopressor_24h: bool

    @property
    def category(self) -> str:
        """The hypotension category: the first that holds (timeline.md, section 2)."""
        if self.n_vasopressors_excl_vasopressin >= 2:
            return "multiple"
        if self.n_vasopressors_excl_vasopressin == 1:
            return "one_plus_vasopressin" if self.vasopressin else "one"
        if not self.hypotension:
            return "none"
        if self.vasopressin:
            return "vasopressin_alone"
        if self.fluids_only:
            return "fluids_repeated" if self.fluids_repeated else "fluids"
        return "untreated"

    def rows(self, scale: Scale) -> tuple[HypotensionRow, ...]:
        """The rows of a scale that speak about it."""
        band = "high" if self.high_dose_pressor else "low"
        found = scale.hypotension_rows(self.category, band)
        return tuple(row for row in found if row.run_24h in (None, self.vasopressor_24h))


class Breathing(NamedTuple):
    """One way the oxygen need may be; the FiO2 band is None where no oxygen is given."""

    category: str
    fio2_band: str | None
    airway_tube: bool

    def rows(self, scale: Scale) -> tuple[OxygenRow, ...]:
        """The rows of a scale that speak about it."""
        return scale.oxygen_rows(self.category, self.fio2_band)


class Fever(NamedTuple):
    """One way fever may be."""

    attributed: bool
    present: bool
    waived: bool


@dataclass(frozen=True, slots=True)
class _Contradiction:
    """What cannot be: the field to blame, when it is so, and what to do."""

    field: str
    broken: Callable[[Circulation], bool]
    problem: str


_CONTRADICTIONS: Final = (
    _Contradiction(
        "fluids_only",
        lambda c: c.fluids_only and not c.hypotension,
        "fluid for hypotension needs hypotension = yes",
    ),
    _Contradiction(
        "fluids_only",
        lambda c: c.fluids_only and c.n_vasopressors_excl_vasopressin > 0,
        "a vasopressor runs, so it is not fluid alone; say fluids_only = no",
    ),
    _Contradiction(
        "fluids_only",
        lambda c: c.fluids_only and c.vasopressin,
        "vasopressin runs, so it is not fluid alone; say fluids_only = no",
    ),
    _Contradiction(
        "fluids_repeated",
        lambda c: (
            c.fluids_repeated
            and not (c.fluids_only or c.vasopressin or c.n_vasopressors_excl_vasopressin > 0)
        ),
        "repeated boluses for hypotension need hypotension = yes, and fluids_only = yes or a vasopressor",
    ),
    _Contradiction(
        "high_dose_pressor",
        lambda c: c.high_dose_pressor and c.n_vasopressors_excl_vasopressin == 0,
        "needs n_vasopressors_excl_vasopressin of 1 or more: vasopressin alone has no high dose",
    ),
    _Contradiction(
        "high_dose_pressor",
        lambda c: c.high_dose_pressor and c.fluids_only,
        "fluids_only = yes leaves no vasopressor to be at a high dose",
    ),
    _Contradiction(
        "vasopressor_24h",
        lambda c: c.vasopressor_24h and c.n_vasopressors_excl_vasopressin == 0,
        "needs n_vasopressors_excl_vasopressin of 1 or more: vasopressin alone is not timed",
    ),
    _Contradiction(
        "vasopressor_24h",
        lambda c: c.vasopressor_24h and c.fluids_only,
        "fluids_only = yes leaves no vasopressor that runs",
    ),
)


def circulations(s: Snapshot) -> tuple[Circulation, ...]:
    """Every way the circulation may be; what is known and cannot be is an error."""
    may_be = tuple(
        Circulation(*world)
        for world in product(
            _may_be(s.hypotension),
            _may_be(s.fluids_only),
            _may_be(s.fluids_repeated),
            (0, 1, 2) if s.n_vasopressors_excl_vasopressin is None else (s.n_vasopressors_excl_vasopressin,),
            _may_be(s.vasopressin),
            _may_be(s.high_dose_pressor),
            _may_be(s.vasopressor_24h),
        )
    )
    for rule in _CONTRADICTIONS:
        if all(rule.broken(world) for world in may_be):
            raise FieldError(rule.field, True, rule.problem)
    return tuple(world for world in may_be if not any(rule.broken(world) for rule in _CONTRADICTIONS))


def breathings(s: Snapshot) -> tuple[Breathing, ...]:
    """Every way the oxygen need may be."""
    return tuple(
        Breathing(category, None if category == "none" else band, tube)
        for category in _oxygen_categories(s)
        for band in _fio2_bands(s)
        for tube in _may_be(s.intubated_for_airway_only)
    )


def fevers(s: Snapshot) -> tuple[Fever, ...]:
    """Every way fever may be."""
    present = BOTH if s.temp_c is None else (s.temp_c >= defaults().fever_threshold_cel,)
    waived = _may_be(s.antipyretic_or_anticytokine_given)
    return tuple(Fever(*world) for world in product(_may_be(s.fever_attributed_to_crs), present, waived))


# A cannula's category also hangs on its flow.
CATEGORY_OF_DEVICE: Final = {
    "room_air": "none",
    "nasal_cannula": "low_flow",
    "blow_by": "low_flow",
    "high_flow_nasal_cannula": "high_flow",
    "simple_face_mask": "mask",
    "venturi_mask": "mask",
    "non_rebreather": "mask",
    "cpap": "positive_pressure",
    "bipap": "positive_pressure",
    "invasive_ventilation": "ventilator",
    "ecmo": "ventilator",
}
_CANNULAS: Final = ("nasal_cannula", "high_flow_nasal_cannula")


def _oxygen_categories(s: Snapshot) -> tuple[str, ...]:
    if s.oxygen_device is None:
        return ("device_unknown",) if signs_of_oxygen(s) else ("none", "device_unknown")
    if s.oxygen_device in _CANNULAS:
        return (_cannula_category(s.oxygen_device == "high_flow_nasal_cannula", s.o2_flow_lpm),)
    return (CATEGORY_OF_DEVICE[s.oxygen_device],)


def _cannula_category(high_flow: bool, flow: float | None) -> str:
    if flow == 0:
        return "none"
    if flow is None:
        return "high_flow" if high_flow else "cannula_flow_unknown"
    if flow > defaults().low_flow_max_l_min:
        return "high_flow"
    return "high_flow_at_low_flow" if high_flow else "low_flow"


def signs_of_oxygen(s: Snapshot) -> bool:
    """Whether a flow or an FiO2 says that oxygen is given."""
    return (s.o2_flow_lpm or 0) > 0 or (s.fio2_pct or 0) > defaults().room_air_fio2


def _fio2_bands(s: Snapshot) -> tuple[str, ...]:
    if s.fio2_pct is None:
        return ("below_40", "at_least_40")
    return ("at_least_40",) if s.fio2_pct >= defaults().fio2_cut else ("below_40",)


def _refuse_contradictory_oxygen(s: Snapshot) -> None:
    if s.oxygen_device == "room_air" and signs_of_oxygen(s):
        field = "o2_flow_lpm" if s.o2_flow_lpm else "fio2_pct"
        problem = "oxygen_device is none; name the device or leave this empty"
        raise FieldError(field, getattr(s, field), problem)
    if s.oxygen_device == "invasive_ventilation" and s.intubated_for_airway_only:
        problem = "then oxygen_device is the oxygen need apart from the tube: none, or the device before it"
        raise FieldError("intubated_for_airway_only", True, problem)


def _may_be(value: bool | None) -> tuple[bool, ...]:
    return BOTH if value is None else (value,)
