"""What the board shows of one patient: a small document that is kept beside the record."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from tocsin.guidance.advice import Advice
from tocsin.report.outline import DOINGS, certain

if TYPE_CHECKING:
    from tocsin.service.patients import PatientState

_SPARK: Final = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Summary:
    """One row of the board, as of `at`. Times are ISO 8601 in UTC; a set is a sorted list."""

    patient: str
    name: str | None
    at: str
    updated: str
    version: int
    key: str  # the same as long as a clinician would see the same
    cause: str | None
    product: str | None
    therapy_time: str | None
    scale: str | None
    grades: list[int]
    active: bool  # whether an episode is under way
    onset: str | None
    since: str | None  # since when the grade is what it is
    spark: list[tuple[str, list[int]]]  # the steps of the last 72 h, each from its time on
    tocilizumab_doses: int
    last_tocilizumab: str | None
    next_at: str | None
    next_text: str | None
    urgent: list[str]  # the rules that ask for an act now, and hang on nothing open
    missing: list[str]
    last_record: str | None
    dead: bool

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def read_summary(body: str) -> Summary:
    """Return a summary that was kept."""
    found: dict[str, Any] = orjson.loads(body)
    found["spark"] = [(time, grades) for time, grades in found["spark"]]
    return Summary(**found)


def summary_of(state: "PatientState") -> Summary:
    """Return what the board shows of a state."""
    advice, situation = state.advice, state.situation
    chart = situation.chart if situation is not None else None
    steps = _spark(state)
    return Summary(
        patient=state.patient,
        name=state.name,
        at=_utc(state.at) or "",
        updated=_utc(state.updated) or "",
        version=state.version,
        key=state.key,
        cause=advice.cause if advice else None,
        product=advice.product if advice else None,
        therapy_time=_utc(situation.therapy.time) if situation else None,
        scale=advice.grade.scale if advice else None,
        grades=list(advice.grade.grades) if advice else [],
        active=chart.active if chart else False,
        onset=_utc(chart.since) if chart and chart.active else None,
        since=_utc(advice.grade.since) if advice else None,
        spark=steps,
        tocilizumab_doses=advice.tocilizumab_doses if advice else 0,
        last_tocilizumab=_utc(max(situation.treatment.tocilizumab, default=None)) if situation else None,
        next_at=_utc(advice.next_looks[0].time) if advice and advice.next_looks else None,
        next_text=advice.next_looks[0].text if advice and advice.next_looks else None,
        urgent=_acts(advice) if advice else [],
        missing=[one.what for one in state.missing],
        last_record=_utc(chart.events[-1]["time"]) if chart else None,
        dead=chart is not None and chart.death is not None,
    )


def _acts(advice: Advice) -> list[str]:
    """Return the rules that ask for an act now, of the consensus and of the label."""
    items = (*certain(advice, "now", "consensus"), *certain(advice, "now", "label"))
    return [item.id for item in items if item.kind in DOINGS]


def _spark(state: "PatientState") -> list[tuple[str, list[int]]]:
    """Return the steps of the scale of record that reach into the last 72 h."""
    course = state.course
    scale = state.advice.grade.scale if state.advice else None
    if course is None or scale is None:
        return []
    since = state.at - _SPARK
    steps = [step for step in course.steps.get(scale, ()) if step.end >= since]
    return [(max(step.start, since).isoformat(), list(step.grades)) for step in steps]


def _utc(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat()
