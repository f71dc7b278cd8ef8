"""A made-up course: what happened to one subject, as canonical events; what every writer asks of it."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from zoneinfo import ZoneInfo

from tests.reference import Event
from tests.support.charts import ADULT, EPOCH, MICRO, chart
from tocsin.knowledge.codes import codes
from tocsin.knowledge.drugs import drugs

ZONE = (
    "America/New_York"  # the wall clocks of the made-up hospital; the courses run over a change of the clocks
)
READINGS = ("body_temperature", "systolic_bp", "diastolic_bp", "mean_arterial_pressure", "spo2", "fio2",
            "inhaled_o2_flow", "weight", "crp")  # fmt: skip
INFUSIONS = tuple(row.id for row in drugs().values() if row.route == "infusion")
# Devices that are a procedure rather than a thing.
VENTILATION = ("cpap", "bipap", "invasive_ventilation", "ecmo")
SITE_CODES = (
    "signal,system,code,unit_hint,value",
    "ice_score,http://hospital.example/flowsheets,ICE,{score},",
    "ice_score,MEDS,FLOWSHEET//ICE,{score},",
    "ice_score,source_value,FLO_ICE,{score},",
    "ice_score,SDTM,QS.QSTESTCD=ICETOT,{score},",
)


@dataclass(frozen=True, slots=True)
class Course:
    """One subject: the events as they happened, and drugs that were asked for and never given."""

    number: int
    birth: dt.date | None
    sex: str  # F or M
    events: tuple[Event, ...]
    refused: tuple[Event, ...] = ()

    def of(self, *signals: str) -> tuple[Event, ...]:
        """The events of some signals."""
        return tuple(event for event in self.events if event.signal in signals)

    def weight_at(self, time: int) -> float | None:
        """The weight known at a time: the latest, else the first after."""
        known = sorted(self.of("weight"), key=lambda event: event.time)
        before = [event.value for event in known if event.time <= time]
        return before[-1] if before else known[0].value if known else None

    @property
    def words(self) -> Iterator[tuple[dt.datetime, str]]:
        """What a clinician said of the signs, with the time in UTC."""
        return ((utc(event.time), str(event.text)) for event in self.of("attribution"))


def course(
    text: str, number: int = 1, birth: dt.date | None = ADULT, sex: str = "F", refused: str = ""
) -> Course:
    """A course from a chart of `tests.support.charts`."""
    return Course(number, birth, sex, tuple(chart(text, number)), tuple(chart(refused, number)))


def numbered(events: Sequence[Event], number: int) -> tuple[Event, ...]:
    """Events of one subject, each with an id."""
    return tuple(replace(event, subject_id=number, event_id=place) for place, event in enumerate(events, 1))


@cache
def code(signal: str, system: str, value: str = "") -> str:
    """The first code of a signal in a system: real codes, from our list."""
    return next(
        row.code
        for row in codes()
        if (row.signal, row.system, row.value) == (signal, system, value)
        and row.role not in ("part", "support")
        and "|" not in row.code
    )


def utc(time: int) -> dt.datetime:
    """An instant with its zone."""
    return EPOCH + time * MICRO


def wall(time: int) -> dt.datetime:
    """What the hospital's clocks show, without a zone."""
    return utc(time).astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)


def is_of_day(time: int) -> bool:
    """Whether a death is known to the day only: it takes effect at the day's last instant."""
    return wall(time).time() == dt.time.max


def per_kg(course: Course, event: Event) -> float | None:
    """A rate per kg of weight, None where it is unknown; the weight must be known."""
    weight = course.weight_at(event.time)
    if event.value is None or weight is None:
        return None
    return event.value / weight


def round_per_kg(course: Course, event: Event) -> float | None:
    """The rate per kg at which a pump was set, if it comes out round: nobody sets 7.05 ug/min, but 0.1 ug/kg/min at 70.5 kg."""
    rate, weight = per_kg(course, event), course.weight_at(event.time)
    if rate is None or weight is None or event.value == int(event.value or 0):
        return None
    return round(rate, 3) if round(rate, 3) * weight == event.value else None


def therapy(event: Event) -> tuple[str, str]:
    """Cause and product of a therapy; the product is a signal of ours, too."""
    cause, _, product = str(event.text).partition("/")
    return cause, product
