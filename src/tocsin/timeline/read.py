"""Reads a subject's state at one instant: what is still present, the categories, the next instant of change."""

import math
from typing import Any

from tocsin.jit import compiled
from tocsin.timeline.apply import drop_values
from tocsin.timeline.gather import drop_infusion, known_rate
from tocsin.timeline.layout import (
    ANGIOTENSIN,
    BAND_HIGH,
    BAND_LOW,
    BAND_NULL,
    BAND_UNKNOWN,
    BIPAP,
    BLOW_BY,
    COUNTED,
    CPAP,
    DOPAMINE,
    EPINEPHRINE,
    F_AGE_UNKNOWN,
    F_BASELINE,
    F_INTUBATION,
    F_PRESSURES,
    F_VASOPRESSIN,
    FIO2_AT_LEAST,
    FIO2_BELOW,
    FIO2_NULL,
    FIO2_UNKNOWN,
    FOREVER,
    H_FLUIDS,
    H_MULTIPLE,
    H_NONE,
    H_ONE,
    H_ONE_PLUS,
    H_REPEATED,
    H_UNTREATED,
    H_VASOPRESSIN,
    HIGH_FLOW_CANNULA,
    NASAL_CANNULA,
    NEVER,
    NO_DEVICE,
    NO_EVENT,
    NON_REBREATHER,
    NOREPINEPHRINE,
    O_CANNULA_UNKNOWN,
    O_HIGH,
    O_HIGH_AT_LOW,
    O_LOW,
    O_MASK,
    O_NONE,
    O_PRESSURE,
    O_UNKNOWN,
    O_VENTILATOR,
    PHENYLEPHRINE,
    ROOM_AIR,
    SAID_AIRWAY,
    SIMPLE_MASK,
    UNSAID,
    VASOPRESSIN,
    VENTILATION,
)


@compiled
def _read_agent(s: Any, agent: int, now: int) -> None:
    """Take off the agent's ended records and note rate and record of the one that started last."""
    place = 0
    while place < s.infusions[agent]:
        if s.infusion_end[agent, place] <= now:
            drop_infusion(s, agent, place)
        else:
            s.next_expiry = min(s.next_expiry, s.infusion_end[agent, place])
            place += 1
    s.agent_active[agent] = 1 if s.infusions[agent] > 0 else 0
    s.agent_since[agent] = NEVER
    for place in range(s.infusions[agent]):
        start = s.infusion_start[agent, place]
        if start > s.agent_since[agent]:
            s.agent_since[agent] = start
            s.agent_rate[agent] = s.infusion_rate[agent, place]
            s.agent_id[agent] = s.infusion_id[agent, place]
        elif start == s.agent_since[agent]:
            if known_rate(s.infusion_rate[agent, place]) > known_rate(s.agent_rate[agent]):
                s.agent_rate[agent] = s.infusion_rate[agent, place]
            s.agent_id[agent] = min(s.agent_id[agent], s.infusion_id[agent, place])
    if not s.agent_active[agent]:
        s.agent_baseline[agent] = 0


@compiled
def _counts(s: Any, agent: int) -> bool:
    """Return whether the agent runs and is not discounted as chronic support."""
    return s.agent_active[agent] == 1 and s.agent_baseline[agent] == 0


@compiled
def _rate(s: Any, agent: int) -> float:
    """Return the known rate of a counted agent, 0 when it does not count or its rate is unknown."""
    return s.agent_rate[agent] if _counts(s, agent) and not math.isnan(s.agent_rate[agent]) else 0.0


@compiled
def _high_dose_certain(s: Any, p: Any) -> bool:
    """Return whether the known rates alone meet the Lee 2014 cut-offs (grading.md 3.2)."""
    norepinephrine, epinephrine = _rate(s, NOREPINEPHRINE), _rate(s, EPINEPHRINE)
    phenylephrine, dopamine = _rate(s, PHENYLEPHRINE), _rate(s, DOPAMINE)
    if norepinephrine >= p.lee_norepinephrine_ug_min or epinephrine >= p.lee_epinephrine_ug_min:
        return True
    if phenylephrine >= p.lee_phenylephrine_ug_min or dopamine >= p.lee_dopamine_ug_kg_min:
        return True
    equivalent = (
        norepinephrine
        + dopamine / p.lee_dopamine_divisor
        + epinephrine
        + phenylephrine / p.lee_phenylephrine_divisor
    )
    if equivalent >= p.lee_equivalent_ug_min:
        return True
    return _counts(s, VASOPRESSIN) and equivalent >= p.lee_equivalent_with_vasopressin_ug_min


@compiled
def _high_dose_possible(s: Any) -> bool:
    """Return whether a counted agent leaves the dose open: its rate is unknown, or it has no cut-off."""
    for agent in range(COUNTED):  # noqa: SIM110  # a generator inside any() cannot be compiled
        if _counts(s, agent) and (agent == ANGIOTENSIN or math.isnan(s.agent_rate[agent])):
            return True
    return False


