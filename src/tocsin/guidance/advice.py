"""The shape of advice: items with rule, source and confidence, what is missing, and the JSON that people script against."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tocsin.guidance.dosing import WorkedDose
from tocsin.guidance.facts import Missing
from tocsin.knowledge.sources import CONFIDENCE

NOTE: Final = "Not a medical device: it supports trained people who can check the basis of each statement."


@dataclass(frozen=True, slots=True)
class Check:
    """How far the record ticks an item of the work-up: done, partly, not_on_record or not_readable."""

    state: str
    done: tuple[tuple[str, datetime], ...] = ()  # the signals on record, each with its latest time
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One piece of advice: the rule, what it asks for, how urgent it is, and on which facts it stands."""

    id: str
    kind: str
    urgency: str
    rule_text: str  # as the rule has it
    condition: str = ""  # what would have to hold, in words, while the record leaves it open
    remarks: tuple[str, ...] = ()  # why no dose, and whether it is only recalled
    dose: WorkedDose | None = None
    not_before: datetime | None = None  # of an act: the earliest
    due_from: datetime | None = None  # of a look: the window in which it matters most
    due_by: datetime | None = None
    strength: str
    source: tuple[str, ...]
    confidence: str
    pack: str
    why: tuple[str, ...] = ()  # what made it true, as `fact: value`
    undecided: tuple[str, ...] = ()  # the facts that leave it open
    beside: tuple[str, ...] = ()  # rules that say otherwise, and are shown too
    check: Check | None = None
    calendar: tuple[tuple[datetime, datetime, str], ...] = ()
    jurisdiction: str = ""  # of a label row: where its text was read, if it is not the US label

    @property
    def text(self) -> str:
        """Return the whole statement: its condition where it is open, the rule, the remarks."""
        said = f"If {self.condition}: {self.rule_text}" if self.condition else self.rule_text
        return " ".join((said, *self.remarks))


@dataclass(frozen=True, slots=True)
class GradeNow:
    """The grade on the scale of record: a set, its only member or None, the reason, and what would settle it."""

    scale: str | None
    grades: tuple[int, ...]
    why: str = ""
    settled_by: str = ""
    since: datetime | None = None  # how long the grade has stood
    support: str = ""  # what runs now

    @property
    def grade(self) -> int | None:
        """Return the grade, None while several are possible."""
        return self.grades[0] if len(self.grades) == 1 else None


@dataclass(frozen=True, slots=True)
class Due:
    """The next look: when, and what the clock says."""

    time: datetime
    clock: str
    text: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What the guidance says of one subject at one instant, the most urgent first."""

    subject_id: int
    source_id: str
    at: datetime
    cause: str | None
    product: str | None
    grade: GradeNow
    items: tuple[Item, ...]
    missing: tuple[Missing, ...]
    next_looks: tuple[Due, ...] = field(default=())
    tocilizumab_doses: int = 0
    more_in_label: int = 0  # rows of the product's label that hold and are not among the items

    def of_kind(self, *kinds: str) -> tuple[Item, ...]:
        """Return the items of some kinds, in order."""
        return tuple(item for item in self.items if item.kind in kinds)

    def as_json(self) -> dict[str, Any]:
        """Return the advice as the JSON of `tocsin advise --json`: plain values, times with the zone of the record."""
        return {
            "subject_id": self.subject_id,
            "source_id": self.source_id,
            "at": self.at.isoformat(),
            "cause": self.cause,
            "product": self.product,
            "grade": {
                "scale": self.grade.scale,
                "grade": self.grade.grade,
                "set": list(self.grade.grades),
                "why": self.grade.why,
                "settled_by": self.grade.settled_by,
                "since": _time(self.grade.since),
                "support": self.grade.support,
            },
            "items": [_item(item) for item in self.items],
            "missing": [{"what": one.what, "why": one.why} for one in self.missing],
            "next": [
                {"at": due.time.isoformat(), "clock": due.clock, "text": due.text} for due in self.next_looks
            ],
            "more_in_label": self.more_in_label,
            "note": NOTE,
        }


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _item(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind,
        "urgency": item.urgency,
        "text": item.text,
        "dose": None if item.dose is None else _dose(item.dose),
        "not_before": _time(item.not_before),
        "strength": item.strength,
        "source": list(item.source),
        "confidence": CONFIDENCE.get(item.confidence, item.confidence),
        "due_from": _time(item.due_from),
        "due_by": _time(item.due_by),
        "pack": item.pack,
        "jurisdiction": item.jurisdiction,
        "why": list(item.why),
        "undecided": list(item.undecided),
        "beside": list(item.beside),
        "state": None if item.check is None else _check(item.check),
        "calendar": [
            {"from": start.isoformat(), "to": end.isoformat(), "what": what}
            for start, end, what in item.calendar
        ],
    }


def _dose(dose: WorkedDose) -> dict[str, Any]:
    return {
        "drug": dose.drug,
        "amount": dose.amount,
        "unit": dose.unit,
        "route": dose.route,
        "interval_h": dose.interval_h,
        "arithmetic": dose.arithmetic,
        "amount_to": dose.amount_to,
        "per": dose.per,
    }


def _check(check: Check) -> dict[str, Any]:
    done = [{"signal": name, "time": time.isoformat()} for name, time in check.done]
    return {"is": check.state, "done": done, "lacking": list(check.lacking)}
