"""The state machine: one pass over sorted events, one subject after another, all scales at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.jit import compiled
from tocsin.timeline.apply import apply_group, is_quiet
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
    s.device_on = NO_DEVICE
    s.flow = s.fio2 = s.device_flow_note = s.device_fio2_note = np.nan
    s.episode = s.therapies = s.flag_bits = 0
    for agent in range(6):
        s.infusions[agent] = s.agent_active[agent] = s.agent_baseline[agent] = 0
        s.agent_rate[agent] = s.agent_note[agent] = np.nan
        s.agent_id[agent] = NO_EVENT
        s.agent_since[agent] = NEVER


@compiled
def _open_therapy(s: Any, p: Any) -> int:
    """Return the place of the latest therapy whose exposure window is open now, -1 if none."""
    best = -1
    for place in range(s.therapies):
        time, kind = s.therapy_time[place], s.therapy_kind[place]
        if s.group_time > time + p.therapy_window[kind]:
            continue
        later = best < 0 or time > s.therapy_time[best]
        if later or (
            time == s.therapy_time[best] and p.therapy_rank[kind] < p.therapy_rank[s.therapy_kind[best]]
        ):
            best = place
    return best


@compiled
def _check_onset(s: Any, e: Any, p: Any, out: Written) -> None:
    """Start an episode at a fever that counts, read inside an exposure window."""
    if s.in_episode or s.fever_at != s.group_time:
        return
    place = _open_therapy(s, p)
    if place >= 0:
        start_episode(s, e, place, out)


@compiled
def _settle(s: Any, e: Any, p: Any, out: Written, may_resolve: bool) -> None:
    """After a reading of the state: end the episode or write what changed, and note when it may end."""
    clear = resolution_start(s)
    if may_resolve and clear != NEVER and s.now >= clear + p.resolution_hold:
        write_resolution(s, e, out, clear)
        return
    if clear != NEVER:
        s.next_expiry = min(s.next_expiry, clear + p.resolution_hold)
    if may_resolve or e.onset == s.now:  # of a death's instant only the onset has a row of its own
        write_state(s, e, p, out)


@compiled
def _close_group(s: Any, e: Any, p: Any, out: Written) -> None:
    """Apply the gathered instant, read the state, write what changed."""
    count_vasopressor_time(s, e, s.group_time)
    apply_group(s, p)
    _check_onset(s, e, p, out)
    if s.in_episode:
        count_treatment(s, e)
        if s.g_masked:
            s.waived = 1
    read_state(s, p, s.group_time)
    if s.in_episode:
        _settle(s, e, p, out, s.g_death == 0)
    if s.g_death:
        s.dead = 1
        if s.in_episode or (s.episode > 0 and s.g_death == DEATH_CRS):
            write_death(s, e, p, s.g_death, out)


@compiled
def _expire(s: Any, e: Any, p: Any, out: Written, until: int) -> None:
    """Let everything expire that does so up to `until`, each at its exact instant."""
    while s.next_expiry <= until:
        now = s.next_expiry
        count_vasopressor_time(s, e, now)
        read_state(s, p, now)
        if s.in_episode:
            _settle(s, e, p, out, True)


@compiled
def _pass_time(s: Any, e: Any, p: Any, out: Written, until: int) -> None:
    """Close the gathered instant, unless nothing in it matters, and let time pass up to `until`."""
    if s.group_time != NEVER and not s.dead and not is_quiet(s, p):
        _close_group(s, e, p, out)
    s.group_time = NEVER
    if not s.dead and s.next_expiry <= until:
        _expire(s, e, p, out, until)


@compiled
def _finish(s: Any, e: Any, p: Any, out: Written) -> None:
    """End a subject at its last event: nothing is derived after it."""
    _pass_time(s, e, p, out, s.last_event)
    if s.in_episode:
        e.ongoing = 1
        count_vasopressor_time(s, e, s.last_event)
    flush_episode(s, e, out)
    s.started = 0


@compiled
def _room_needed(s: Any) -> int:
    """Return how many rows one more event may write at most."""
    running = 0
    for agent in range(6):
        running += s.infusions[agent]
    return ROWS_A_STEP + 2 * running


@compiled
def _grows(s: Any, role: int) -> int:
    """Return which list of the subject is full and must grow before an event of this role."""
    if role >= INFUSION and s.infusions[role - INFUSION] >= s.infusion_start.shape[1]:
        return NEEDS_INFUSIONS
    if role == THERAPY and s.therapies >= len(s.therapy_kind):
        return NEEDS_THERAPIES
    return DONE


@compiled
def advance(
    batch: Batch,
    start: int,
    rules: NDArray[Any],
    births: Births,
    subject: NDArray[Any],
    episode: NDArray[Any],
    out: Written,
) -> tuple[int, int]:
    """Take events from `start` on; return where it stopped and why (DONE: the batch is used up)."""
    s: Any = subject[0]
    e: Any = episode[0]
    p: Any = rules[0]
    most_rows, most_episodes = len(out.rows), len(out.episodes) - 4
    for place in range(start, len(batch.time)):
        signal = batch.signal[place]
        role = int(p.role[signal])
        if batch.subject_id[place] != s.subject_id or not s.started:
            if s.rows_written + _room_needed(s) > most_rows or s.episodes_written > most_episodes:
                return place, NEEDS_ROWS
            if s.started:
                _finish(s, e, p, out)
            _begin(s, births, batch.subject_id[place])
        if s.dead:
            continue
        time = batch.time[place]
        s.last_event = time
        if role == NOTHING and np.isnan(p.mask_from[signal]):
            continue
        if time != s.group_time:
            if s.rows_written + _room_needed(s) > most_rows or s.episodes_written > most_episodes:
                return place, NEEDS_ROWS
            _pass_time(s, e, p, out, time - 1)
            open_group(s, time)
        lacks = _grows(s, role)
        if lacks != DONE:
            return place, lacks
        gather(
            s, p, signal, batch.value[place], batch.category[place], batch.end[place], batch.event_id[place]
        )
    return len(batch.time), DONE


@compiled
def finish(rules: NDArray[Any], subject: NDArray[Any], episode: NDArray[Any], out: Written) -> None:
    """End the last subject."""
    s: Any = subject[0]
    if s.started:
        _finish(s, episode[0], rules[0], out)