@compiled
def _since(holds: bool, before: int, now: int) -> int:
    """Return since when a condition has held without a break (NEVER: it does not)."""
    if not holds:
        return NEVER
    return now if before == NEVER else before


@compiled
def _lasted(s: Any, since: int, duration: int, now: int) -> bool:
    """Return whether a condition has lasted for the duration; if not yet, note when it will have."""
    if since == NEVER:
        return False
    if now - since >= duration:
        return True
    s.next_expiry = min(s.next_expiry, since + duration)
    return False


@compiled
def _read_vasopressors(s: Any, p: Any, now: int) -> None:
    """Read which vasopressors count, how many, at what dose, and for how long."""
    s.count = 0
    for agent in range(6):
        if s.infusions[agent] > 0 or s.agent_active[agent]:
            _read_agent(s, agent, now)
        if agent < COUNTED and _counts(s, agent):
            s.count += 1
    certain = _high_dose_certain(s, p)
    s.run_since = _since(s.count > 0, s.run_since, now)
    s.certain_since = _since(certain, s.certain_since, now)
    s.possible_since = _since(certain or _high_dose_possible(s), s.possible_since, now)
    s.dose_band = BAND_LOW
    if _lasted(s, s.certain_since, p.high_dose_duration, now):
        s.dose_band = BAND_HIGH
    elif _lasted(s, s.possible_since, p.high_dose_duration, now):
        s.dose_band = BAND_UNKNOWN
    s.run_24h = 1 if _lasted(s, s.run_since, p.run_long, now) else 0


@compiled
def _holds(s: Any, until: int, now: int) -> bool:
    """Return whether something held until an instant still is; if so, note that instant."""
    if now < until:
        s.next_expiry = min(s.next_expiry, until)
        return True
    return False


@compiled
def _vasopressin_alone(s: Any) -> bool:
    """Return whether vasopressin, the only agent, answers hypotension; flag it when it is set aside."""
    if not _counts(s, VASOPRESSIN) or s.count > 0:
        return False
    if s.vasopressin_in_hypotension and not s.not_for_hypotension:
        return True
    if not s.hypotension_other:
        s.flag_bits |= F_VASOPRESSIN
    return False


@compiled
def _hypotension(s: Any, p: Any, now: int) -> int:
    """Return the hypotension category: the first that holds."""
    s.systolic_low = 1 if s.systolic_low and _holds(s, s.systolic_at + p.bp_hold, now) else 0
    s.mean_low = 1 if s.mean_low and _holds(s, s.mean_at + p.bp_hold, now) else 0
    fluids = _holds(s, s.bolus_until, now)
    repeated = fluids and _holds(s, s.bolus_before + p.bolus_repeat, now)
    alone = _vasopressin_alone(s)
    if s.count >= 2:
        return H_MULTIPLE
    if s.count == 1:
        return H_ONE_PLUS if _counts(s, VASOPRESSIN) else H_ONE
    if alone:
        return H_VASOPRESSIN
    if fluids:
        return H_REPEATED if repeated else H_FLUIDS
    return H_UNTREATED if s.systolic_low or s.mean_low else H_NONE


@compiled
def _end_device(s: Any) -> None:
    """End the run of the device on record and all that belongs to it."""
    drop_values(s)
    s.device_on = NO_DEVICE
    s.device_baseline = 0
    s.airway_said = UNSAID


@compiled
def _charted_off_device(s: Any, p: Any) -> bool:
    """Return whether oxygen was charted while no device was on record, or after a room air."""
    flowing = not s.flow_owned and s.flow > 0.0
    return flowing or (not s.fio2_owned and s.fio2 > p.room_air_fio2)


@compiled
def _oxygen(s: Any, p: Any) -> int:
    """Return the oxygen category of the device and flow on record."""
    if s.device_on <= ROOM_AIR:
        return O_UNKNOWN if _charted_off_device(s, p) else O_NONE
    if s.device_on == NASAL_CANNULA or s.device_on == HIGH_FLOW_CANNULA:
        if s.flow == 0.0:
            return O_NONE
        if s.device_on == HIGH_FLOW_CANNULA:
            return O_HIGH_AT_LOW if s.flow <= p.low_flow_max_l_min else O_HIGH
        if math.isnan(s.flow):
            return O_CANNULA_UNKNOWN
        return O_LOW if s.flow <= p.low_flow_max_l_min else O_HIGH
    if s.device_on == BLOW_BY:
        return O_LOW
    if SIMPLE_MASK <= s.device_on <= NON_REBREATHER:
        return O_MASK
    return O_PRESSURE if CPAP <= s.device_on <= BIPAP else O_VENTILATOR


