"""Better or worse: fever, blood pressure and oxygen now against those at the last step of treatment; a clinician's word wins."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from tocsin.guidance.chart import Chart
from tocsin.guidance.facts import Facts, any_of
from tocsin.guidance.state import AGENTS, BREATH, PRESSURE, said
from tocsin.guidance.treatment import Treatment
from tocsin.knowledge.dosing import reading_number as number
from tocsin.knowledge.drugs import drugs
from tocsin.knowledge.vocabulary import HYPOTENSION, OXYGEN

Line = dict[str, Any]
Change = Literal["absent", "better", "same", "worse", "unknown"]
_TEMPERATURE: Final = ("body_temperature",)
_OPEN_OXYGEN: Final = ("cannula_flow_unknown", "high_flow_at_low_flow", "device_unknown")


@dataclass(frozen=True, slots=True)
class Response:
    """How each axis changed since an instant."""

    since: datetime
    fever: Change
    pressure: Change
    oxygen: Change

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return the changes of what was abnormal."""
        return tuple(one for one in (self.fever, self.pressure, self.oxygen) if one != "absent")

    @property
    def improving(self) -> bool | None:
        """Any axis worse, or none better: no. All better or gone: yes. Mixed, or nothing charted since: unknown."""
        found = set(self.changes)
        if "worse" in found:
            return False
        if "unknown" in found or found == {"better", "same"}:
            return None
        return found != {"same"}

    @property
    def worsening(self) -> bool | None:
        """Whether any axis is worse."""
        return any_of(*(None if one == "unknown" else one == "worse" for one in self.changes))


def facts(chart: Chart, treatment: Treatment, severe: bool | None) -> Facts:
    """Return the facts about the course of the episode under way."""
    if not chart.active:
        return {"improving": None, "worsening": None, "deteriorating_on_symptomatic_care": False}
    found = response(chart, treatment)
    return {
        "improving": _improving(chart, treatment, found),
        "worsening": None if found is None else found.worsening,
        "deteriorating_on_symptomatic_care": _deteriorating(chart, treatment, severe),
    }


def response(chart: Chart, treatment: Treatment) -> Response | None:
    """Return the response to the last step of treatment; None where nothing was given."""
    return compare(chart, treatment.steps[-1]) if treatment.steps and chart.active else None


def compare(chart: Chart, since: datetime) -> Response:
    """Return how each axis changed between an instant and now; worse than then but past its worst is neither."""
    if chart.row_at(since) is None or chart.row is None:
        return Response(since, "unknown", "unknown", "unknown")
    return Response(
        since,
        fever=_past_worst(chart, since, _fever, _TEMPERATURE),
        pressure=_past_worst(chart, since, _pressure, PRESSURE),
        oxygen=_past_worst(chart, since, _oxygen, BREATH),
    )


Axis = Callable[[Chart, datetime], Change]


def _past_worst(chart: Chart, since: datetime, axis: Axis, signals: tuple[str, ...]) -> Change:
    change = axis(chart, since)
    if change != "worse":
        return change
    between = sorted({one["time"] for one in chart.of(*signals, since=since)} - {since, chart.at})
    return "unknown" if any(axis(chart, time) == "better" for time in between) else "worse"


def last_word(chart: Chart, treatment: Treatment) -> Line | None:
    """Return the last word on the response that was said since the last step of treatment."""
    since = treatment.steps[-1] if treatment.steps else chart.since
    words = said(chart, "response", since)
    return words[-1] if words else None


def _improving(chart: Chart, treatment: Treatment, found: Response | None) -> bool | None:
    """A word holds until the record gets worse than it was when it was said."""
    word = last_word(chart, treatment)
    if word is None:
        return None if found is None else found.improving
    if word["text_value"] != "response:improving":
        return False
    return not compare(chart, word["time"]).worsening


