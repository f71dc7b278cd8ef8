"""The state: fever, episode, grades, severity, hypotension and oxygen, as the timeline has them at the instant."""

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from tocsin.grading.sets import members
from tocsin.guidance.chart import HOUR, Chart
from tocsin.guidance.facts import Facts, any_of
from tocsin.guidance.rerun import run_timeline
from tocsin.guidance.therapy import Therapy
from tocsin.knowledge.causes import cause_words
from tocsin.knowledge.drugs import drug_set, drugs
from tocsin.knowledge.vocabulary import OXYGEN

Line = dict[str, Any]
ENGINEERED: Final = ("car_t", "tcr_t")
AGENTS: Final = tuple(drug.id for drug in drugs().values() if drug.role == "vasopressor")
PRESSURE: Final = ("systolic_bp", "mean_arterial_pressure", "iv_fluid_bolus", *AGENTS)
BREATH: Final = ("oxygen_device", "inhaled_o2_flow", "fio2", "spo2")
_LOW_OXYGEN: Final = ("none", "low_flow")
_EITHER_OXYGEN: Final = ("cannula_flow_unknown", "high_flow_at_low_flow", "device_unknown")
_RUNNING: Final = {
    "one": frozenset((1,)),
    "one_plus_vasopressin": frozenset((1,)),
    "multiple": frozenset(range(2, len(drug_set("counted_vasopressors")) + 1)),
}
_NO_GRADE: Final = frozenset((0,))


def facts(chart: Chart, therapy: Therapy) -> Facts:
    """Return the facts of the state."""
    scale = scale_now(chart, therapy)
    return {
        **_fever(chart, therapy),
        **_episode(chart),
        "scale": scale,
        "grade": grades_now(chart, scale),
        "grade_astct": grades_now(chart, "astct"),
        "grade_ctcae5": grades_now(chart, "ctcae5"),
        "grade_lee2014": grades_now(chart, "lee2014"),
        "peak_grade": peak(chart, scale),
        "peak_grade_ever": _peak_ever(chart, scale),
        "peak_grade_astct": peak(chart, "astct"),
        "peak_grade_ctcae5": peak(chart, "ctcae5"),
        "peak_grade_astct_before": _peak_before(chart),
        "grade3_hours_astct": _hours_at(chart, "astct", 3),
        **_severity(chart, therapy, grades_now(chart, scale)),
        **_support(chart),
        **({} if chart.active else _without_fever(chart, therapy)),
    }


def scale_now(chart: Chart, therapy: Therapy) -> str | None:
    """Return the scale of record: the one that the user named, else that of the cause."""
    if chart.scale is not None or therapy.cause is None:
        return chart.scale
    return cause_words()[therapy.cause].scale


def grades_now(chart: Chart, scale: str | None) -> frozenset[int]:
    """Return the grades that the record allows now, at a death those of the death; {0} outside an episode."""
    if scale is None or chart.row is None or not (chart.active or chart.row["driver"] == "death"):
        return _NO_GRADE
    return frozenset(members(chart.row[f"{scale}_set"]))


def peak(chart: Chart, scale: str | None) -> frozenset[int]:
    """Return what the highest row of the last episode allows; {0} without an episode."""
    if scale is None or chart.episode is None:
        return _NO_GRADE
    return _peak_of(chart.episode, scale)


def _peak_of(episode: Line, scale: str) -> frozenset[int]:
    return frozenset(range(episode[f"{scale}_peak_low"], episode[f"{scale}_peak_high"] + 1))


def _peak_before(chart: Chart) -> frozenset[int]:
    """Return the highest ASTCT peak over the earlier episodes after the same product."""
    return _highest(_same_product(chart)[:-1], "astct")


def _peak_ever(chart: Chart, scale: str | None) -> frozenset[int]:
    """Return the highest peak over all episodes after the same product."""
    return _NO_GRADE if scale is None else _highest(_same_product(chart), scale)


def _same_product(chart: Chart) -> list[Line]:
    """Return the episodes after the product of the last one, that one included."""
    last = chart.episode
    return [] if last is None else [one for one in chart.episodes if one["product"] == last["product"]]


def _highest(episodes: list[Line], scale: str) -> frozenset[int]:
    low = max((one[f"{scale}_peak_low"] for one in episodes), default=0)
    return frozenset(range(low, max((one[f"{scale}_peak_high"] for one in episodes), default=0) + 1))