@compiled
def _fio2_band(s: Any, p: Any) -> int:
    """Return the FiO2 band; never imputed from flow or device."""
    if s.oxygen_raw == O_NONE:
        return FIO2_NULL
    if math.isnan(s.fio2) or (s.device_on == ROOM_AIR and s.fio2_owned):
        return FIO2_UNKNOWN
    return FIO2_AT_LEAST if s.fio2 >= p.fio2_cut else FIO2_BELOW


@compiled
def _read_oxygen(s: Any, p: Any, now: int) -> None:
    """Read the oxygen category and FiO2 band, before and after baseline, airway tube and attribution."""
    if s.device_on != NO_DEVICE and not _holds(s, s.device_end, now):
        _end_device(s)
    if not math.isnan(s.flow) and not _holds(s, s.flow_at + p.device_hold, now):
        s.flow, s.flow_owned = math.nan, 0
    if not math.isnan(s.fio2) and not _holds(s, s.fio2_at + p.device_hold, now):
        s.fio2, s.fio2_owned = math.nan, 0
    s.oxygen_raw = _oxygen(s, p)
    discounted = s.device_baseline == 1
    if discounted:
        s.oxygen_raw = O_NONE
    s.fio2_band_raw = _fio2_band(s, p)
    tube = s.device_on == VENTILATION and s.airway_said == SAID_AIRWAY
    s.airway_tube = 1 if tube and not s.hypoxia_other else 0
    if discounted and not s.airway_tube:
        s.flag_bits |= F_BASELINE
    s.oxygen, s.fio2_band = s.oxygen_raw, s.fio2_band_raw
    if s.hypoxia_other:
        s.oxygen, s.fio2_band = O_NONE, FIO2_NULL
    elif tube:
        s.oxygen, s.fio2_band = s.before_tube, s.before_tube_band
    elif s.device_on == VENTILATION and not discounted and s.airway_said == UNSAID:
        s.flag_bits |= F_INTUBATION


@compiled
def read_state(s: Any, p: Any, now: int) -> None:
    """Read everything at `now`; what ends at this instant is gone. Sets `next_expiry` to the next instant of change."""
    s.now = now
    s.next_expiry = FOREVER
    s.flag_bits = F_AGE_UNKNOWN if s.birth == NEVER else 0
    if s.pressures_crossed:
        s.flag_bits |= F_PRESSURES
    held = s.fever_at != NEVER and _holds(s, s.fever_at + p.fever_hold, now)
    s.fever = 1 if held and not s.fever_other else 0
    _read_vasopressors(s, p, now)
    for agent in range(6):
        if s.agent_active[agent] and s.agent_baseline[agent]:
            s.flag_bits |= F_BASELINE
    category = _hypotension(s, p, now)
    before_hypotension, before_oxygen = s.hypotension, s.oxygen
    s.hypotension = H_NONE if s.hypotension_other else category
    if s.hypotension < H_ONE:
        s.dose_band = BAND_NULL
        s.run_24h = -1
    _read_oxygen(s, p, now)
    if s.hypotension == H_NONE and before_hypotension != H_NONE:
        s.hypotension_none_since = now
    if s.oxygen == O_NONE and before_oxygen != O_NONE:
        s.oxygen_none_since = now


@compiled
def pressure_evidence(s: Any) -> int:
    """Return the low reading that holds, the later of two, the lowest id of one instant."""
    if s.hypotension == H_NONE:
        return NO_EVENT
    if s.systolic_low and s.mean_low:
        if s.systolic_at == s.mean_at:
            return min(s.systolic_id, s.mean_id)
        return s.systolic_id if s.systolic_at > s.mean_at else s.mean_id
    if s.systolic_low:
        return s.systolic_id
    return s.mean_id if s.mean_low else NO_EVENT


@compiled
def vasopressor_evidence(s: Any) -> int:
    """Return the record of the counted vasopressor that started last, the lowest id of one instant."""
    since, event_id = NEVER, NO_EVENT
    if s.hypotension < H_ONE:
        return event_id
    for agent in range(COUNTED):
        if _counts(s, agent) and s.agent_since[agent] >= since:
            tie = s.agent_since[agent] == since
            event_id = min(event_id, s.agent_id[agent]) if tie else s.agent_id[agent]
            since = s.agent_since[agent]
    return event_id


@compiled
def oxygen_evidence(s: Any, p: Any) -> int:
    """Return the record of the device on record, else the later of the flow and FiO2 charted without one."""
    if s.oxygen == O_NONE and not s.airway_tube:
        return NO_EVENT
    if s.device_on > ROOM_AIR:
        return s.device_id
    flowing = s.flow > 0.0 and not s.flow_owned
    enriched = s.fio2 > p.room_air_fio2 and not s.fio2_owned
    if flowing and enriched and s.flow_at == s.fio2_at:
        return min(s.flow_id, s.fio2_id)
    if flowing and (not enriched or s.flow_at > s.fio2_at):
        return s.flow_id
    return s.fio2_id
