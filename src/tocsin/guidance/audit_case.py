"""One case of an audit, the question it answers, and the phrases for what a record does not say."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from tocsin.guidance.audit_cohort import Cohort, Episode, Taken, hours
from tocsin.knowledge.audits import Audit

Outcome = Literal["met", "not_met", "not_assessable"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("met", "not_met", "not_assessable")
SEVERE: Final = 3
OPEN_GRADE: Final = "the grade may be under {grade}: the set of grades on record is open"
NO_DRUGS: Final = "no drug is charted for this patient, or this source charts only pumps"
NOWHERE: Final = "{group} stands nowhere in this source"


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `start` and `end` are what the hours lie between, in microseconds since 1970 UTC; None where there is none."""

    audit: str
    rule: str
    episode: Episode
    outcome: Outcome
    why: str
    start: int | None = None
    end: int | None = None
    event_ids: tuple[int, ...] = ()

    @property
    def hours(self) -> float | None:
        """The hours from start to end."""
        return None if self.start is None or self.end is None else hours(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Judge:
    """Makes the cases of one audit in one episode."""

    audit: Audit
    episode: Episode

    def met(
        self, why: str, start: int | None = None, end: int | None = None, events: tuple[int, ...] = ()
    ) -> Case:
        """Return a case in which care followed the rule."""
        return self._case("met", why, start, end, events)

    def not_met(
        self, why: str, start: int | None = None, end: int | None = None, events: tuple[int, ...] = ()
    ) -> Case:
        """Return a case in which it did not."""
        return self._case("not_met", why, start, end, events)

    def cannot_say(self, why: str, start: int | None = None, events: tuple[int, ...] = ()) -> Case:
        """Return a case in which the record does not say."""
        return self._case("not_assessable", why, start, None, events)

    def _case(
        self, outcome: Outcome, why: str, start: int | None, end: int | None, events: tuple[int, ...]
    ) -> Case:
        return Case(self.audit.id, self.audit.rules[0], self.episode, outcome, why, start, end, events)


@dataclass(frozen=True, slots=True)
class Question:
    """One audit asked of one episode."""

    audit: Audit
    cohort: Cohort
    episode: Episode

    @property
    def judge(self) -> Judge:
        """Who makes the cases."""
        return Judge(self.audit, self.episode)

    def events(self, group: str) -> Taken:
        """Return the events of a group of this subject."""
        return self.cohort.of(group, self.episode.subject_id)

    def given(self, group: str) -> Taken:
        """Return the events of a group within the episode, one for each instant."""
        return self.events(group).between(self.episode.onset, self.episode.until).doses()

    @property
    def charts_drugs(self) -> bool:
        """Whether drugs are charted for this subject."""
        return self.cohort.charts_drugs(self.episode.subject_id)

    def reaching(self, grade: int) -> tuple[int, tuple[int, ...]] | Case | None:
        """Return when a grade was reached and the evidence; a case where that is open; None where it was not reached."""
        place = self.episode.first_at(grade)
        if place is not None:
            return int(self.episode.time[place]), self.episode.evidence_at(place)
        return (
            self.judge.cannot_say(OPEN_GRADE.format(grade=grade)) if self.episode.may_reach(grade) else None
        )


Cases = Iterator[Case]


def if_open(reached: Case | None) -> Cases:
    """Yield the case of an open grade."""
    if reached is not None:
        yield reached


def named(groups: Iterable[str]) -> str:
    """Return groups of signals in words."""
    return ", ".join(group.replace("_", " ") for group in groups)
