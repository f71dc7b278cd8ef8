"""Derived against reported grades: each reported row beside the episode that it overlaps, and what nobody reported.

The rule. A report and an episode of the same subject belong together if they share an instant: the report from its start
to its end (a date is the whole day; without an end the day of the start), the episode from onset to resolution, else to its
last change. Of several episodes the one that shares the longest time counts. Then the derived peak over the shared time is
compared on the scale of the report, without an end over the episode from the start on; it is a set where the records leave
it open.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

from tocsin.exports.relations import relations
from tocsin.exports.reported import Reported
from tocsin.grading import sets
from tocsin.records import Line, zone_of
from tocsin.results import Result

VERDICTS: Final = (
    "agree", "derived_higher", "derived_lower", "undecided", "not_found", "not_graded", "not_dated", "not_reported",
)  # fmt: skip
HEADER: Final = (
    "subject_id", "source_id", "scale", "reported_start", "reported_end", "reported_grade", "episode", "derived_onset",
    "derived_end", "derived_low", "derived_high", "derived_set", "verdict", "days_apart",
)  # fmt: skip
_DAY: Final = timedelta(days=1)
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Course:
    """One derived episode, with its sets of grades per scale: from when, until when (None: it goes on), which."""

    subject_id: int
    source_id: str
    episode: int
    scale: str
    onset: datetime
    end: datetime
    steps: Mapping[str, Sequence[tuple[datetime, datetime | None, int]]]

    def shared(self, span: Span) -> Span | None:
        """Return the time that the episode shares with a report."""
        start, end = max(self.onset, span[0]), min(self.end, span[1])
        return (start, end) if start <= end else None

    def apart(self, span: Span) -> float:
        """Return the days from a report that comes before (negative) or after the episode to the nearer end of it."""
        return ((span[0] - self.end) if span[0] > self.end else (span[1] - self.onset)) / _DAY

    def peak(self, scale: str, start: datetime, end: datetime) -> int:
        """Return what the largest grade between two instants may be, as bits."""
        found = 0
        for begins, until, bits in self.steps[scale]:
            stands = until is None or until > start or begins == until >= start
            if begins <= end and stands:
                found = sets.worse_of(found, bits) if found else bits
        return found


@dataclass(frozen=True)
class Pair:
    """A report beside the episode that it belongs to; one of the two may be missing."""

    report: Reported | None
    course: Course | None
    scale: str
    bits: int
    verdict: str
    # From the onset to the reported start; without a match from the nearest episode.
    days_apart: float | None

    def line(self) -> tuple[Any, ...]:
        """Return the row of `concordance.csv`."""
        report, course = self.report, self.course
        grades = sets.members(self.bits)
        return (
            course.subject_id if course else None,
            report.source_id if report else course.source_id if course else None,
            self.scale,
            *(report.said if report else (None, None)),
            report.grade if report else None,
            *((course.episode, _iso(course.onset), _iso(course.end)) if course else (None, None, None)),
            *((grades[0], grades[-1]) if grades else (None, None)),
            "-".join(map(str, grades)) or None,
            self.verdict,
            None if self.days_apart is None else round(self.days_apart, 2),
        )


def concordance(result: Result, reports: Iterable[Reported]) -> list[Pair]:
    """Return every report beside its episode, in order of the reports; then the episodes that nobody reported."""
    courses = list(_courses(result))
    of_subject = {name: list(own) for name, own in groupby(courses, key=lambda course: course.source_id)}
    zone = zone_of(result.run)
    pairs = [_pair(report, of_subject.get(report.source_id, []), zone) for report in reports]
    found = {(pair.course.subject_id, pair.course.episode) for pair in pairs if pair.course}
    missed = (course for course in courses if (course.subject_id, course.episode) not in found)
    return [*pairs, *map(_unreported, missed)]


def _pair(report: Reported, courses: Sequence[Course], zone: ZoneInfo) -> Pair:
    """Return a report beside the episode that shares the longest time with it, the earlier of two."""
    if report.start is None or report.until is None:
        return Pair(report, None, report.scale, 0, "not_dated", None)
    span = (report.start, report.until)
    shared = [(course, time) for course in courses if (time := course.shared(span))]
    if not shared:
        apart = min((course.apart(span) for course in courses), key=abs, default=None)
        return Pair(report, None, report.scale, 0, "not_found", apart)
    course, (start, end) = max(shared, key=lambda each: each[1][1] - each[1][0])
    scale = report.scale or course.scale
    bits = course.peak(scale, start, end if report.has_end else course.end)
    said = "not_graded" if report.grade is None else verdict(report.grade, bits)
    return Pair(report, course, scale, bits, said, _days(report, course.onset, zone))


def _days(report: Reported, onset: datetime, zone: ZoneInfo) -> float:
    """Return the days from an onset to the reported start: whole ones where that is a date."""
    start = report.start or onset
    if report.is_day:
        return (start.astimezone(zone).date() - onset.astimezone(zone).date()) / _DAY
    return (start - onset) / _DAY


def verdict(grade: int, bits: int) -> str:
    """Return how a reported grade stands to what the derived one may be.

    >>> [verdict(2, 0b0100), verdict(2, 0b1000), verdict(2, 0b0010), verdict(2, 0b1100)]
    ['agree', 'derived_higher', 'derived_lower', 'undecided']
    """
    grades = sets.members(bits)
    if grade < grades[0]:
        return "derived_higher"
    if grade > grades[-1]:
        return "derived_lower"
    return "agree" if grades == (grade,) else "undecided"


def _unreported(course: Course) -> Pair:
    bits = course.peak(course.scale, course.onset, course.end)
    return Pair(None, course, course.scale, bits, "not_reported", None)


def _courses(result: Result) -> Iterator[Course]:
    """Yield the derived episodes in order of subject."""
    with relations(result) as con:
        changes = con.sql("FROM changes ORDER BY number").to_arrow_table().to_pylist()
        episodes = con.sql("FROM episodes ORDER BY place").to_arrow_table().to_pylist()
    for (_, own), episode in zip(groupby(changes, key=lambda row: row["place"]), episodes, strict=True):
        names = ("subject_id", "episode", "scale", "onset")
        yield Course(
            **{name: episode[name] for name in names},
            source_id=str(episode["source_id"]),
            end=episode["last_seen"],
            steps=_steps(own),
        )


def _steps(rows: Iterable[Line]) -> dict[str, list[tuple[datetime, datetime | None, int]]]:
    found: dict[str, list[tuple[datetime, datetime | None, int]]] = {}
    for row in rows:
        found.setdefault(row["scale"], []).append((row["time"], row["until"], row["set"]))
    return found


def _iso(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def summary(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return the counts of the verdicts and, per scale, the cross table, the exact agreement and the weighted kappa."""
    counts = Counter(pair.verdict for pair in pairs)
    scales = sorted({pair.scale for pair in pairs if pair.report})
    return {
        "verdicts": {name: counts[name] for name in VERDICTS},
        "by_scale": {
            scale or "of record": _of_scale([pair for pair in pairs if pair.scale == scale])
            for scale in scales
        },
    }


