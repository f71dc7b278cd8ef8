"""What the board shows of one patient: a small document that is kept beside the record."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from tocsin.report.outline import acts_now, next_check

if TYPE_CHECKING:
    from tocsin.service.patients import PatientState

_SPARK: Final = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Summary:
    """One row of the board, as of `at`. Times are ISO 8601 in UTC; a set is sorted."""

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
    grades: tuple[int, ...]
    active: bool  # whether an episode is under way
    onset: str | None
    since: str | None  # since when the grade is what it is
    spark: tuple[tuple[str, tuple[int, ...]], ...]  # the steps of the last 72 h, each from its time on
    tocilizumab_doses: int
    last_tocilizumab: str | None
    next_at: str | None
    next_text: str | None
    urgent: tuple[str, ...]  # the kinds of act that are asked for now, and hang on nothing open
    missing: tuple[str, ...]
    last_record: str | None
    dead: bool

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def read_summary(body: str) -> Summary:
    """Return a summary that was kept."""
    found: dict[str, Any] = orjson.loads(body)
    found["spark"] = tuple((time, tuple(grades)) for time, grades in found["spark"])
    found |= {name: tuple(found[name]) for name in ("grades", "urgent", "missing")}
    return Summary(**found)


def summary_of(state: "PatientState") -> Summary:
    """Return what the board shows of a state."""
    advice, situation = state.advice, state.situation
    chart = situation.chart if situation is not None else None
    due = next_check(advice) if advice else None
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
        grades=advice.grade.grades if advice else (),
        active=chart.active if chart else False,
        onset=_utc(chart.since) if chart and chart.active else None,
        since=_utc(advice.grade.since) if advice else None,
        spark=steps,
        tocilizumab_doses=advice.tocilizumab_doses if advice else 0,
        last_tocilizumab=_utc(max(situation.treatment.tocilizumab, default=None)) if situation else None,
        next_at=_utc(due.time) if due else None,
        next_text=due.text if due else None,
        urgent=tuple(dict.fromkeys(item.kind for item in acts_now(advice))) if advice else (),
        missing=tuple(one.what for one in state.missing),
        last_record=_utc(chart.events[-1]["time"]) if chart else None,
        dead=chart is not None and chart.death is not None,
    )


def _spark(state: "PatientState") -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return the steps of the scale of record that reach into the last 72 h."""
    course = state.course
    scale = state.advice.grade.scale if state.advice else None
    if course is None or scale is None:
        return ()
    since = state.at - _SPARK
    steps = [step for step in course.steps.get(scale, ()) if step.end >= since]
    return tuple((max(step.start, since).isoformat(), step.grades) for step in steps)


def _utc(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat()
