"""`audit`: the care on record against the guidance, rule by rule, over a cohort."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from tocsin.engines.local import Progress, no_progress
from tocsin.episodes import TIME
from tocsin.guidance.audit_case import OUTCOMES, Case, Question
from tocsin.guidance.audit_checks import CHECKS
from tocsin.guidance.audit_cohort import Cohort, Episode, instant
from tocsin.knowledge.audits import Audit, audits
from tocsin.results import Result

CASES = pa.schema(
    [
        ("audit", pa.string()),
        ("rule", pa.string()),
        ("subject_id", pa.int64()),
        ("source_id", pa.string()),
        ("episode", pa.int32()),
        ("cause", pa.string()),
        ("product", pa.string()),
        ("outcome", pa.string()),
        ("why", pa.string()),
        ("start", TIME),
        ("end", TIME),
        ("hours", pa.float64()),
        ("event_ids", pa.list_(pa.int64())),
    ]
)


@dataclass(frozen=True)
class Audited:
    """What was found for one row of the audit: its cases in order of subject and time."""

    audit: Audit
    cases: tuple[Case, ...]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many cases are eligible, met, not met and not assessable; the last three add up to the first."""
        found = Counter(case.outcome for case in self.cases)
        return {"eligible": len(self.cases), **{outcome: found[outcome] for outcome in OUTCOMES}}

    @cached_property
    def hours(self) -> dict[str, float] | None:
        """The spread of the hours of the cases that have them; None where none has."""
        known = [case.hours for case in self.cases if case.hours is not None]
        if not known:
            return None
        names = ("least", "lower_quartile", "median", "upper_quartile", "most")
        figures = np.percentile(known, [0, 25, 50, 75, 100]).round(4).tolist()
        return {"cases": len(known), **dict(zip(names, figures, strict=True))}

    @cached_property
    def open_reasons(self) -> dict[str, int]:
        """Why cases could not be assessed, the most frequent first."""
        return dict(
            Counter(case.why for case in self.cases if case.outcome == "not_assessable").most_common()
        )


@dataclass(frozen=True)
class AuditReport:
    """What `audit` found: a row for each thing audited, and the cases as one table."""

    episodes: int
    rows: tuple[Audited, ...]

    @cached_property
    def cases(self) -> pa.Table:
        """A row per case: what was audited, who, when, how it came out, why, and the records it rests on."""
        lines = [line for row in self.rows for line in map(case_line, row.cases)]
        return pa.Table.from_pylist(lines, schema=CASES)

    def as_json(self) -> dict[str, Any]:
        """Return the audit as the JSON of `tocsin audit`."""
        return {"episodes": self.episodes, "rules": [_row_json(row) for row in self.rows]}


def audit(result: Result, *, progress: Progress = no_progress) -> AuditReport:
    """Audit the care on record against the guidance, over every episode of a result.

    Returns a report: for each thing audited how many cases are eligible, met, not met and not assessable, the hours, and the
    cases with their evidence. Eligible is the sum of the other three: what a record leaves open is counted as not assessable.

    >>> from tocsin import audit, grade
    >>> from tocsin.demo import demo_folder
    >>> report = audit(grade(demo_folder()))
    >>> {row.audit.id: row.counts for row in report.rows}["tocilizumab_interval"]
    {'eligible': 1, 'met': 1, 'not_met': 0, 'not_assessable': 0}
    """
    cohort = Cohort(result)
    episodes = cohort.episodes()
    rows: list[Audited] = []
    for each in audits():
        progress("auditing", len(rows) / len(audits()))
        rows.append(_audited(each, cohort, episodes))
    return AuditReport(len(episodes), tuple(rows))


def _audited(each: Audit, cohort: Cohort, episodes: Iterable[Episode]) -> Audited:
    return Audited(each, tuple(_cases(each, cohort, episodes)))


def _cases(each: Audit, cohort: Cohort, episodes: Iterable[Episode]) -> Iterator[Case]:
    check = CHECKS[each.check]
    for episode in episodes:
        if each.causes and episode.cause not in each.causes:
            continue
        if each.products and episode.product not in each.products:
            continue
        yield from check(Question(each, cohort, episode))


def case_line(case: Case) -> dict[str, Any]:
    """Return a case as a row of the table of cases."""
    return {
        "audit": case.audit,
        "rule": case.rule,
        "subject_id": case.episode.subject_id,
        "source_id": case.episode.source_id,
        "episode": case.episode.number,
        "cause": case.episode.cause,
        "product": case.episode.product,
        "outcome": case.outcome,
        "why": case.why,
        "start": None if case.start is None else instant(case.start),
        "end": None if case.end is None else instant(case.end),
        "hours": case.hours,
        "event_ids": list(case.event_ids),
    }


def _row_json(row: Audited) -> dict[str, Any]:
    rule = row.audit.rule
    return {
        "id": row.audit.id,
        "rules": list(row.audit.rules),
        "title": row.audit.title,
        "text": rule.text,
        "strength": rule.strength,
        "source": list(rule.source),
        "confidence": rule.confidence,
        "counted": row.audit.counted,
        "says": {
            "eligible": row.audit.eligible,
            "met": row.audit.met,
            "not_assessable": row.audit.not_assessable,
        },
        **row.counts,
        "hours": row.hours,
        "open_reasons": row.open_reasons,
        "cases": [case_line(case) for case in row.cases],
    }