def _of_scale(pairs: Iterable[Pair]) -> dict[str, Any]:
    """Return the agreement on one scale; an undecided grade is counted, never compared."""
    table: dict[str, Counter[str]] = {}
    decided: list[tuple[int, int]] = []
    for pair in pairs:
        if pair.report is None or pair.report.grade is None:
            continue
        grade = sets.decided(pair.bits) if pair.bits else None
        column = pair.verdict if not pair.bits else "undecided" if grade is None else str(grade)
        table.setdefault(str(pair.report.grade), Counter())[column] += 1
        if grade is not None:
            decided.append((pair.report.grade, grade))
    agree = sum(reported == derived for reported, derived in decided)
    return {
        "reported_to_derived": {grade: dict(sorted(row.items())) for grade, row in sorted(table.items())},
        "compared": len(decided),
        "exact_agreement": round(agree / len(decided), 4) if decided else None,
        "weighted_kappa": weighted_kappa(decided),
    }


def weighted_kappa(pairs: Sequence[tuple[int, int]]) -> float | None:
    """Return Cohen's kappa with quadratic weights over pairs of decided grades; None unless both sides vary.

    1 - sum(w O) / sum(w E), with w = (i - j)^2 for the grades i and j, O the pairs seen, and E those that the two margins
    would give by chance: n_i. * n_.j / n.

    >>> weighted_kappa([(1, 1), (2, 2), (3, 3), (3, 2)])
    0.8
    >>> weighted_kappa([(2, 2), (2, 2)]) is None
    True
    """
    one, other = Counter(pair[0] for pair in pairs), Counter(pair[1] for pair in pairs)
    seen = sum((i - j) ** 2 for i, j in pairs)
    if min(len(one), len(other)) < 2:
        return None
    by_chance = sum((i - j) ** 2 * one[i] * other[j] for i in one for j in other) / len(pairs)
    return round(1 - seen / by_chance, 4)
