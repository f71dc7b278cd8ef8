"""Applies the gathered events of one instant to the subject, in the one order that timeline.md section 2 gives."""

import math
from typing import Any

from tocsin.jit import compiled
from tocsin.timeline.gather import drop_infusion, known_rate
from tocsin.timeline.layout import (
    AIRWAY_ONLY,
    COUNTED,
    FEVER_CRS,
    FEVER_OTHER,
    FOR_HYPOTENSION,
    HYPOTENSION_CRS,
    HYPOTENSION_OTHER,
    HYPOXIA_CRS,
    HYPOXIA_OTHER,
    INTUBATED_FOR_HYPOXIA,
    NEVER,
    NO_DEVICE,
    NOT_FOR_HYPOTENSION,
    ROOM_AIR,
    SAID_AIRWAY,
    SAID_HYPOXIA,
    UNSAID,
    VASOPRESSIN,
    VENTILATION,
    YEAR,
)


@compiled
def _attributed(said: int, to_crs: int, elsewhere: int, before: int) -> int:
    """Return whether a part is attributed elsewhere now; of two annotations at one instant the one for CRS counts."""
    if said >> to_crs & 1:
        return 0
    return 1 if said >> elsewhere & 1 else before


@compiled
def apply_attributions(s: Any) -> None:
    """Apply the annotations on fever, hypotension, hypoxia and vasopressin."""
    said = s.g_attributed
    s.fever_other = _attributed(said, FEVER_CRS, FEVER_OTHER, s.fever_other)
    s.hypotension_other = _attributed(said, HYPOTENSION_CRS, HYPOTENSION_OTHER, s.hypotension_other)
    s.hypoxia_other = _attributed(said, HYPOXIA_CRS, HYPOXIA_OTHER, s.hypoxia_other)
    s.not_for_hypotension = _attributed(said, FOR_HYPOTENSION, NOT_FOR_HYPOTENSION, s.not_for_hypotension)


@compiled
def note_baseline(s: Any) -> None:
    """Note the support that stood at the last instant before a therapy: until it grows it is chronic, not CRS."""
    for agent in range(6):
        s.agent_baseline[agent] = s.agent_active[agent]
        s.agent_note[agent] = s.agent_rate[agent]
    s.device_baseline = 1 if s.device_on > ROOM_AIR else 0
    s.device_flow_note = s.flow if s.flow_owned else math.nan
    s.device_fio2_note = s.fio2 if s.fio2_owned else math.nan


@compiled
def systolic_limit(p: Any, birth: int, time: int) -> float:
    """Return the systolic pressure below which it is low at this age (unknown age: adult)."""
    if birth == NEVER:
        return p.adult_sbp_low
    years = (time - birth) / YEAR
    if years >= p.adult_from_years:
        return p.adult_sbp_low
    if years >= p.child_until_years:
        return p.youth_sbp_low
    if years >= p.infant_until_years:
        return p.child_sbp_low_base + p.child_sbp_low_per_year * math.floor(years)
    return p.infant_sbp_low if years * 12.0 >= p.newborn_until_months else p.newborn_sbp_low


@compiled
def is_adult(p: Any, birth: int, time: int) -> bool:
    """Return whether mean pressure is judged at all: in children only the systolic one is."""
    return birth == NEVER or (time - birth) / YEAR >= p.adult_from_years


@compiled
def is_quiet(s: Any, p: Any) -> bool:
    """Return whether the instant holds nothing but normal pressures and temperatures that change nothing."""
    if s.g_busy or s.systolic_low or s.mean_low or s.pressures_crossed or s.g_systolic <= s.g_diastolic:
        return False
    if s.g_systolic < systolic_limit(p, s.birth, s.group_time):
        return False
    return not s.g_mean < p.adult_map_low  # NaN: none was read


@compiled
def apply_readings(s: Any, p: Any) -> None:
    """Apply temperature and pressures; a temperature read while fever is attributed elsewhere never counts."""
    time = s.group_time
    if s.g_temperature >= p.fever_threshold_cel and not s.fever_other:
        s.fever_at = time
        s.fever_id = s.g_temperature_id
    if not math.isnan(s.g_systolic):
        s.systolic_low = 1 if s.g_systolic < systolic_limit(p, s.birth, time) else 0
        s.systolic_at = time
        s.systolic_id = s.g_systolic_id
        s.pressures_crossed = 1 if s.g_systolic <= s.g_diastolic else 0
    if not math.isnan(s.g_mean):
        s.mean_low = 1 if s.g_mean < p.adult_map_low and is_adult(p, s.birth, time) else 0
        s.mean_at = time
        s.mean_id = s.g_mean_id


@compiled
def _rate_started(s: Any, agent: int) -> float:
    """Return the rate of the agent's records of this instant: the highest known one, NaN when all are unknown, -inf: none."""
    rate = -math.inf
    for place in range(s.infusions[agent]):
        if s.infusion_start[agent, place] == s.group_time:
            rate = max(rate, known_rate(s.infusion_rate[agent, place]))
    return math.nan if rate == -1.0 else rate


@compiled
def _end_older(s: Any, agent: int, all_of_them: bool) -> None:
    """End the agent's older records: those without an end at its next record, all of them at a stop."""
    place = 0
    while place < s.infusions[agent]:
        older = s.infusion_start[agent, place] < s.group_time
        if older and (all_of_them or s.infusion_open[agent, place]):
            drop_infusion(s, agent, place)
        else:
            place += 1


