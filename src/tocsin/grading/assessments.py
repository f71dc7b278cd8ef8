"""The ICANS assessments of one subject: what was charted at one instant, graded; each stands alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any, Final

from tocsin.grading.icans import icans_assessment

SCORES: Final = ("ice_score", "capd_score")
FINDINGS: Final = (*SCORES, "consciousness", "seizure")
_YEAR = timedelta(days=365.25)

# What was charted of each finding at one instant: numbers of a score, words of the others.
Charted = Mapping[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Assessment:
    """One assessment: its grades as bits, and the first event of it."""

    time: datetime
    grades: int
    event_id: int


def assessments(events: Iterable[Mapping[str, Any]], birth: date | None) -> list[Assessment]:
    """Return the assessments in order of time: a score makes one; consciousness and a seizure of its instant refine it."""
    charted: dict[datetime, dict[str, list[Any]]] = {}
    first: dict[datetime, int] = {}
    for event in events:
        if event["signal"] in FINDINGS:
            said = event["text_value"] if event["numeric_value"] is None else event["numeric_value"]
            charted.setdefault(event["time"], {}).setdefault(event["signal"], []).append(said)
            first.setdefault(event["time"], event["event_id"])
    born = birth and datetime(birth.year, birth.month, birth.day, tzinfo=UTC)
    found = (
        (time, assess(said, None if born is None else (time - born) / _YEAR))
        for time, said in charted.items()
    )
    return [Assessment(time, grades, first[time]) for time, grades in found if grades]


def assess(charted: Charted, age_years: float | None) -> int:
    """Return the grades (bits) of what was charted at one instant, 0 where no score stands among it.

    Of two findings of one kind the worse counts: the lower ICE, the higher CAPD, and of words the pair with the largest grade.
    """
    if not any(charted.get(name) for name in SCORES):
        return 0
    ice = min(charted.get("ice_score", ()), default=None)
    capd = max(charted.get("capd_score", ()), default=None)
    pairs = product(*(set(charted.get(name, ())) or {None} for name in ("consciousness", "seizure")))
    return largest_of(
        [
            icans_assessment(
                age_years=age_years, ice_score=ice, capd_score=capd, consciousness=awake, seizure=seizure
            )
            for awake, seizure in pairs
        ]
    )


def largest_of(sets: Iterable[int]) -> int:
    """Return {max over the assessments} as bits: what the largest of several undecided grades may be; 0 is none."""
    total = 0
    for bits in filter(None, sets):
        low = (bits & -bits).bit_length() - 1
        before = (total & -total).bit_length() - 1 if total else 0
        total = (total & (0xFF << low) | bits & (0xFF << before)) if total else bits
    return total
