"""The state machine: one pass over sorted events, one subject after another, all scales at once."""

from typing import Any

import numpy as np

from tocsin.jit import compiled
from tocsin.timeline.apply import apply_group
from tocsin.timeline.gather import gather, open_group
from tocsin.timeline.layout import (
    DEATH_CRS,
    FOREVER,
    INFUSION,
    NEVER,
    NO_DEVICE,
    NO_EVENT,
    NOTHING,
    ROWS_A_STEP,
    THERAPY,
    Batch,
    Births,
    Kept,
    Rules,
    Therapies,
    Written,
)
from tocsin.timeline.read import read_state
from tocsin.timeline.rows import (
    count_treatment,
    count_vasopressor_time,
    flush_episode,
    resolution_start,
    start_episode,
    write_death,
    write_resolution,
    write_state,
)

DONE, NEEDS_ROWS, NEEDS_INFUSIONS, NEEDS_THERAPIES = range(4)


@compiled
def _birth(births: Births, subject_id: int) -> int:
    """Return the subject's birth instant, NEVER when unknown."""
    place = np.searchsorted(births.subject_id, subject_id)
    if place < len(births.subject_id) and births.subject_id[place] == subject_id:
        return int(births.time[place])
    return NEVER


@compiled
def _begin(s: Any, births: Births, subject_id: int) -> None:
    """Begin a subject with nothing on record."""
    s.started = 1
    s.subject_id = subject_id
    s.birth = _birth(births, subject_id)
    s.now = s.last_event = s.group_time = s.fever_at = s.systolic_at = s.mean_at = NEVER
    s.bolus_until = s.bolus_last = s.bolus_before = NEVER
    s.device_end = s.device_at = s.flow_at = s.fio2_at = s.airway_pending_at = NEVER
    s.run_since = s.certain_since = s.possible_since = s.hypotension_none_since = s.oxygen_none_since = NEVER
    s.next_expiry = FOREVER
    s.fever_id = s.systolic_id = s.mean_id = s.device_id = s.flow_id = s.fio2_id = NO_EVENT
    s.dead = s.fever_other = s.hypotension_other = s.hypoxia_other = s.not_for_hypotension = 0
    s.systolic_low = s.mean_low = s.pressures_crossed = s.vasopressin_in_hypotension = s.device_baseline = 0
    s.flow_owned = s.fio2_owned = s.airway_pending = s.airway_said = s.in_episode = s.waived = 0
    s.fever = s.hypotension = s.oxygen = s.oxygen_raw = s.airway_tube = s.count = s.before_tube = 0
    s.dose_band = s.run_24h = s.fio2_band = s.fio2_band_raw = s.before_tube_band = -1
    s.device = NO_DEVICE
    s.flow = s.fio2 = s.device_flow_note = s.device_fio2_note = np.nan
    s.episode = s.therapies = s.flags = 0
    for agent in range(6):
        s.infusions[agent] = s.agent_active[agent] = s.agent_baseline[agent] = 0
        s.agent_rate[agent] = s.agent_note[agent] = np.nan
        s.agent_id[agent] = NO_EVENT
        s.agent_since[agent] = NEVER


@compiled
def _open_therapy(s: Any, kept: Kept, therapies: Therapies) -> int:
    """Return the place of the latest therapy whose exposure window is open now, -1 if none."""
    best = -1
    for place in range(s.therapies):
        time, therapy = kept.therapy_time[place], kept.therapy[place]
        if s.group_time > time + therapies.window[therapy]:
            continue
        if (
            best < 0
            or time > kept.therapy_time[best]
            or (
                time == kept.therapy_time[best]
                and therapies.rank[therapy] < therapies.rank[kept.therapy[best]]
            )
        ):
            best = place
    return best


@compiled
def _check_onset(s: Any, kept: Kept, therapies: Therapies, written: Written) -> None:
    """Start an episode at a fever that counts, read inside an exposure window."""
    if s.in_episode or s.fever_at != s.group_time:
        return
    place = _open_therapy(s, kept, therapies)
    if place >= 0:
        start_episode(s, kept, place, therapies, written)


