"""Grades the state that was read, and writes grade rows and episodes."""

from typing import Any

from tocsin.jit import compiled
from tocsin.timeline.layout import (
    DEATH_CRS,
    DEATH_NO_TEXT,
    DIED,
    DRIVEN_BY_BOTH,
    DRIVEN_BY_DEATH,
    DRIVEN_BY_FEVER,
    DRIVEN_BY_HYPOTENSION,
    DRIVEN_BY_HYPOXIA,
    F_DEATH_CAUSE,
    F_PRODUCT,
    H_NONE,
    NEVER,
    NO_EVENT,
    NOT_ENDED,
    O_NONE,
    RESOLVED,
    Written,
)
from tocsin.timeline.read import oxygen_evidence, pressure_evidence, vasopressor_evidence

DAY = 86_400_000_000


@compiled
def smallest(bits: int) -> int:
    """Return the smallest grade of a set; 8 for the empty set."""
    grade = 0
    while grade < 8 and not bits >> grade & 1:
        grade += 1
    return grade


@compiled
def largest(bits: int) -> int:
    """Return the largest grade of a set; -1 for the empty set."""
    grade = 7
    while grade >= 0 and not bits >> grade & 1:
        grade -= 1
    return grade


@compiled
def worse_of(one: int, other: int) -> int:
    """Return {max(a, b) for a in one for b in other}, all as bits."""
    return (one & (0xFF << smallest(other)) | other & (0xFF << smallest(one))) & 0xFF


@compiled
def grade_set(hypotension: int, oxygen: int, fever: bool, waived: bool, gate: bool) -> int:
    """Return the set of grades (bits) that the two axes and fever allow: timeline.md section 4."""
    grades = worse_of(hypotension, oxygen)
    if grades & 1:
        grades |= 2
        if fever:
            grades &= ~1
    if gate and not fever and not waived:
        grades |= 1
    return grades


@compiled
def _axes(s: Any, p: Any, scale: int) -> tuple[int, int]:
    """Return the two axes' sets of one scale at the state that was read."""
    run = 1 if s.run_24h == 1 else 0
    hypotension = p.hypotension_table[scale, s.hypotension, s.dose_band + 1, run]
    oxygen = p.oxygen_table[scale, s.oxygen, s.fio2_band + 1, s.airway_tube]
    return int(hypotension), int(oxygen)


@compiled
def _driver(s: Any, p: Any, scale: int) -> int:
    """Return the axis whose set has the larger maximum on the scale of record; fever when both are {0}."""
    hypotension, oxygen = _axes(s, p, scale)
    if hypotension == 1 and oxygen == 1:
        return DRIVEN_BY_FEVER
    if largest(hypotension) == largest(oxygen):
        return DRIVEN_BY_BOTH
    return DRIVEN_BY_HYPOTENSION if largest(hypotension) > largest(oxygen) else DRIVEN_BY_HYPOXIA


@compiled
def _new_row(s: Any, e: Any, out: Written) -> Any:
    """Return the next free row, filled with what every row has."""
    row: Any = out.rows[s.rows_written]
    s.rows_written += 1
    row.subject_id, row.time, row.episode, row.therapy = s.subject_id, s.now, e.episode, e.therapy
    row.closing = 1
    row.fever = row.fever_waived = row.hypotension = row.dose_band = row.run_24h = -1
    row.oxygen = row.fio2_band = row.airway_tube = -1
    row.driver = -1
    row.evidence_fever = row.evidence_pressure = row.evidence_vasopressor = row.evidence_oxygen = NO_EVENT
    row.flag_bits = 0
    e.last_row = s.now
    return row


@compiled
def _add_to_episode(e: Any, row: Any) -> None:
    """Take a row's grades and flags into its episode."""
    for scale in range(len(row.sets)):
        bits = int(row.sets[scale])
        e.peak_low[scale] = max(e.peak_low[scale], smallest(bits))
        if largest(bits) > e.peak_high[scale]:
            e.peak_high[scale] = largest(bits)
            e.peak_time[scale] = row.time
    e.flag_bits |= row.flag_bits
    e.highest_oxygen = max(e.highest_oxygen, row.oxygen)


@compiled
def _signature(s: Any) -> int:
    """Return all that makes a new row when it changes, packed into one number (sets follow from the states)."""
    packed = s.flag_bits * 2 + s.fever
    packed = packed * 2 + s.waived
    packed = packed * 8 + s.hypotension
    packed = packed * 4 + s.dose_band + 1
    packed = packed * 4 + s.run_24h + 1
    packed = packed * 16 + s.oxygen
    packed = packed * 4 + s.fio2_band + 1
    return packed * 2 + s.airway_tube


