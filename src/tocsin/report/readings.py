"""What was read or given at an instant: temperatures, pressures, boluses, drugs, scores; and which of them count as bad."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tocsin.grading.icans import icans_assessment
from tocsin.grading.sets import members
from tocsin.knowledge.drugs import drugs
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.timeline import Timeline
from tocsin.report.course import Mark, MarkLane, Reading
from tocsin.report.labels import drug_name, figure, grades_text, therapy_lane
from tocsin.report.support import of_signal
from tocsin.timeline.apply import is_adult, systolic_limit
from tocsin.timeline.layout import NEVER, YEAR

Line = dict[str, Any]
Span = tuple[datetime, datetime]
_TREATMENTS = ("anticytokine", "glucocorticoid", "antipyretic")
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime | date | None) -> int:
    """Return an instant, or the start of a day, as the timeline counts it."""
    if moment is None:
        return NEVER
    time = (
        moment
        if isinstance(moment, datetime)
        else datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    )
    return (time - _EPOCH) // _MICROSECOND


def readings(events: Sequence[Line], name: str, marked: Callable[[Line], bool]) -> tuple[Reading, ...]:
    """Return the values of a signal, each marked or not."""
    return tuple(
        Reading(event["time"], event["numeric_value"], marked(event), event["event_id"])
        for event in of_signal(events, name)
        if event["numeric_value"] is not None
    )


def temperatures(events: Sequence[Line], numbers: Timeline) -> tuple[Reading, ...]:
    """Return the temperatures, fevers marked."""
    return readings(
        events, "body_temperature", lambda event: event["numeric_value"] >= numbers.fever_threshold_cel
    )


def pressures(
    events: Sequence[Line], numbers: Timeline, birth: date | None
) -> tuple[tuple[Reading, ...], tuple[Reading, ...]]:
    """Return systolic and mean pressures, those low at the subject's age marked."""
    born = micros(birth)
    limit, adult = _plain(systolic_limit), _plain(is_adult)

    def systolic_low(event: Line) -> bool:
        return event["numeric_value"] < limit(numbers, born, micros(event["time"]))

    def mean_low(event: Line) -> bool:
        return adult(numbers, born, micros(event["time"])) and event["numeric_value"] < numbers.adult_map_low

    return readings(events, "systolic_bp", systolic_low), readings(events, "mean_arterial_pressure", mean_low)


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the Python function behind a compiled one: a few calls are not worth a compilation."""
    return getattr(function, "py_func", function)


def boluses(events: Sequence[Line]) -> MarkLane:
    """Return the fluid boluses."""
    given = of_signal(events, "iv_fluid_bolus")
    return MarkLane(
        "fluid bolus", tuple(Mark(event["time"], _amount(event), event["event_id"]) for event in given)
    )


def _amount(event: Line) -> str:
    return "" if event["numeric_value"] is None else f"{figure(event['numeric_value'])} mL"


def treatments(events: Sequence[Line], episodes: Sequence[Span]) -> tuple[MarkLane, ...]:
    """Return a lane per drug given: tocilizumab first, its doses numbered within each episode."""
    names = [row.id for role in _TREATMENTS for row in drugs().values() if row.role == role]
    lanes = [MarkLane(drug_name(name), _doses(of_signal(events, name), episodes, name)) for name in names]
    return tuple(lane for lane in lanes if lane.marks)


def _doses(given: Sequence[Line], episodes: Sequence[Span], name: str) -> tuple[Mark, ...]:
    """Return the doses of a drug; only those of tocilizumab inside an episode have a number."""
    count: dict[int, int] = {}
    marks: list[Mark] = []
    for event in given:
        inside = next(
            (place for place, (start, end) in enumerate(episodes) if start <= event["time"] <= end), None
        )
        label = ""
        if name == "tocilizumab" and inside is not None:
            count[inside] = count.get(inside, 0) + 1
            label = str(count[inside])
        marks.append(Mark(event["time"], label, event["event_id"]))
    return tuple(marks)


def therapies(events: Sequence[Line]) -> tuple[MarkLane, ...]:
    """Return a lane per index therapy, a mark per dose."""
    lanes: dict[str, list[Mark]] = {}
    for event in of_signal(events, "index_therapy", *therapy_signals()):
        cause, _, product = str(event["text_value"] or event["signal"]).partition("/")
        name = therapy_lane(cause, product or None)
        lanes.setdefault(name, []).append(Mark(event["time"], "", event["event_id"]))
    return tuple(MarkLane(name, tuple(marks)) for name, marks in lanes.items())


def neuro(events: Sequence[Line], birth: date | None) -> tuple[MarkLane, ...]:
    """Return the scores of the neurological examination, and the ICANS grades of each assessment."""
    named = (("ICE", "ice_score"), ("CAPD", "capd_score"))
    lanes = [MarkLane(name, tuple(_scores(of_signal(events, signal)))) for name, signal in named]
    lanes.append(MarkLane("ICANS grade", tuple(_assessments(events, birth))))
    return tuple(lane for lane in lanes if lane.marks)


def _scores(charted: Sequence[Line]) -> list[Mark]:
    return [
        Mark(event["time"], figure(event["numeric_value"]), event["event_id"])
        for event in charted
        if event["numeric_value"] is not None
    ]


def _assessments(events: Sequence[Line], birth: date | None) -> list[Mark]:
    """Return the ICANS grades of what was charted at each instant; an assessment is a score, and stands alone."""
    charted: dict[datetime, dict[str, Any]] = {}
    for event in of_signal(events, "ice_score", "capd_score", "consciousness", "seizure"):
        said = event["text_value"] if event["numeric_value"] is None else event["numeric_value"]
        charted.setdefault(event["time"], {"event_id": event["event_id"]})[event["signal"]] = said
    marks: list[Mark] = []
    for time, said in charted.items():
        event_id = said.pop("event_id")
        age = None if birth is None else (micros(time) - micros(birth)) / YEAR
        scored = any(name.endswith("_score") for name in said)
        if scored and (bits := icans_assessment(age_years=age, **said)):
            marks.append(Mark(time, grades_text(members(bits)), event_id))
    return marks
