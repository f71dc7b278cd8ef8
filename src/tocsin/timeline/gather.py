"""Gathers the events of one instant: of two values of one thing the worse is so their order cannot matter."""

import math
from typing import Any

from tocsin.jit import compiled
from tocsin.timeline.layout import (
    ATTRIBUTED,
    BOLUS,
    DEATH,
    DEVICE,
    DIASTOLIC,
    FIO2,
    FLOW,
    INFUSION,
    MEAN,
    NEVER,
    NO_DEVICE,
    NO_END,
    NO_EVENT,
    SYSTOLIC,
    TEMPERATURE,
    THERAPY,
)


@compiled
def open_group(s: Any, time: int) -> None:
    """Forget the last instant's events and start to gather those of `time`."""
    s.group_time = time
    s.g_temperature = s.g_systolic = s.g_diastolic = s.g_mean = s.g_flow = s.g_fio2 = math.nan
    s.g_temperature_id = s.g_systolic_id = s.g_mean_id = s.g_flow_id = s.g_fio2_id = s.g_device_id = NO_EVENT
    s.g_device = NO_DEVICE
    s.g_device_end = NEVER
    s.g_busy = 0
    s.g_bolus = s.g_attributed = s.g_death = s.g_masked = s.g_tocilizumab = s.g_glucocorticoid = (
        s.g_therapy
    ) = 0
    for agent in range(6):
        s.g_stop[agent] = 0


@compiled
def worse_high(new: float, new_id: int, old: float, old_id: int) -> bool:
    """Return whether the new reading replaces the old where the higher one counts (ties: the lowest id)."""
    return math.isnan(old) or new > old or (new == old and new_id < old_id)


@compiled
def worse_low(new: float, new_id: int, old: float, old_id: int) -> bool:
    """Return whether the new reading replaces the old where the lower one counts (ties: the lowest id)."""
    return math.isnan(old) or new < old or (new == old and new_id < old_id)


@compiled
def gather_reading(s: Any, p: Any, role: int, value: float, event_id: int) -> None:
    """Keep the worse of the readings of this instant."""
    if role == TEMPERATURE:
        if value >= p.fever_threshold_cel:
            s.g_busy = 1
        if worse_high(value, event_id, s.g_temperature, s.g_temperature_id):
            s.g_temperature = value
            s.g_temperature_id = event_id
    elif role == SYSTOLIC:
        if worse_low(value, event_id, s.g_systolic, s.g_systolic_id):
            s.g_systolic = value
            s.g_systolic_id = event_id
    elif role == MEAN:
        if worse_low(value, event_id, s.g_mean, s.g_mean_id):
            s.g_mean = value
            s.g_mean_id = event_id
    elif role == DIASTOLIC:
        if worse_low(value, event_id, s.g_diastolic, event_id):
            s.g_diastolic = value
    elif role == FLOW:
        if worse_high(value, event_id, s.g_flow, s.g_flow_id):
            s.g_flow = value
            s.g_flow_id = event_id
    elif worse_high(value, event_id, s.g_fio2, s.g_fio2_id):
        s.g_fio2 = value
        s.g_fio2_id = event_id


@compiled
def gather_device(s: Any, device: int, end: int, event_id: int) -> None:
    """Keep the worse device of this instant; of one device the later end."""
    if device > s.g_device:
        s.g_device = device
        s.g_device_end = end
        s.g_device_id = event_id
    elif device == s.g_device:
        s.g_device_end = max(s.g_device_end, end)
        s.g_device_id = min(s.g_device_id, event_id)


@compiled
def drop_infusion(s: Any, agent: int, place: int) -> None:
    """Take one infusion record off the agent's list (its order means nothing)."""
    last = s.infusions[agent] - 1
    s.infusion_start[agent, place] = s.infusion_start[agent, last]
    s.infusion_end[agent, place] = s.infusion_end[agent, last]
    s.infusion_id[agent, place] = s.infusion_id[agent, last]
    s.infusion_rate[agent, place] = s.infusion_rate[agent, last]
    s.infusion_open[agent, place] = s.infusion_open[agent, last]
    s.infusions[agent] = last


