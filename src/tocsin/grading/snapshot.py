"""The set of grades that each scale allows for one moment of a patient, why, and what would settle it.

A set is the union over every world that fits what is known, so filling in a field can only narrow it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from tocsin.errors import UserError
from tocsin.grading import sets
from tocsin.grading.findings import (
    BOTH,
    CATEGORY_OF_DEVICE,
    Breathing,
    Circulation,
    Fever,
    Snapshot,
    breathings,
    circulations,
    fevers,
)
from tocsin.grading.words import why
from tocsin.knowledge.scales import HypotensionRow, OxygenRow, Scale, scales
from tocsin.knowledge.timeline import defaults

__all__ = ["Graded", "Snapshot", "grade_sets", "grade_snapshot", "settled_by"]

# Of the scales without a fever gate, the one whose grade 1 names no temperature (timeline.md, section 4).
GRADE_1_WITHOUT_FEVER: Final = "lee2014"
WEAKEST_FIRST: Final = ("recalled", "n/a", "verified", "seed")


@dataclass(frozen=True, slots=True)
class Graded:
    """What one scale says: the grade, or None and the set that the findings leave."""

    grade: int | None
    set: tuple[int, ...]
    why: str
    settled_by: tuple[str, ...]
    confidence: str
    recalled: bool
    source: tuple[str, ...]


def grade_snapshot(s: Snapshot) -> dict[str, Graded]:
    """Every scale's answer, with its reasons."""
    found, open_fields = grade_sets(s), settled_by(s)
    return {scale.id: _graded(scale, s, found[scale.id], open_fields[scale.id]) for scale in scales()}


def grade_sets(s: Snapshot) -> dict[str, int]:
    """Every scale's set of grades, as bits."""
    circulation, breathing, fever = circulations(s), breathings(s), fevers(s)
    return {scale.id: _with_death(s, _alive(scale, circulation, breathing, fever)) for scale in scales()}


def settled_by(s: Snapshot) -> dict[str, tuple[str, ...]]:
    """For every scale the unknown fields that it weighs and of which some value would narrow its set."""
    before = grade_sets(s)
    narrowing: dict[str, list[str]] = {scale.id: [] for scale in scales()}
    for field, values in possible_values().items():
        if getattr(s, field) is not None:
            continue
        filled = [found for value in values if (found := _sets_with(s, field, value))]
        for scale in scales():
            narrows = any(_narrower(found[scale.id], before[scale.id]) for found in filled)
            if narrows and _weighs(scale, s, field):
                narrowing[scale.id].append(field)
    return {id: tuple(names) for id, names in narrowing.items()}


@cache
def possible_values() -> dict[str, tuple[bool | int | float | str, ...]]:
    """For every field that bears on a grade, values that stand for all that it may have."""
    numbers = defaults()
    low_flow, threshold = numbers.low_flow_max_l_min, numbers.fever_threshold_cel
    return {
        "temp_c": (threshold - 1, threshold),
        "fever_attributed_to_crs": BOTH,
        "antipyretic_or_anticytokine_given": BOTH,
        "hypotension": BOTH,
        "fluids_only": BOTH,
        "fluids_repeated": BOTH,
        "n_vasopressors_excl_vasopressin": (0, 1, 2),
        "vasopressin": BOTH,
        "high_dose_pressor": BOTH,
        "vasopressor_24h": BOTH,
        "oxygen_device": tuple(CATEGORY_OF_DEVICE),
        "o2_flow_lpm": (low_flow, low_flow + 1),
        "fio2_pct": (numbers.fio2_cut - 1, numbers.fio2_cut),
        "intubated_for_airway_only": BOTH,
        "death_due_to_crs": BOTH,
    }