def _deteriorating(chart: Chart, treatment: Treatment, severe: bool | None) -> bool | None:
    """Whether a mild episode gets worse on symptomatic care since its state was reached; a step up leaves it open."""
    if severe is True or treatment.steps or chart.episode is None or chart.row is None:
        return False
    word = last_word(chart, treatment)
    if word is not None and word["text_value"] == "response:not_improving":
        return True
    judged = [one for one in (word, *said(chart, "severity", chart.since)[-1:]) if one is not None]
    if judged:  # somebody has looked: what counts is what came after
        return compare(chart, max(one["time"] for one in judged)).worsening is True
    care = chart.of("iv_fluid_bolus", "oxygen_device", *_antipyretics(), since=chart.since)
    if not care:
        return False
    rows = [row for row in chart.rows if row["episode"] == chart.episode["episode"]]
    state = (chart.row["hypotension"], chart.row["oxygen"])
    reached = next(row["time"] for row in rows if (row["hypotension"], row["oxygen"]) == state)
    worse = compare(chart, reached).worsening
    stepped = compare(chart, care[0]["time"]).worsening
    return True if worse else (None if stepped else False)


def _antipyretics() -> tuple[str, ...]:
    return tuple(drug.id for drug in drugs().values() if drug.role == "antipyretic")


def _value(chart: Chart, name: str, time: datetime) -> float | None:
    """Return the last value of a signal at an instant."""
    found = [one["numeric_value"] for one in chart.of(name) if one["time"] <= time]
    return found[-1] if found else None


def _order(before: float, after: float, least: float = 0.0) -> Change:
    """Return the change of a value of which less is better."""
    if abs(after - before) <= least:
        return "same"
    return "better" if after < before else "worse"


def _fever(chart: Chart, since: datetime) -> Change:
    then, now = _rows(chart, since)
    threshold = chart.numbers.fever_threshold_cel
    newer = [one["numeric_value"] for one in chart.of("body_temperature") if one["time"] > since]
    before = _value(chart, "body_temperature", since)
    hot = newer[-1] >= threshold if newer else bool(now["fever"])
    if not then["fever"]:
        return "worse" if hot else "absent"
    if not newer:
        return "unknown"
    if not hot:
        return "better"
    return "same" if before is None else _order(before, newer[-1], number("temperature_change"))


def _rows(chart: Chart, since: datetime) -> tuple[Line, Line]:
    """Return the grade rows in force then and now."""
    then, now = chart.row_at(since), chart.row
    assert then is not None
    assert now is not None
    return then, now


def _charted(chart: Chart, since: datetime, names: tuple[str, ...]) -> bool:
    return any(one["time"] > since for one in chart.of(*names))


def _pressure(chart: Chart, since: datetime) -> Change:
    then, now = _rows(chart, since)
    before, after = HYPOTENSION.index(then["hypotension"]), HYPOTENSION.index(now["hypotension"])
    if not before and not after:
        return "absent"
    if after > before:
        return "worse"
    if not _charted(chart, since, PRESSURE):
        return "unknown"
    if after < before:
        return "better"
    return _rates(chart, since) if after >= HYPOTENSION.index("vasopressin_alone") else "same"


def _rates(chart: Chart, since: datetime) -> Change:
    """Return how the rates of the same vasopressors changed; of other agents nothing can be said."""
    then = {one: _value(chart, one, since) for one in AGENTS}
    now = {one: _value(chart, one, chart.at) for one in AGENTS}
    ran = [one for one in AGENTS if then[one] or now[one]]
    changes: list[Change] = [_order(then[one] or 0, now[one] or 0) for one in ran]
    moved: list[Change] = [one for one in changes if one != "same"]
    if not moved:
        return "same"
    return moved[0] if len(set(moved)) == 1 else "unknown"


def _oxygen(chart: Chart, since: datetime) -> Change:
    then, now = _rows(chart, since)
    before, after = then["oxygen"], now["oxygen"]
    if before == after == "none":
        return "absent"
    if after != before:
        if after == "none" and not _charted(chart, since, BREATH):
            return "unknown"
        if {before, after} & set(_OPEN_OXYGEN) and "none" not in (before, after):
            return "unknown"
        return _order(OXYGEN.index(before), OXYGEN.index(after))
    if not _charted(chart, since, BREATH):
        return "unknown"
    for name in ("fio2", "inhaled_o2_flow"):
        one, other = _value(chart, name, since), _value(chart, name, chart.at)
        if one is not None and other is not None and one != other:
            return _order(one, other)
    return "same"