@compiled
def _settle(
    s: Any, kept: Kept, rules: Rules, therapies: Therapies, written: Written, may_resolve: bool
) -> None:
    """After a reading of the state: end the episode or write what changed, and note when it may end."""
    if not s.in_episode:
        return
    hold = rules.parameters[0].resolution_hold
    clear = resolution_start(s)
    if may_resolve and clear != NEVER and s.now >= clear + hold:
        write_resolution(s, kept, written, clear)
        return
    if clear != NEVER:
        s.next_expiry = min(s.next_expiry, clear + hold)
    if (
        may_resolve or kept.episode[0].onset == s.now
    ):  # of a death's instant only the onset has a row of its own
        write_state(s, kept, rules, therapies, written)


@compiled
def _close_group(s: Any, kept: Kept, rules: Rules, therapies: Therapies, written: Written) -> None:
    """Apply the gathered instant, read the state, write what changed."""
    if s.group_time == NEVER or s.dead:
        return
    count_vasopressor_time(s, kept.episode[0], s.group_time)
    apply_group(s, kept, rules)
    _check_onset(s, kept, therapies, written)
    if s.in_episode:
        count_treatment(s, kept.episode[0])
        if s.g_masked:
            s.waived = 1
    read_state(s, kept, rules, s.group_time)
    _settle(s, kept, rules, therapies, written, s.g_death == 0)
    if s.g_death:
        s.dead = 1
        if s.in_episode or (s.episode > 0 and s.g_death == DEATH_CRS):
            write_death(s, kept, rules, therapies, s.g_death, written)


@compiled
def _expire(s: Any, kept: Kept, rules: Rules, therapies: Therapies, written: Written, until: int) -> None:
    """Let everything expire that does so up to `until`, each at its exact instant."""
    while not s.dead and s.next_expiry <= until:
        now = s.next_expiry
        count_vasopressor_time(s, kept.episode[0], now)
        read_state(s, kept, rules, now)
        _settle(s, kept, rules, therapies, written, True)


@compiled
def _finish(s: Any, kept: Kept, rules: Rules, therapies: Therapies, written: Written) -> None:
    """End a subject at its last event: nothing is derived after it."""
    _close_group(s, kept, rules, therapies, written)
    s.group_time = NEVER
    _expire(s, kept, rules, therapies, written, s.last_event)
    if s.in_episode:
        kept.episode[0].ongoing = 1
        count_vasopressor_time(s, kept.episode[0], s.last_event)
    flush_episode(s, kept, written)
    s.started = 0


@compiled
def _lacks_room(s: Any, kept: Kept, role: int, written: Written) -> int:
    """Return what must be made larger before the next event can be taken."""
    running = 0
    for agent in range(6):
        running += s.infusions[agent]
    if written.used[0] + ROWS_A_STEP + 2 * running > len(written.rows) or written.used[1] + 4 > len(
        written.episodes
    ):
        return NEEDS_ROWS
    if role >= INFUSION and s.infusions[role - INFUSION] >= kept.infusion_start.shape[1]:
        return NEEDS_INFUSIONS
    if role == THERAPY and s.therapies >= len(kept.therapy):
        return NEEDS_THERAPIES
    return DONE


@compiled
def advance(
    batch: Batch, start: int, rules: Rules, therapies: Therapies, births: Births, kept: Kept, written: Written
) -> tuple[int, int]:
    """Take events from `start` on; return where it stopped and why (DONE: the batch is used up)."""
    s = kept.subject[0]
    for place in range(start, len(batch.time)):
        signal = batch.signal[place]
        role = int(rules.role[signal])
        lacks = _lacks_room(s, kept, role, written)
        if lacks != DONE:
            return place, lacks
        if not s.started or batch.subject_id[place] != s.subject_id:
            if s.started:
                _finish(s, kept, rules, therapies, written)
            _begin(s, births, batch.subject_id[place])
        if s.dead:
            continue
        time = batch.time[place]
        s.last_event = time
        if role == NOTHING and np.isnan(rules.mask_from[signal]):
            continue
        if time != s.group_time:
            _close_group(s, kept, rules, therapies, written)
            _expire(s, kept, rules, therapies, written, time - 1)
            open_group(s, time)
        gather(
            s,
            kept,
            rules,
            signal,
            batch.value[place],
            batch.category[place],
            batch.end[place],
            batch.event_id[place],
        )
    return len(batch.time), DONE


@compiled
def finish(rules: Rules, therapies: Therapies, kept: Kept, written: Written) -> None:
    """End the last subject."""
    s = kept.subject[0]
    if s.started:
        _finish(s, kept, rules, therapies, written)