@compiled
def _release_baseline(s: Any, agent: int, rate: float) -> None:
    """End the discount of chronic support once a new record is higher than noted, or unknown where a rate was noted."""
    noted = s.agent_note[agent]
    if math.isnan(noted):
        if not math.isnan(rate):
            s.agent_note[agent] = rate
    elif math.isnan(rate) or rate > noted:
        s.agent_baseline[agent] = 0


@compiled
def apply_infusions(s: Any) -> None:
    """Apply starts and stops of the vasopressors and of vasopressin; running wins over stopped."""
    for agent in range(6):
        rate = _rate_started(s, agent)
        starts = rate != -math.inf
        if starts or s.g_stop[agent]:
            _end_older(s, agent, not starts)
        if s.infusions[agent] == 0:
            s.agent_baseline[agent] = 0
        elif starts and s.agent_baseline[agent]:
            _release_baseline(s, agent, rate)


@compiled
def hypotension_seen(s: Any, p: Any) -> bool:
    """Return whether hypotension is present as this instant's events see it: what expires now still counts."""
    time = s.group_time
    if s.systolic_low and time <= s.systolic_at + p.bp_hold:
        return True
    if s.mean_low and time <= s.mean_at + p.bp_hold:
        return True
    for agent in range(COUNTED):
        if s.infusions[agent] > 0 and not s.agent_baseline[agent]:
            return True
    return time <= s.bolus_until


@compiled
def apply_hypotension(s: Any, p: Any) -> None:
    """Note what a run of vasopressin starts in, and hold a bolus that is given in hypotension."""
    seen = hypotension_seen(s, p)
    if s.infusions[VASOPRESSIN] > 0 and not s.agent_active[VASOPRESSIN]:
        s.vasopressin_in_hypotension = 1 if seen else 0
    if s.g_bolus and seen:
        s.bolus_before = s.bolus_last
        s.bolus_last = s.group_time
        s.bolus_until = s.group_time + p.bolus_hold


@compiled
def drop_values(s: Any) -> None:
    """Drop the flow and FiO2 that belong to the device whose run ends."""
    if s.flow_owned:
        s.flow = math.nan
        s.flow_owned = 0
    if s.fio2_owned:
        s.fio2 = math.nan
        s.fio2_owned = 0


@compiled
def _own_values(s: Any) -> None:
    """Give the waiting flow and FiO2 to the device that is charted now."""
    s.flow_owned = 0 if math.isnan(s.flow) else 1
    s.fio2_owned = 0 if math.isnan(s.fio2) else 1


@compiled
def _start_device(s: Any, p: Any) -> None:
    """End the run of the old device and start that of the new one."""
    drop_values(s)
    _own_values(s)
    s.device_baseline = 0
    s.airway_said = UNSAID
    if s.g_device == VENTILATION:
        s.before_tube = s.oxygen_raw
        s.before_tube_band = s.fio2_band_raw
        if s.airway_pending and s.group_time <= s.airway_pending_at + p.intubation_lookahead:
            s.airway_said = s.airway_pending
        s.airway_pending = UNSAID


@compiled
def _grew(s: Any, value: float, noted: float) -> float:
    """Return the note after a new value of a discounted device; infinity when the value is above it."""
    if math.isnan(value):
        return noted
    if math.isnan(noted):
        return value
    return math.inf if value > noted else noted


@compiled
def _release_device(s: Any) -> None:
    """End the discount of a chronic device once its flow or FiO2 is charted higher than noted."""
    s.device_flow_note = _grew(s, s.g_flow, s.device_flow_note)
    s.device_fio2_note = _grew(s, s.g_fio2, s.device_fio2_note)
    if s.device_flow_note == math.inf or s.device_fio2_note == math.inf:
        s.device_baseline = 0


@compiled
def apply_oxygen(s: Any, p: Any) -> None:
    """Apply the device, then flow and FiO2, which belong to the device that is on (to the next one after room air)."""
    time = s.group_time
    if s.g_device != NO_DEVICE:
        if s.g_device != s.device_on:
            _start_device(s, p)
        elif s.device_on == ROOM_AIR:
            _own_values(s)
        s.device_on = s.g_device
        s.device_at = time
        s.device_end = s.g_device_end
        s.device_id = s.g_device_id
    owned = 1 if s.device_on > ROOM_AIR or (s.device_on == ROOM_AIR and s.device_at == time) else 0
    if not math.isnan(s.g_flow):
        s.flow, s.flow_at, s.flow_id, s.flow_owned = s.g_flow, time, s.g_flow_id, owned
    if not math.isnan(s.g_fio2):
        s.fio2, s.fio2_at, s.fio2_id, s.fio2_owned = s.g_fio2, time, s.g_fio2_id, owned
    if s.device_baseline:
        _release_device(s)


@compiled
def apply_intubation(s: Any) -> None:
    """Apply what was said of an intubation: to the run that is on, else to the next one."""
    said = UNSAID
    if s.g_attributed >> AIRWAY_ONLY & 1:
        said = SAID_AIRWAY
    if s.g_attributed >> INTUBATED_FOR_HYPOXIA & 1:
        said = SAID_HYPOXIA
    if said == UNSAID:
        return
    if s.device_on == VENTILATION:
        s.airway_said = said
    else:
        s.airway_pending = said
        s.airway_pending_at = s.group_time


@compiled
def apply_group(s: Any, p: Any) -> None:
    """Apply all that was gathered at `group_time`, but for onset and death."""
    if s.g_attributed:
        apply_attributions(s)
    if s.g_therapy and not s.in_episode:
        note_baseline(s)
    apply_readings(s, p)
    apply_infusions(s)
    apply_hypotension(s, p)
    apply_oxygen(s, p)
    if s.g_attributed:
        apply_intubation(s)
