"""The reference engine: each state from the whole history at each instant at which something may change."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.reference.breathing import Breathing, BreathingState
from tests.reference.chart import Chart, Reading, Therapy, latest
from tests.reference.circulation import Circulation, CirculationState
from tests.reference.model import Episode, Event, Parameters, Row
from tests.reference.scales import all_scales, bits, graded, hypotension_set, oxygen_set
from tests.reference.summary import summarise

MASKING = frozenset(
    {
        "acetaminophen",
        "ibuprofen",
        "naproxen",
        "ketorolac",
        "aspirin",
        "metamizole",
        "dexamethasone",
        "methylprednisolone",
        "hydrocortisone",
        "prednisone",
        "prednisolone",
        "tocilizumab",
        "sarilumab",
        "siltuximab",
        "anakinra",
        "etanercept",
        "infliximab",
        "emapalumab",
        "clazakizumab",
        "ruxolitinib",
    }
)
DEATH_SETS = {"crs": {5}, "other": {0}}


@dataclass
class Course:
    """An episode while it is being followed: the therapy that it belongs to, its rows, how it ended."""

    number: int
    therapy: Therapy
    onset: int
    rows: list[Row]
    resolved_at: int | None = None
    ended: str | None = None


@dataclass(frozen=True)
class Moment:
    """Both axes at one instant."""

    time: int
    circulation: CirculationState
    breathing: BreathingState


class Subject:
    """One subject's run from the first event to the last."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.par = chart.parameters
        self.subject_id = chart.events[0].subject_id
        self.fevers = chart.counting_fevers()
        self.dose_times = masking_times(chart)
        self.moments: list[Moment] = []
        self.courses: list[Course] = []
        self.active: Course | None = None
        self.take_note([])

    def take_note(self, notes: list[int]) -> None:
        """Read both axes anew, now that the chronic support of one more therapy is known."""
        self.notes = notes
        self.circulation = Circulation(self.chart, notes)
        self.breathing = Breathing(self.chart, notes)
        instants = {event.time for event in self.chart.events}
        instants.update(r.time + self.par.fever_hold for r in self.fevers)
        self.instants = instants | self.circulation.instants() | self.breathing.instants()

    def next_instant(self, after: int | None) -> int | None:
        """The next instant at which something may change, none after the last event."""
        coming = {t for t in self.instants if after is None or t > after}
        if self.active and after is not None:
            coming.add(self.settled_since() + self.par.resolution_hold)
        return min((t for t in coming if t <= self.chart.last), default=None)

    def run(self) -> None:
        """Follow the subject instant by instant."""
        time = self.next_instant(None)
        while time is not None:
            self.step(time)
            time = self.next_instant(time)

    def step(self, time: int) -> None:
        """One instant: chronic support, state, onset, death, resolution, row."""
        if self.active is None and any(t.time == time for t in self.chart.therapies):
            self.take_note([*self.notes, time])
        self.moments.append(Moment(time, self.circulation.at(time), self.breathing.at(time)))
        if self.active is None:
            self.active = self.onset(time)
        if any(event.time == time for event in self.chart.by_signal["death"]):
            self.die(time)
        elif self.active and time >= self.settled_since() + self.par.resolution_hold:
            self.resolve(self.active, time)
        elif self.active:
            self.add_row(self.active, self.state_row(self.active))

    # Episodes

    def onset(self, time: int) -> Course | None:
        """A new episode, if a temperature that counts was read now, inside a window."""
        if not any(fever.time == time for fever in self.fevers):
            return None
        open_now = [t for t in self.chart.therapies if t.time <= time <= t.time + t.window]
        if not open_now:
            return None
        course = Course(len(self.courses) + 1, min(open_now, key=self.precedence), time, [])
        self.courses.append(course)
        return course

    def precedence(self, therapy: Therapy) -> tuple[int, int, int, str]:
        """The latest therapy; of one instant the longer window, then order of causes, then product."""
        order = list(self.par.onset_windows).index(therapy.cause)
        return -therapy.time, -therapy.window, order, therapy.product or ""

    def last_fever(self, time: int) -> Reading:
        """The last temperature that counts; inside an episode there is one."""
        fever = latest(self.fevers, time)
        assert fever is not None
        return fever

    def settled_since(self) -> int:
        """Since when, as things stand, there is neither fever read, nor hypotension, nor hypoxia."""
        now = self.moments[-1].time
        low = none_since([(m.time, m.circulation.category) for m in self.moments])
        hypoxic = none_since([(m.time, m.breathing.category) for m in self.moments])
        return max(self.last_fever(now).time, low, hypoxic)

    def resolve(self, course: Course, time: int) -> None:
        """The closing row."""
        course.resolved_at, course.ended = self.settled_since(), "resolved"
        self.add_row(course, self.closing_row(course, time, {0}))
        self.active = None

    def die(self, time: int) -> None:
        """The death row, if there is an episode for it."""
        texts = {event.text for event in self.chart.by_signal["death"] if event.time == time}
        cause = next(text for text in ("crs", None, "other") if text in texts)
        if self.active is None and (cause != "crs" or not self.courses):
            return
        course = self.active or self.courses[-1]
        if time == course.onset:
            self.add_row(course, self.state_row(course))
        course.resolved_at, course.ended = None, "death"
        self.add_row(course, self.death_row(course, time, cause))
        self.active = None

    # Rows

    def add_row(self, course: Course, row: Row) -> None:
        """Keep a row if it differs from the one before in anything but time and evidence."""
        if not course.rows or what_counts(course.rows[-1]) != what_counts(row):
            course.rows.append(row)

    def state_row(self, course: Course) -> Row:
        """The row of the present state."""
        moment = self.moments[-1]
        blood, breath = moment.circulation, moment.breathing
        fever = self.fever_present(moment.time)
        waived = any(course.onset <= t <= moment.time for t in self.dose_times)
        return Row(
            subject_id=self.subject_id,
            time=moment.time,
            episode=course.number,
            cause=course.therapy.cause,
            product=course.therapy.product,
            fever=fever,
            fever_waived=waived,
            hypotension=blood.category,
            dose_band=blood.dose_band,
            run_24h=blood.run_24h,
            oxygen=breath.category,
            fio2_band=breath.fio2_band,
            airway_tube=breath.airway_tube,
            sets={s: bits(graded(s, *axes(s, moment), fever, waived)) for s in all_scales()},
            driver=driver(course.therapy.cause, moment),
            evidence_fever=self.last_fever(moment.time).event_id,
            evidence_pressure=blood.evidence_pressure,
            evidence_vasopressor=blood.evidence_vasopressor,
            evidence_oxygen=breath.evidence,
            flags=self.flags(course, moment),
            closing=False,
        )

    def fever_present(self, time: int) -> bool:
        """Whether the last temperature that counts still holds, and fever is not attributed elsewhere."""
        holds = time < self.last_fever(time).time + self.par.fever_hold
        return holds and not self.chart.attributed("fever", "other", time)

    def flags(self, course: Course, moment: Moment) -> tuple[str, ...]:
        """The flags that apply now."""
        flags = set(moment.circulation.flags | moment.breathing.flags)
        if self.chart.birth is None:
            flags.add("age_unknown")
        if course.therapy.product and course.therapy.product not in self.par.known_products:
            flags.add("product_unknown")
        return tuple(sorted(flags))

    def closing_row(self, course: Course, time: int, members: set[int]) -> Row:
        """A row with the same set on every scale and no state."""
        return Row(
            subject_id=self.subject_id,
            time=time,
            episode=course.number,
            cause=course.therapy.cause,
            product=course.therapy.product,
            fever=None,
            fever_waived=None,
            hypotension=None,
            dose_band=None,
            run_24h=None,
            oxygen=None,
            fio2_band=None,
            airway_tube=None,
            sets={scale: bits(members) for scale in all_scales()},
            driver=None,
            evidence_fever=None,
            evidence_pressure=None,
            evidence_vasopressor=None,
            evidence_oxygen=None,
            flags=(),
            closing=True,
        )

    def death_row(self, course: Course, time: int, cause: str | None) -> Row:
        """The last row: {5}, {0}, or the present set with 5 when no one says what the death was due to."""
        present = self.state_row(course)
        row = self.closing_row(course, time, DEATH_SETS.get(cause or "", set()))
        flags = set(present.flags)
        sets = row.sets
        if cause is None:
            flags.add("death_cause_unknown")
            sets = {scale: members | bits({5}) for scale, members in present.sets.items()}
        return replace(row, sets=sets, driver="death", flags=tuple(sorted(flags)))