def _hours_at(chart: Chart, scale: str, grade: int) -> float | None:
    """Return the longest stretch at a grade or above in the last episode; unknown where a set leaves it open."""
    if chart.episode is None:
        return 0.0
    rows = [row for row in chart.rows if row["episode"] == chart.episode["episode"]]
    sets = [members(row[f"{scale}_set"]) for row in rows]
    if any(min(one) < grade <= max(one) for one in sets):
        return None
    times = [*(row["time"] for row in rows), rows[-1]["time"] if rows[-1]["closing"] else chart.at]
    longest = run = 0.0
    for grades, (start, end) in zip(sets, pairwise(times), strict=True):
        run = run + (end - start) / HOUR if min(grades) >= grade else 0.0
        longest = max(longest, run)
    return longest


def said(chart: Chart, kind: str, since: datetime | None) -> list[Line]:
    """Return the annotations of one kind (`severity`, `response`, `fever`), in order."""
    words = chart.of("attribution", since=since)
    return [one for one in words if str(one["text_value"]).startswith(f"{kind}:")]


def _fever(chart: Chart, therapy: Therapy) -> Facts:
    threshold, hold = chart.numbers.fever_threshold_cel, chart.numbers.fever_hold_h
    hot = [one for one in chart.of("body_temperature") if one["numeric_value"] >= threshold]
    recent = [one for one in chart.of("body_temperature") if one["time"] > chart.back(hold)]
    explained = _attributed(chart, "fever")
    mine = [one["time"] for one in hot if therapy.time is not None and one["time"] >= therapy.time]
    first = chart.since if chart.active else min(mine, default=None)
    on_record = chart.active or (bool(mine) and therapy.in_window and not explained)
    now = bool(hot) and hot[-1]["time"] > chart.back(hold) and not explained
    return {
        "fever_now": now or (False if recent else None),
        "fever_on_record": on_record or (False if chart.of("body_temperature") else None),
        "fever_explained": explained,
        "suspected": chart.active or _unlooked(chart, therapy),
        "hours_since_first_fever": chart.hours(first),
        "masked": chart.active and chart.row is not None and bool(chart.row["fever_waived"]),
    }


def _unlooked(chart: Chart, therapy: Therapy) -> bool | None:
    """Return unknown where the window is open and no temperature is on record since the therapy, else no."""
    read = chart.of("body_temperature", since=therapy.time)
    return None if therapy.in_window and not read else False


def _attributed(chart: Chart, axis: str) -> bool:
    words = said(chart, axis, None)
    return bool(words) and words[-1]["text_value"] == f"{axis}:other"


def _episode(chart: Chart) -> Facts:
    episode = chart.episode
    ended = episode is not None and episode["ended"] is not None
    resolved = episode["resolved_at"] if episode is not None else None
    return {
        "dead": chart.death is not None,
        "episode_active": chart.active,
        "episode_ever": episode is not None,
        "crs_confirmed": chart.active,
        "resolved": ended and resolved is not None,
        "hours_since_resolution": chart.hours(resolved),
        "onset_hours": chart.hours(chart.since) if chart.active else None,
        "onset_after_therapy_hours": None
        if episode is None
        else _apart(episode["therapy_time"], episode["onset"]),
        "hours_since_change": chart.hours(last_change(chart)),
    }


def _apart(start: datetime, end: datetime) -> float:
    return (end - start) / HOUR


def last_change(chart: Chart) -> datetime | None:
    """Return when fever, hypotension or oxygen last changed in the episode under way."""
    if not chart.active or chart.episode is None:
        return None
    rows = [row for row in chart.rows if row["episode"] == chart.episode["episode"]]
    states = [(row["fever"], row["hypotension"], row["oxygen"]) for row in rows]
    changed = [
        row["time"] for row, now, before in zip(rows[1:], states[1:], states, strict=False) if now != before
    ]
    return max(changed, default=rows[0]["time"])


def severe_at(grade: int, cause: str | None, word: bool | None) -> bool | None:
    """Return whether one grade is severe: 3 and over; 2 on a clinician's word, which engineered cells wait for."""
    if grade == 2:
        return word if word is not None else (None if cause in ENGINEERED or cause is None else False)
    return grade > 2