@compiled
def write_state(s: Any, e: Any, p: Any, out: Written) -> None:
    """Write a row if anything that makes one has changed since the last."""
    if p.therapy_unknown[e.therapy]:
        s.flag_bits |= F_PRODUCT
    signature = _signature(s)
    if signature == s.signature:
        return
    s.signature = signature
    row: Any = _new_row(s, e, out)
    row.closing = 0
    row.fever, row.fever_waived, row.airway_tube = s.fever, s.waived, s.airway_tube
    row.hypotension, row.dose_band, row.run_24h = s.hypotension, s.dose_band, s.run_24h
    row.oxygen, row.fio2_band, row.flag_bits = s.oxygen, s.fio2_band, s.flag_bits
    for scale in range(len(p.fever_gate)):
        hypotension, oxygen = _axes(s, p, scale)
        row.sets[scale] = grade_set(
            hypotension, oxygen, s.fever == 1, s.waived == 1, p.fever_gate[scale] == 1
        )
    row.driver = _driver(s, p, int(p.record_scale[int(p.therapy_cause[e.therapy])]))
    row.evidence_fever = s.fever_id
    row.evidence_pressure = pressure_evidence(s)
    row.evidence_vasopressor = vasopressor_evidence(s)
    row.evidence_oxygen = oxygen_evidence(s, p)
    _add_to_episode(e, row)


@compiled
def write_resolution(s: Any, e: Any, out: Written, resolved_at: int) -> None:
    """Write the closing row {0} and end the episode."""
    row: Any = _new_row(s, e, out)
    for scale in range(len(row.sets)):
        row.sets[scale] = 1
    _add_to_episode(e, row)
    e.resolved_at = resolved_at
    e.ended = RESOLVED
    s.in_episode = 0


@compiled
def write_death(s: Any, e: Any, p: Any, death: int, out: Written) -> None:
    """Write the death row: {5} for CRS, {0} for another cause, 5 joins the set when no cause is given.

    Unlike the closing row of a resolution it keeps the flags that apply at that instant.
    """
    run_on = s.in_episode == 1
    row: Any = _new_row(s, e, out)
    for scale in range(len(row.sets)):
        if death == DEATH_CRS:
            row.sets[scale] = 1 << 5
        elif death == DEATH_NO_TEXT and run_on:
            hypotension, oxygen = _axes(s, p, scale)
            gate = p.fever_gate[scale] == 1
            row.sets[scale] = grade_set(hypotension, oxygen, s.fever == 1, s.waived == 1, gate) | 1 << 5
        else:
            row.sets[scale] = 1
    row.driver = DRIVEN_BY_DEATH
    row.flag_bits = s.flag_bits
    if p.therapy_unknown[e.therapy]:
        row.flag_bits |= F_PRODUCT
    if death == DEATH_NO_TEXT:
        row.flag_bits |= F_DEATH_CAUSE
    _add_to_episode(e, row)
    e.resolved_at = NEVER
    e.ended = DIED
    s.in_episode = 0


@compiled
def start_episode(s: Any, e: Any, place: int, out: Written) -> None:
    """Start a new, numbered episode at its onset; the one before, if any, is written out."""
    flush_episode(s, e, out)
    s.episode += 1
    s.in_episode = 1
    s.waived = 0
    s.signature = -1
    e.subject_id, e.episode, e.therapy = s.subject_id, s.episode, s.therapy_kind[place]
    e.therapy_time, e.onset, e.last_row = s.therapy_time[place], s.group_time, s.group_time
    e.resolved_at = e.first_tocilizumab = e.glucocorticoid_day = NEVER
    e.ended = NOT_ENDED
    e.tocilizumab_doses = e.glucocorticoid_days = 0
    e.vasopressor_time = 0
    e.highest_oxygen = e.flag_bits = e.ongoing = 0
    for scale in range(len(e.peak_low)):
        e.peak_low[scale] = e.peak_high[scale] = -1
        e.peak_time[scale] = NEVER


@compiled
def flush_episode(s: Any, e: Any, out: Written) -> None:
    """Write the subject's last episode out."""
    if s.episode > 0:
        out.episodes[s.episodes_written] = e
        s.episodes_written += 1


@compiled
def count_treatment(s: Any, e: Any) -> None:
    """Count tocilizumab doses and glucocorticoid days of an episode; doses of one instant are one."""
    if s.g_tocilizumab:
        e.tocilizumab_doses += 1
        if e.first_tocilizumab == NEVER:
            e.first_tocilizumab = s.group_time
    day = s.group_time // DAY
    if s.g_glucocorticoid and day != e.glucocorticoid_day:
        e.glucocorticoid_days += 1
        e.glucocorticoid_day = day


@compiled
def count_vasopressor_time(s: Any, e: Any, until: int) -> None:
    """Add the time from the last reading to `until` during which a counted vasopressor ran in the episode."""
    if s.in_episode and s.count > 0:
        e.vasopressor_time += until - max(s.now, e.onset)


@compiled
def resolution_start(s: Any) -> int:
    """Return since when nothing of the episode is left: the last fever reading or the end of the last support."""
    if s.hypotension != H_NONE or s.oxygen != O_NONE:
        return NEVER
    return max(s.fever_at, s.hypotension_none_since, s.oxygen_none_since)
