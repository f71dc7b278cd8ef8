"""The course of one subject: one structure that the terminal, the report and the service draw from."""

from dataclasses import dataclass
from datetime import date, datetime

Grades = tuple[int, ...]  # a set of grades, smallest first


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value. `marked`: a fever, or a low pressure."""

    time: datetime
    value: float
    marked: bool
    event_id: int


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that ran from `start` to `end`. `labels` say the same at shrinking length."""

    start: datetime
    end: datetime
    labels: tuple[str, ...]
    event_id: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Something given or said at one instant."""

    time: datetime
    label: str
    event_id: int
    amount: str = ""  # how much, where it is on record


@dataclass(frozen=True, slots=True)
class BarLane:
    """What ran under one name: a vasopressor, a device, an attribution."""

    name: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class MarkLane:
    """What was given or said under one name; of a drug its role."""

    name: str
    marks: tuple[Mark, ...]
    role: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """The values of one laboratory test. From `pale_from` on they say no more what they said before; `note` says what not."""

    name: str
    unit: str
    log: bool
    readings: tuple[Reading, ...]
    pale_from: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A stretch in which the grades of one scale stay the same; `closing` ends an episode and has no length."""

    start: datetime
    end: datetime
    grades: Grades
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """An event that a row rests on: which part of the grade it speaks to, and what it says."""

    part: str
    event_id: int
    signal: str
    value: float | None
    unit: str
    text: str | None
    time: datetime
    end: datetime | None
    since: datetime  # when the run began that it belongs to; a device is charted again and again
    detail: str  # what else was charted of it


@dataclass(frozen=True, slots=True)
class Row:
    """One change of the state: the grades from this instant on, why, and on which records they rest."""

    time: datetime
    day: float  # since the therapy that the episode belongs to
    episode: int
    closing: bool
    scale: str  # the scale of record
    sets: dict[str, Grades]
    recalled: tuple[str, ...]  # the scales whose grade rests on a row that is recalled, not re-read
    driver: str | None
    fever: bool
    fever_waived: bool
    why: str
    settled_by: str
    evidence: tuple[Evidence, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode: where it began, its peak on the scale of record, and how it ended."""

    number: int
    cause: str
    product: str | None
    scale: str
    therapy_time: datetime
    onset: datetime
    peak: Grades  # the lowest and the highest grade that the peak may be, one where they are the same
    peak_time: datetime
    resolved_at: datetime | None
    ended: str | None
    hours: float
    tocilizumab_doses: int
    glucocorticoid_days: int
    vasopressor_hours: float
    highest_oxygen: str
    icans_peak: Grades  # nothing if never assessed
    last: datetime  # the last instant that the episode has a grade for
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """Everything that a page about one subject shows."""

    subject_id: int
    source_id: str
    birth_date: date | None
    sex: str | None
    scales: tuple[str, ...]  # shown: the scale of record first
    episodes: tuple[Episode, ...]
    rows: tuple[Row, ...]
    steps: dict[str, tuple[Step, ...]]
    fever_threshold: float
    temperatures: tuple[Reading, ...]
    systolic: tuple[Reading, ...]
    mean: tuple[Reading, ...]
    fever: tuple[Bar, ...]
    waived: tuple[Bar, ...]
    boluses: MarkLane
    vasopressors: tuple[BarLane, ...]
    oxygen: tuple[BarLane, ...]
    therapies: tuple[MarkLane, ...]
    treatments: tuple[MarkLane, ...]
    neuro: tuple[MarkLane, ...]
    laboratory: tuple[Panel, ...]
    attributions: tuple[BarLane, ...]
    recorded: tuple[datetime, ...]  # every instant with an event: what is missing between them is a gap


@dataclass(frozen=True, slots=True)
class View:
    """A stretch of a course that is drawn as one picture; day 0 is `therapy_time`."""

    start: datetime
    end: datetime
    therapy_time: datetime
    episodes: tuple[Episode, ...]