def _severity(chart: Chart, therapy: Therapy, grades: Iterable[int]) -> Facts:
    words = [one["text_value"] for one in said(chart, "severity", chart.since)] if chart.active else []
    word = (
        words[-1] == "severity:severe"
        if words and words[-1] in ("severity:severe", "severity:mild")
        else None
    )
    if not chart.active:
        return {"treat_as_severe": None, "severe": False, "mild": False}
    answers = {severe_at(grade, therapy.cause, word) for grade in grades}
    severe = answers.pop() if len(answers) == 1 else None
    return {"treat_as_severe": word, "severe": severe, "mild": None if severe is None else not severe}


def _support(chart: Chart) -> Facts:
    row = chart.row if chart.active else None
    if row is None:
        return {
            "hypotension": "none", "oxygen": "none", "high_flow_oxygen": False, "hypoxia": False, "vasopressors": _NO_GRADE,
            "ventilated": False, "tube_without_reason": False, "vasopressin_ignored": False, "fio2_unknown": False,
            "inotrope_running": _runs(chart, "dobutamine", "milrinone"),
        }  # fmt: skip
    oxygen, flags = row["oxygen"], row["flags"]
    high = None if oxygen in _EITHER_OXYGEN else oxygen not in _LOW_OXYGEN
    device = chart.last("oxygen_device")
    tube = device is not None and device["text_value"] in ("invasive_ventilation", "ecmo")
    return {
        "hypotension": row["hypotension"],
        "oxygen": oxygen,
        "hypoxia": OXYGEN.index(oxygen) > 0,
        "high_flow_oxygen": high,
        "vasopressors": _RUNNING.get(row["hypotension"], _NO_GRADE),
        "ventilated": any_of(oxygen == "ventilator", bool(row["airway_tube"]) and tube),
        "tube_without_reason": "intubation_reason_unknown" in flags,
        "vasopressin_ignored": "vasopressin_ignored" in flags,
        "inotrope_running": _runs(chart, "dobutamine", "milrinone"),
        "fio2_unknown": oxygen != "none" and row["fio2_band"] == "unknown",
    }


def _without_fever(chart: Chart, therapy: Therapy) -> Facts:
    """Return low pressure and oxygen need where no fever has begun an episode; unknown where none was charted of late.

    They are read as the timeline would read them beside a fever: the subject's own record, and a fever put in at the instant.
    """
    if not therapy.in_window or chart.death is not None or _attributed(chart, "fever"):
        return {}
    numbers = chart.numbers
    pressed = _charted_within(chart, PRESSURE, numbers.bp_hold_h)
    breathed = _charted_within(chart, BREATH, numbers.device_hold_h)
    row = _imagined(chart) if pressed or breathed else None
    hypotension = None if row is None else row["hypotension"]
    hypoxia = None if row is None else OXYGEN.index(row["oxygen"]) > 0
    return {
        "hypotension": hypotension if pressed or hypotension != "none" else None,
        "hypoxia": hypoxia if breathed or hypoxia else None,
    }


def _charted_within(chart: Chart, names: tuple[str, ...], hours: float) -> bool:
    return any(one["time"] > chart.back(hours) for one in chart.of(*names))


def _imagined(chart: Chart) -> Line | None:
    """Return the grade row that a fever at this instant would make."""
    last = chart.events[-1]
    fever = {
        "subject_id": chart.subject_id, "time": chart.at, "signal": "body_temperature", "text_value": None, "end": None,
        "numeric_value": chart.numbers.fever_threshold_cel, "event_id": last["event_id"] + 1,
    }  # fmt: skip
    rows, _ = run_timeline([*chart.events, fever], chart.birth, chart.numbers, chart.scale, chart.at)
    return rows[-1] if rows else None


def _runs(chart: Chart, *agents: str) -> bool:
    """Return whether a record of an agent runs: to its end, or for as long as one without an end holds."""
    for agent in agents:
        last = chart.last(agent)
        if last is not None and last["numeric_value"] != 0:
            end = last["end"] or last["time"] + chart.numbers.infusion_timeout_h * HOUR
            if end > chart.at:
                return True
    return False


def first_time_at(chart: Chart, scale: str, grade: int) -> datetime | None:
    """Return when the last episode first was at a grade or above for certain."""
    if chart.episode is None:
        return None
    rows = [row for row in chart.rows if row["episode"] == chart.episode["episode"]]
    return next((row["time"] for row in rows if min(members(row[f"{scale}_set"])) >= grade), None)
