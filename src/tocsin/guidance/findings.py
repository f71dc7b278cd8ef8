"""Findings beside the three axes: nerves, blood counts and chemistry, heart, infection."""

from datetime import timedelta
from typing import Any, Final

from tocsin.grading.assessments import Assessment, assessments
from tocsin.grading.sets import members
from tocsin.guidance.chart import HOUR, Chart
from tocsin.guidance.facts import Facts
from tocsin.guidance.person import age_of
from tocsin.guidance.therapy import Therapy
from tocsin.knowledge.dosing import reading_number as number

Line = dict[str, Any]
_FULL_ICE, _FULL_GCS = 10, 15
_AWAKE: Final = ("awake", "alert", "a", "normal")
_NO_GROWTH: Final = ("no growth", "negative", "ordered", "pending")


def facts(chart: Chart, therapy: Therapy) -> Facts:
    """Return the facts about other findings."""
    first = chart.since or therapy.time
    return {
        **_nerves(chart, therapy),
        "neutropenic": _neutropenic(chart),
        "crp_known": bool(chart.of("crp", since=first)),
        "crp_rising": _rising(
            chart.of("crp", since=first and first - timedelta(hours=number("workup_look_back")))
        ),
        "tumour_lysis_pattern": _tumour_lysis(chart, therapy),
        "cardiac_signs": _cardiac(chart, therapy),
        "sepsis_on_record": _infected(chart, therapy),
        "antibiotics_given": _antibiotics(chart, therapy),
        "autoimmune_or_immune_disorder": _disorder(chart, therapy),
        "hlh_after_therapy": therapy.time is not None and bool(chart.of("hlh", since=therapy.time)),
    }


def last_assessment(chart: Chart) -> Assessment | None:
    """Return the last neurological assessment that still speaks."""
    found = [
        one for one in assessments(chart.events, chart.birth) if one.time >= chart.back(number("neuro_hold"))
    ]
    return found[-1] if found else None


def _nerves(chart: Chart, therapy: Therapy) -> Facts:
    assessed = last_assessment(chart)
    findings = _icans_findings(chart, therapy)
    gcs = _recent(chart, "gcs")
    clouded = None if gcs is None else gcs["numeric_value"] < _FULL_GCS
    return {
        "icans": None if assessed is None else frozenset(members(assessed.grades)),
        "icans_findings": findings,
        "neuro_findings": True if findings or clouded else findings,
    }


def _recent(chart: Chart, name: str) -> Line | None:
    return chart.last(name, since=chart.back(number("neuro_hold")))


def _icans_findings(chart: Chart, therapy: Therapy) -> bool | None:
    """Yes for anything abnormal of late; no only where a score was full and nothing else speaks against it."""
    if therapy.time is None:
        return False
    since = max(therapy.time, chart.back(number("neuro_hold")))
    if chart.of("icans", "seizure", since=since):
        return True
    awake = chart.last("consciousness", since=since)
    clouded = awake is not None and str(awake["text_value"]).strip().casefold() not in _AWAKE
    ice, scored = chart.last("ice_score", since=since), last_assessment(chart)
    low = ice is not None and ice["numeric_value"] is not None and ice["numeric_value"] < _FULL_ICE
    graded = scored is not None and scored.time >= since and min(members(scored.grades)) > 0
    if clouded or low or graded:
        return True
    return False if scored is not None and scored.time >= since and members(scored.grades) == (0,) else None


def _neutropenic(chart: Chart) -> bool | None:
    """Below the cut-off: yes. In the band where the count may fall below it, or not measured of late: unknown."""
    last = chart.last("neutrophils", since=chart.back(number("state_hold")))
    if last is None or last["numeric_value"] is None:
        return None
    if last["numeric_value"] < number("neutropenia_below"):
        return True
    return None if last["numeric_value"] <= number("neutropenia_open_to") else False


def _rising(values: list[Line]) -> bool | None:
    known = [one["numeric_value"] for one in values if one["numeric_value"] is not None]
    return None if len(known) < 2 else known[-1] > known[-2]


def _tumour_lysis(chart: Chart, therapy: Therapy) -> bool | None:
    """Whether enough of the four are off within a day of each other; too few measured to tell: unknown."""
    if therapy.time is not None and chart.of("tumor_lysis", since=therapy.time):
        return True
    within, names = number("tls_within_h") * HOUR, ("uric_acid", "potassium", "phosphate", "calcium")
    recent = {name: chart.of(name, since=chart.back(number("state_hold"))) for name in names}
    off = {name: [one["time"] for one in found if _is_off(chart, one)] for name, found in recent.items()}
    hits = [(name, time) for name, times in off.items() for time in times]
    most = max((len({n for n, t in hits if abs(t - time) <= within}) for _, time in hits), default=0)
    if most >= number("tls_least"):
        return True
    unmeasured = sum(not found for found in recent.values()) + _open_in_children(chart, recent)
    return None if most + unmeasured >= number("tls_least") else False


def _is_adult(chart: Chart) -> bool:
    age = age_of(chart)
    return age is None or age >= chart.numbers.adult_from_years


def _is_off(chart: Chart, one: Line) -> bool:
    value, name = one["numeric_value"], one["signal"]
    if value is None:
        return False
    if name == "uric_acid":
        return _is_adult(chart) and value >= number("tls_uric_acid_from")
    if name == "calcium":
        return value <= number("tls_calcium_to")
    child = name == "phosphate" and not _is_adult(chart)
    return value >= number("tls_phosphate_child_from" if child else f"tls_{name}_from")


def _open_in_children(chart: Chart, recent: dict[str, list[Line]]) -> int:
    """Return 1 where a child's uric acid was measured: its limit is the laboratory's, which a record does not hold."""
    return int(bool(recent["uric_acid"]) and not _is_adult(chart))


def _cardiac(chart: Chart, therapy: Therapy) -> bool:
    """Hypotension, oxygen need, or heart failure on record."""
    row = chart.row if chart.active else None
    needs = row is not None and (row["hypotension"] != "none" or row["oxygen"] != "none")
    return needs or bool(chart.of("heart_failure", since=therapy.time))


def _infected(chart: Chart, therapy: Therapy) -> bool | None:
    """Whether sepsis or a grown culture is on record; a culture without a result leaves it open."""
    if therapy.time is None:
        return False
    cultures = [
        str(one["text_value"] or "").strip().casefold()
        for one in chart.of("blood_culture", since=therapy.time)
    ]
    grown = [word for word in cultures if word and word not in _NO_GROWTH]
    if chart.of("sepsis", since=therapy.time) or grown:
        return True
    return False if "no growth" in cultures or "negative" in cultures else None


def _antibiotics(chart: Chart, therapy: Therapy) -> bool | None:
    """Yes where an antibacterial drug is on record since shortly before the first fever; none on record proves nothing."""
    start = chart.since or therapy.time
    if start is None:
        return None
    since = start - timedelta(hours=number("workup_look_back"))
    return True if chart.of("antibacterial", since=since) else None


def _disorder(chart: Chart, therapy: Therapy) -> bool | None:
    """Whether a haemophagocytic disorder was charted before the therapy; of others records say nothing."""
    charted = [one for one in chart.of("hlh") if therapy.time is None or one["time"] < therapy.time]
    return True if charted else None