@compiled
def known_rate(rate: float) -> float:
    """Return the rate, an unknown one as -1: below every known one."""
    return -1.0 if math.isnan(rate) else rate


@compiled
def _covers(
    s: Any, agent: int, place: int, start: int, end: int, rate: float, is_open: bool, event_id: int
) -> bool:
    """Return whether the record at `place` makes the given one of the same instant superfluous."""
    return (
        s.infusion_start[agent, place] == start
        and (s.infusion_open[agent, place] == 1) == is_open
        and s.infusion_end[agent, place] >= end
        and known_rate(s.infusion_rate[agent, place]) >= known_rate(rate)
        and s.infusion_id[agent, place] <= event_id
    )


@compiled
def _covered(
    s: Any, agent: int, place: int, start: int, end: int, rate: float, is_open: bool, event_id: int
) -> bool:
    """Return whether the given record makes the one at `place` superfluous, now and later."""
    if s.infusion_start[agent, place] < start:  # it started earlier and never outlasts the new one
        return not is_open and s.infusion_open[agent, place] == 0 and s.infusion_end[agent, place] <= end
    return (
        (s.infusion_open[agent, place] == 1) == is_open
        and s.infusion_end[agent, place] <= end
        and known_rate(s.infusion_rate[agent, place]) <= known_rate(rate)
        and s.infusion_id[agent, place] >= event_id
    )


@compiled
def gather_infusion(
    s: Any, agent: int, start: int, end: int, rate: float, is_open: bool, event_id: int
) -> None:
    """Add an infusion record to the agent's list, without those that it makes superfluous; a rate of 0 is a stop."""
    if rate == 0.0:
        s.g_stop[agent] = 1
        return
    place = 0
    while place < s.infusions[agent]:
        if _covers(s, agent, place, start, end, rate, is_open, event_id):
            return
        if _covered(s, agent, place, start, end, rate, is_open, event_id):
            drop_infusion(s, agent, place)
        else:
            place += 1
    place = s.infusions[agent]
    s.infusion_start[agent, place] = start
    s.infusion_end[agent, place] = end
    s.infusion_rate[agent, place] = rate
    s.infusion_id[agent, place] = event_id
    s.infusion_open[agent, place] = 1 if is_open else 0
    s.infusions[agent] = place + 1


@compiled
def gather(s: Any, p: Any, signal: int, value: float, category: int, end: int, event_id: int) -> None:
    """Take one event into the instant that is being gathered.

    All but pressures and temperatures without fever make the instant `busy`: it must be applied and read.
    """
    role = p.role[signal]
    if TEMPERATURE <= role <= MEAN:
        gather_reading(s, p, role, value, event_id)
        return
    s.g_busy = 1
    if role >= INFUSION:
        is_open = end == NO_END
        until = s.group_time + p.infusion_timeout if is_open else end
        gather_infusion(s, role - INFUSION, s.group_time, until, value, is_open, event_id)
    elif FLOW <= role <= FIO2:
        gather_reading(s, p, role, value, event_id)
    elif role == DEVICE:
        gather_device(s, category, s.group_time + p.device_hold if end == NO_END else end, event_id)
    elif role == BOLUS:
        s.g_bolus = 1
    elif role == THERAPY:
        s.therapy_time[s.therapies] = s.group_time
        s.therapy_kind[s.therapies] = category
        s.therapies += 1
        s.g_therapy = 1
    elif role == ATTRIBUTED:
        if category >= 0:
            s.g_attributed |= 1 << category
    elif role == DEATH:
        s.g_death = max(s.g_death, category)
    if p.mask_from[signal] == -math.inf or value >= p.mask_from[signal]:
        s.g_masked = 1
    if p.is_tocilizumab[signal]:
        s.g_tocilizumab = 1
    if p.is_glucocorticoid[signal]:
        s.g_glucocorticoid = 1