def _graded(scale: Scale, s: Snapshot, bits: int, open_fields: tuple[str, ...]) -> Graded:
    hypotension, oxygen = _rows_that_count(scale, s)
    rows = (*hypotension, *oxygen)
    confidences = {row.confidence for row in rows} or {scale.confidence}
    confidence = next(word for word in WEAKEST_FIRST if word in confidences)
    source = tuple(dict.fromkeys(key for row in rows for key in row.source)) or scale.source
    return Graded(
        sets.decided(bits),
        sets.members(bits),
        why(scale, s, bits, open_fields, hypotension, oxygen),
        open_fields,
        confidence,
        confidence == "recalled",
        source,
    )


def _rows_that_count(scale: Scale, s: Snapshot) -> tuple[tuple[HypotensionRow, ...], tuple[OxygenRow, ...]]:
    """The rows of the two axes that the grade rests on; none where fever or death decides alone."""
    if s.death_due_to_crs or (scale.fever_gate and s.fever_attributed_to_crs is False):
        return (), ()
    circulation, breathing = circulations(s), breathings(s)
    h = sets.union(_hypotension_sets(scale, circulation))
    o = sets.union(_oxygen_sets(scale, breathing))
    hypotension = [row for world in circulation for row in world.rows(scale)] if sets.counts(h, o) else []
    oxygen = [row for world in breathing for row in world.rows(scale)] if sets.counts(o, h) else []
    return tuple(dict.fromkeys(hypotension)), tuple(dict.fromkeys(oxygen))


def _narrower(one: int, other: int) -> bool:
    return one != other and one & ~other == 0


def _weighs(scale: Scale, s: Snapshot, field: str) -> bool:
    """Whether a field bears on the scale by itself, not only by what it rules out in other fields."""
    if field in Circulation._fields:
        worlds, values = set(circulations(s)), possible_values()[field]
        beside = ((world, world._replace(**{field: value})) for world in worlds for value in values)
        return any(
            other in worlds and _grades(other, scale) != _grades(world, scale) for world, other in beside
        )
    if field == "o2_flow_lpm":
        return s.oxygen_device is not None
    if field == "fio2_pct":
        return any(row.fio2_band for world in breathings(s) for row in world.rows(scale))
    return True


def _sets_with(s: Snapshot, field: str, value: bool | int | float | str) -> dict[str, int] | None:
    """The sets with a field filled in; None where the rest of the snapshot forbids the value."""
    try:
        return grade_sets(replace(s, **{field: value}))
    except UserError:
        return None


def _with_death(s: Snapshot, alive: int) -> int:
    if s.death_due_to_crs is None:
        return alive | sets.DEATH
    return sets.DEATH if s.death_due_to_crs else alive


def _alive(
    scale: Scale, circulation: Iterable[Circulation], breathing: Iterable[Breathing], fever: Iterable[Fever]
) -> int:
    """The union over every pair of axes and every way fever may be."""
    oxygen = _oxygen_sets(scale, breathing)
    axes = {sets.worse_of(h, o) for h in _hypotension_sets(scale, circulation) for o in oxygen}
    return sets.union(_of_world(scale, worse, world) for worse in axes for world in fever)


def _hypotension_sets(scale: Scale, circulation: Iterable[Circulation]) -> set[int]:
    """The set of each way the circulation may be."""
    return {_grades(world, scale) for world in circulation}


def _grades(world: Circulation, scale: Scale) -> int:
    return sets.union(row.grades for row in world.rows(scale))


def _oxygen_sets(scale: Scale, breathing: Iterable[Breathing]) -> set[int]:
    """The set of each way the oxygen need may be."""
    return {scale.oxygen_grades(*world) for world in breathing}


def _of_world(scale: Scale, worse: int, fever: Fever) -> int:
    if fever.attributed:
        return sets.in_episode(worse, fever=fever.present, waived=fever.waived, gate=scale.fever_gate)
    without_fever = scale.id == GRADE_1_WITHOUT_FEVER and not fever.present
    return sets.not_attributed(worse, gate=scale.fever_gate, one_without_fever=without_fever)