def masking_times(chart: Chart) -> list[int]:
    """When a drug was given that may hide a fever; aspirin only from its least dose."""
    given = [event for event in chart.events if event.signal in MASKING]
    least = chart.parameters.aspirin_least
    return [e.time for e in given if e.signal != "aspirin" or (e.value is not None and e.value >= least)]


def none_since(history: Sequence[tuple[int, str]]) -> int:
    """The instant since which a category has been none without a break: now, if it is not."""
    since = history[-1][0]
    for time, category in reversed(history):
        if category != "none":
            break
        since = time
    return since


def axes(scale: str, moment: Moment) -> tuple[frozenset[int], frozenset[int]]:
    """The two sets of a scale."""
    blood, breath = moment.circulation, moment.breathing
    return (
        hypotension_set(scale, blood.category, blood.dose_band, blood.run_24h),
        oxygen_set(scale, breath.category, breath.fio2_band, breath.airway_tube),
    )


def driver(cause: str, moment: Moment) -> str:
    """The axis whose set reaches higher on the scale of record."""
    low, hypoxic = (max(one) for one in axes("astct" if cause in ("car_t", "tcr_t") else "ctcae5", moment))
    if low == hypoxic:
        return "both" if low else "fever"
    return "hypotension" if low > hypoxic else "hypoxia"


def what_counts(row: Row) -> Row:
    """A row without its time, its driver and its evidence: what a new row is made for."""
    return replace(
        row,
        time=0,
        driver=None,
        evidence_fever=None,
        evidence_pressure=None,
        evidence_vasopressor=None,
        evidence_oxygen=None,
    )


def run_subject(
    events: Sequence[Event], birth: datetime.date | None, parameters: Parameters
) -> tuple[list[Row], list[Episode]]:
    """Grade one subject's events, in any order."""
    chart = Chart(events, birth, parameters)
    if not chart.therapies:
        return [], []
    subject = Subject(chart)
    subject.run()
    rows = [row for course in subject.courses for row in course.rows]
    return rows, [summarise(subject, course) for course in subject.courses]
