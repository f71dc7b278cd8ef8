"""The checks of what was given: at grade 3, how often, how far apart, in mild CRS, and whether an infusion stopped."""

from typing import Final

import numpy as np

from tocsin.guidance.audit_case import NO_DRUGS, SEVERE, Case, Cases, Question, if_open, named
from tocsin.guidance.audit_cohort import NONE, Taken
from tocsin.timeline.layout import HOUR

WORST: Final = 4
MILD_UNLESS_SAID: Final = 2
DAY_H: Final = 24
OPEN_PEAK: Final = "the peak may be {grade} or higher: the set of grades on record is open"
HIGH_DOSE: Final = (
    "a glucocorticoid was given; whether its dose was a high one is for a person: the text has no bound"
)
GRADE_2: Final = "grade 2 after cell therapy, and no one called it mild or severe"


def given_when_severe(ask: Question) -> Cases:
    """Whether every group was given in an episode that reached grade 3."""
    reached = ask.reaching(SEVERE)
    if not isinstance(reached, tuple):
        yield from if_open(reached)
        return
    start, evidence = reached
    firsts = [ask.given(group) for group in ask.audit.groups]
    lacking = [name for name, taken in zip(ask.audit.groups, firsts, strict=True) if not len(taken)]
    if not lacking:
        last = max(firsts, key=lambda taken: int(taken.time[0]))
        ids = tuple(int(taken.event_id[0]) for taken in firsts)
        yield ask.judge.met("given", start, int(last.time[0]), (*evidence, *ids))
    elif not ask.charts_drugs:
        yield ask.judge.cannot_say(NO_DRUGS, start, evidence)
    else:
        ids = tuple(int(taken.event_id[0]) for taken in firsts if len(taken))
        yield ask.judge.not_met(
            f"not on record in the episode: {named(lacking)}", start, None, (*evidence, *ids)
        )


def not_alone(ask: Question) -> Cases:
    """Whether what was given at grade 3 had the other drug beside it."""
    group, beside = ask.audit.groups
    taken, other = ask.given(group), ask.given(beside)
    if not len(taken):
        return
    reached = ask.reaching(SEVERE)
    if not isinstance(reached, tuple):
        yield from if_open(reached)
        return
    start, evidence = int(taken.time[0]), (*reached[1], int(taken.event_id[0]))
    if len(other):
        yield ask.judge.met("both given", start, int(other.time[0]), (*evidence, int(other.event_id[0])))
    else:
        yield ask.judge.not_met(
            f"{named([group])} on record in the episode, no {beside}", start, None, evidence
        )


def interval(ask: Question) -> Cases:
    """Whether enough hours lie between two doses, start to start; the later of them in the episode."""
    doses = ask.events(ask.audit.groups[0]).between(ask.episode.therapy_time, ask.episode.until).doses()
    for place in range(1, len(doses)):
        before, now = int(doses.time[place - 1]), int(doses.time[place])
        if now < ask.episode.onset:
            continue
        ids = (int(doses.event_id[place - 1]), int(doses.event_id[place]))
        long_enough = now - before >= ask.audit.hours * HOUR
        judge = ask.judge.met if long_enough else ask.judge.not_met
        sign = "at least" if long_enough else "under"
        yield judge(f"{sign} {ask.audit.hours:g} h after the dose before", before, now, ids)


def most_in_episode(ask: Question) -> Cases:
    """Whether no more doses were given than allowed."""
    doses = ask.given(ask.audit.groups[0])
    if not len(doses):
        return
    ids = tuple(doses.event_id.tolist())
    judge = ask.judge.met if len(doses) <= ask.audit.most else ask.judge.not_met
    yield judge(f"{len(doses)} of at most {ask.audit.most}", int(doses.time[0]), None, ids)


def most_in_a_day(ask: Question) -> Cases:
    """Whether no stretch of under 24 h holds more doses than allowed."""
    doses = ask.given(ask.audit.groups[0])
    if not len(doses):
        return
    firsts = np.searchsorted(doses.time, doses.time - DAY_H * HOUR, side="right")
    counts = np.arange(len(doses)) - firsts + 1
    worst = int(np.argmax(counts))
    start = int(firsts[worst])
    ids = tuple(doses.event_id[start : worst + 1].tolist())
    judge = ask.judge.met if counts[worst] <= ask.audit.most else ask.judge.not_met
    why = f"{counts[worst]} within {DAY_H} h, of at most {ask.audit.most}"
    yield judge(why, int(doses.time[start]), None, ids)


