"""What was read or given at an instant: temperatures, pressures, boluses, drugs, scores; and which of them count as bad."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tocsin.grading.assessments import assessments
from tocsin.grading.sets import members
from tocsin.knowledge.drugs import drug_set, drugs
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.signals import signal
from tocsin.knowledge.timeline import Timeline
from tocsin.report.course import Mark, MarkLane, Panel, Reading
from tocsin.report.labels import drug_name, figure, grades_text, quantity, therapy_lane, unit_name
from tocsin.report.support import of_signal
from tocsin.timeline.apply import is_adult, systolic_limit
from tocsin.timeline.layout import NEVER

Line = dict[str, Any]
Span = tuple[datetime, datetime]
_TREATMENTS = ("anticytokine", "glucocorticoid", "antipyretic", "antibacterial")
# The tests that are drawn, by signal: the name, and whether the scale is logarithmic.
_PANELS = (
    ("crp", "CRP", False),
    ("ferritin", "ferritin", True),
    ("il6", "IL-6", True),
    ("platelets", "platelets", False),
    ("creatinine", "creatinine", False),
)
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
    given = [row for role in _TREATMENTS for row in drugs().values() if row.role == role]
    lanes = [
        MarkLane(drug_name(row.id), _doses(of_signal(events, row.id), episodes, row.id), row.role)
        for row in given
    ]
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
        value = event["numeric_value"]
        amount = "" if value is None else quantity(value, signal(name).unit)
        marks.append(Mark(event["time"], label, event["event_id"], amount))
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
    """Return the ICANS grades of each assessment."""
    return [
        Mark(one.time, grades_text(members(one.grades)), one.event_id) for one in assessments(events, birth)
    ]


def laboratory(events: Sequence[Line]) -> tuple[Panel, ...]:
    """Return the tests that are drawn; CRP tells no severity any more once IL-6 is blocked."""
    blocked = min((event["time"] for event in of_signal(events, *drug_set("crp_invalid"))), default=None)
    panels = (
        Panel(
            name,
            unit_name(signal(id).unit),
            log,
            readings(events, id, lambda _: False),
            pale_from=blocked if id == "crp" else None,
            note="not a severity marker now" if id == "crp" and blocked else "",
        )
        for id, name, log in _PANELS
    )
    return tuple(panel for panel in panels if panel.readings)
