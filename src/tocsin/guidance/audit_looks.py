"""The checks of what was looked at: cultures and drugs in neutropenic fever, scores, laboratory values, monitoring."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tocsin.guidance.audit_case import NOWHERE, SEVERE, Case, Cases, Question, if_open, named
from tocsin.guidance.audit_cohort import NONE, Taken, hours
from tocsin.guidance.audit_drugs import OPEN_PEAK
from tocsin.knowledge.audits import audit_number
from tocsin.knowledge.dosing import reading_number
from tocsin.timeline.layout import HOUR

NO_COUNT: Final = "no neutrophil count near the fever"
OPEN_COUNT: Final = "a neutrophil count that may be about to fall below the cut-off"
RECORD_ENDS: Final = "the record ends before the look is due"
_NEVER: Final = np.iinfo(np.int64).max - 1


def antibacterial_when_neutropenic(ask: Question) -> Cases:
    """Whether an antibacterial drug followed a neutropenic fever, or ran already."""
    yield from _when_neutropenic(ask, before_h=audit_number("antibacterial_before_h"))


def charted_when_neutropenic(ask: Question) -> Cases:
    """Whether something was charted in the episode of a neutropenic fever."""
    yield from _when_neutropenic(ask, before_h=0)


def _when_neutropenic(ask: Question, before_h: float) -> Cases:
    start, group = ask.episode.onset, ask.audit.groups[0]
    count, id = _neutrophils(ask)
    if count is None or count > ask.audit.open_to:
        if count is None:
            yield ask.judge.cannot_say(NO_COUNT, start)
        return
    if count >= ask.audit.below:
        yield ask.judge.cannot_say(OPEN_COUNT, start, (id,))
    elif not ask.cohort.anywhere(group):
        yield ask.judge.cannot_say(NOWHERE.format(group=named([group])), start, (id,))
    else:
        yield _follows(ask, ask.events(group).between(start - round(before_h * HOUR), ask.episode.until), id)


def _follows(ask: Question, taken: Taken, id: int) -> Case:
    start = ask.episode.onset
    if not len(taken):
        return ask.judge.not_met(
            f"{named(ask.audit.groups)} not on record in the episode", start, None, (id,)
        )
    first = max(start, int(taken.time[0]))
    why = "on record already" if int(taken.time[0]) < start else "on record"
    return ask.judge.met(why, start, first, (id, int(taken.event_id[0])))


def _neutrophils(ask: Question) -> tuple[float | None, int]:
    """Return the count that tells of the fever: the latest before it, else the first after it, both near enough."""
    near = round(reading_number("state_hold") * HOUR)
    onset = ask.episode.onset
    counts = ask.events("neutrophils")
    before, after = counts.between(onset - near, onset), counts.between(onset + 1, onset + near)
    if len(before):
        return float(before.value[-1]), int(before.event_id[-1])
    if len(after):
        return float(after.value[0]), int(after.event_id[0])
    return None, NONE


def charted(ask: Question) -> Cases:
    """Whether something of each group was charted in the episode."""
    start = ask.episode.onset
    firsts = {group: ask.given(group) for group in ask.audit.groups}
    lacking = [group for group, taken in firsts.items() if not len(taken)]
    if not lacking:
        last = max(int(taken.time[0]) for taken in firsts.values())
        ids = tuple(int(taken.event_id[0]) for taken in firsts.values())
        yield ask.judge.met("on record", start, last, ids)
    elif unread := [group for group in lacking if not ask.cohort.anywhere(group)]:
        yield ask.judge.cannot_say(NOWHERE.format(group=named(unread)), start)
    else:
        yield ask.judge.not_met(f"not on record in the episode: {named(lacking)}", start)


def monitored_when_severe(ask: Question) -> Cases:
    """Whether no stretch without a look, begun between grade 3 and the end of the signs, is longer than the clock."""
    reached = ask.reaching(SEVERE)
    if isinstance(reached, tuple):
        ends = ask.episode.until if ask.audit.until == "closed" else ask.episode.over
        limit = _NEVER if ask.episode.goes_on else ends
        yield _looks(ask, _Watch(reached[0], ask.episode.over, limit), reached[1])
    else:
        yield from if_open(reached)


def monitored_at_first(ask: Question) -> Cases:
    """Whether the next look follows the onset of mild CRS within the clock."""
    if ask.episode.first_at(SEVERE) is not None or ask.episode.died:
        return
    if ask.episode.may_reach(SEVERE):
        yield ask.judge.cannot_say(OPEN_PEAK.format(grade=SEVERE))
    else:
        yield _looks(ask, _Watch(ask.episode.onset, ask.episode.onset, _NEVER), ())


@dataclass(frozen=True, slots=True)
class _Watch:
    """Stretches without a look are judged that begin from `start` to `stop`; none is longer than to `limit`."""

    start: int
    stop: int
    limit: int


def _looks(ask: Question, watch: _Watch, evidence: tuple[int, ...]) -> Case:
    """Judge the longest stretch without a look; where the record ends before a first look was due, it cannot say."""
    looks = ask.events(ask.audit.groups[0])
    if not len(looks):
        return ask.judge.cannot_say(f"no {named(ask.audit.groups)} on this record", watch.start)
    own, later = looks.between(watch.start + 1, watch.stop).time, looks.between(watch.stop + 1, _NEVER).time
    record_end = ask.cohort.last[ask.episode.subject_id]
    seen = int(later[0]) if len(later) else max(record_end, watch.stop)
    begins = np.unique(np.append(watch.start, own))
    ends = np.append(begins[1:], min(seen, watch.limit))
    longest = int(np.argmax(ends - begins))
    start, end = int(begins[longest]), int(ends[longest])
    length = hours(start, end)
    if length > ask.audit.hours:
        return ask.judge.not_met(f"{length:.1f} h without", start, end, evidence)
    if not len(own) and not len(later) and record_end < watch.limit:
        return ask.judge.cannot_say(RECORD_ENDS, watch.start)
    return ask.judge.met(f"longest stretch without: {length:.1f} h", start, end, evidence)