def spared_when_mild(ask: Question) -> Cases:
    """Whether mild CRS was left without tocilizumab and glucocorticoid."""
    if ask.episode.first_at(SEVERE) is not None or ask.episode.died:
        return
    words = _words(ask)
    if any(word in ("severity:severe", "response:not_improving") for word in words):
        return
    if ask.episode.may_reach(SEVERE):
        yield ask.judge.cannot_say(OPEN_PEAK.format(grade=SEVERE))
    elif (
        ask.episode.cause in ("car_t", "tcr_t")
        and ask.episode.may_reach(MILD_UNLESS_SAID)
        and "severity:mild" not in words
    ):
        yield ask.judge.cannot_say(GRADE_2)
    else:
        yield _spared(ask)


def _spared(ask: Question) -> Case:
    start = ask.episode.onset
    tocilizumab, glucocorticoid = (ask.given(group) for group in ask.audit.groups)
    if len(tocilizumab):
        return ask.judge.not_met(
            "tocilizumab given", start, int(tocilizumab.time[0]), (int(tocilizumab.event_id[0]),)
        )
    if len(glucocorticoid):
        return ask.judge.cannot_say(HIGH_DOSE, start, (int(glucocorticoid.event_id[0]),))
    if not ask.charts_drugs:
        return ask.judge.cannot_say(NO_DRUGS, start)
    return ask.judge.met("neither given")


def _words(ask: Question) -> set[str]:
    """Return what was said of the subject from the onset on."""
    said = ask.events("attribution").between(ask.episode.onset, ask.episode.until)
    return {word for word in said.word if word is not None}


def interrupted_when_severe(ask: Question) -> Cases:
    """Whether an infusion that runs when grade 3 is reached stops before the episode is over."""
    infusions = ask.events(ask.audit.groups[0])
    reached = ask.reaching(SEVERE)
    if isinstance(reached, tuple):
        yield from _stops(ask, infusions, *reached)
    elif reached is not None and _running(infusions, ask.episode.onset, ask.episode.until) is not None:
        yield reached


def _running(infusions: Taken, start: int, stop: int) -> int | None:
    """Return the place of the last infusion that runs at some time between two instants."""
    begun = np.flatnonzero((infusions.time <= stop) & (infusions.value != 0))
    on = [int(place) for place in begun if infusions.end[place] == NONE or infusions.end[place] > start]
    return on[-1] if on else None


def _stops(ask: Question, infusions: Taken, severe: int, evidence: tuple[int, ...]) -> Cases:
    place = _running(infusions, severe, severe)
    if place is None:
        return
    ids = (*evidence, int(infusions.event_id[place]))
    stop = _stop_of(infusions, place)
    if stop is None:
        yield ask.judge.cannot_say("the infusion has no end on record", severe, ids)
    elif stop <= ask.episode.over:
        yield ask.judge.met("stopped", severe, stop, ids)
    elif ask.episode.goes_on:
        yield ask.judge.cannot_say(
            "the record ends within the episode, with the infusion still running", severe, ids
        )
    else:
        yield ask.judge.not_met("it ran on past the end of the signs", severe, stop, ids)


def _stop_of(infusions: Taken, place: int) -> int | None:
    """Return when an infusion stopped: bags that touch are one run, a rate of 0 is a stop. None where no end is on record."""
    stops = infusions.time[(infusions.value == 0) & (infusions.time > infusions.time[place])]
    end = int(infusions.end[place])
    for later in range(place + 1, len(infusions)):
        if end != NONE and int(infusions.time[later]) <= end and infusions.value[later] != 0:
            end = NONE if infusions.end[later] == NONE else max(end, int(infusions.end[later]))
    if len(stops) and (end == NONE or int(stops[0]) < end):
        return int(stops[0])
    return None if end == NONE else end


def not_again_after_grade_4(ask: Question) -> Cases:
    """Whether no infusion starts after grade 4."""
    reached = ask.reaching(WORST)
    if not isinstance(reached, tuple):
        yield from if_open(reached)
        return
    severe, evidence = reached
    infusions = ask.events(ask.audit.groups[0])
    later = infusions.cut(int(np.searchsorted(infusions.time, severe, side="right")), len(infusions))
    again = [place for place in range(len(later)) if later.value[place] != 0]
    if again:
        ids = (*evidence, int(later.event_id[again[0]]))
        yield ask.judge.not_met("given again", severe, int(later.time[again[0]]), ids)
    else:
        yield ask.judge.met("not given again on this record", severe, None, evidence)
