"""Made-up courses by seed: therapy, fever, pressures, pumps, oxygen, drugs, words and deaths, with ties and open ends."""

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.reference import Event
from tests.support.charts import ADULT, instant
from tests.support.five_formats.course import VENTILATION, Course, numbered

HOUR = 3_600_000_000
MINUTE = HOUR // 60
DAY = 24 * HOUR
START = instant("0h")
LAST_DAY = 16  # the clocks change on the eighth day
PRODUCTS = ("car_t/axicabtagene_ciloleucel", "t_cell_engager/blinatumomab", "t_cell_engager/teclistamab")
# Degrees that are a tenth of a degree in Fahrenheit too.
TEMPERATURES = (36.5, 37.0, 37.5, 38.0, 38.0, 38.5, 39.5, 40.0)
SYSTOLIC = (59, 60, 69, 71, 79, 85, 89, 90, 91, 110, 130)
MEAN = (50, 64, 65, 80)
# Rates at and beside the cut-offs of Lee 2014; the weights are such that a rate per kg says them exactly.
RATES = {
    "norepinephrine": (None, 2, 5, 9.75, 10, 19.75, 20, 30),
    "epinephrine": (None, 1, 5, 9.75, 10),
    "phenylephrine": (None, 20, 100, 199, 200),
    "dopamine": (None, 2, 5, 9.75, 10),
    "angiotensin_ii": (None, 10, 20),
    "vasopressin": (None, 0.02, 0.03, 0.04),
}
ROUND_PER_KG = (0.05, 0.1, 0.2)
FLOWS = (0, 1, 2, 6, 6.5, 15, 40)
OXYGEN_SHARES = (21, 30, 39, 40, 60, 100)
DEVICES = ("room_air", "nasal_cannula", "nasal_cannula", "blow_by", "high_flow_nasal_cannula", "simple_face_mask",
           "venturi_mask", "non_rebreather", "cpap", "bipap", "invasive_ventilation", "invasive_ventilation", "ecmo")  # fmt: skip
DRUGS = {"tocilizumab": 560, "dexamethasone": 10, "hydrocortisone": 100, "acetaminophen": 650}
WORDS = ("fever:other", "fever:crs", "hypotension:other", "hypotension:crs", "hypoxia:other", "hypoxia:crs",
         "vasopressin:not_for_hypotension", "intubation:airway_only", "intubation:hypoxia")  # fmt: skip


@dataclass(frozen=True)
class _Maker:
    """Rolls for one subject."""

    rng: random.Random
    weight: float

    def chance(self, share: float) -> bool:
        """Whether something happens."""
        return self.rng.random() < share

    def time(self, first: float = 0, last: float = 96) -> int:
        """A time on a grid of half hours: things often meet."""
        return START + self.rng.randrange(round(first * 2), round(last * 2)) * HOUR // 2


def random_course(rng: random.Random, number: int) -> Course:
    """One subject."""
    born, weight = rng.choice(
        ((ADULT, 64), (ADULT, 64), (ADULT, 70.5), (None, 64), (dt.date(2018, 6, 5), 32))
    )
    maker = _Maker(rng, weight)
    events = [
        *_therapies(maker), *_weights(maker), *_readings(maker), *_boluses(maker), *_pumps(maker), *_oxygen(maker),
        *_drugs(maker), *_scores(maker), *_words(maker),
    ]  # fmt: skip
    last = max(event.end or event.time for event in events)
    death = _death(maker)
    # What some formats tell by a record at the end of an interval must not be the subject's last record.
    seen = (
        Event(number, last + HOUR, "body_temperature", 36.5),
        Event(number, last + HOUR, "systolic_bp", 120),
    )
    rng.shuffle(events)
    refused = [Event(number, maker.time(), "tocilizumab", 560)] if maker.chance(0.3) else []
    events = [*events, *death, *(seen if not death else ())]
    return Course(number, born, rng.choice("FM"), numbered(events, number), numbered(refused, number))


def _at(
    time: int, signal: str, value: float | None = None, text: str | None = None, end: int | None = None
) -> Event:
    return Event(0, time, signal, value, text, end)


def _therapies(maker: _Maker) -> Iterator[Event]:
    """One infusion of cells, or doses of a T-cell engager."""
    product = maker.rng.choice(PRODUCTS)
    days = (0,) if product.startswith("car_t") else ((0, 2, 4), (0, 7), (0,))[maker.rng.randrange(3)]
    for day in days:
        yield _at(START + day * DAY, "index_therapy", text=product)


def _weights(maker: _Maker) -> Iterator[Event]:
    """A weight, mostly from long before; sometimes only from after."""
    yield _at(START + maker.rng.choice((-40 * DAY, -DAY, -HOUR, 3 * DAY)), "weight", maker.weight)


def _readings(maker: _Maker) -> Iterator[Event]:
    """Temperatures and pressures, some of one instant, and a fever early on."""
    yield _at(maker.time(2, 30), "body_temperature", maker.rng.choice((38.0, 39.5)))
    for _ in range(maker.rng.randrange(3, 12)):
        yield _at(maker.time(-12, 24 * LAST_DAY), "body_temperature", maker.rng.choice(TEMPERATURES))
    for _ in range(maker.rng.randrange(2, 12)):
        when, systolic = maker.time(-6, 120), maker.rng.choice(SYSTOLIC)
        yield _at(when, "systolic_bp", systolic)
        if maker.chance(0.7):
            yield _at(when, "diastolic_bp", maker.rng.choice((35, 50, systolic)))
        if maker.chance(0.3):
            yield _at(when, "mean_arterial_pressure", maker.rng.choice(MEAN))
    for _ in range(maker.rng.randrange(3)):
        yield _at(maker.time(), "crp", maker.rng.choice((12, 180)))


def _boluses(maker: _Maker) -> Iterator[Event]:
    for _ in range(maker.rng.choice((0, 0, 1, 2, 3))):
        when = maker.time(0, 60)
        yield _at(when, "iv_fluid_bolus", maker.rng.choice((250, 500, 1000)), end=when + 30 * MINUTE)


def _pumps(maker: _Maker) -> Iterator[Event]:
    """Infusions, each agent as a pump records it or as somebody charts its rate."""
    for agent in RATES:
        if maker.chance(0.3):
            yield from (_charted if maker.chance(0.3) else _pumped)(maker, agent)


def _rate(maker: _Maker, agent: str) -> float | None:
    if (
        maker.weight == 70.5
        and agent in ("norepinephrine", "epinephrine", "phenylephrine")
        and maker.chance(0.7)
    ):
        return maker.rng.choice(ROUND_PER_KG) * maker.weight
    return maker.rng.choice(RATES[agent])


def _pumped(maker: _Maker, agent: str) -> Iterator[Event]:
    """Intervals that touch, overlap or leave gaps; ends come in the order of the starts, and the last may be open."""
    start, end = maker.time(-72, 60), 0
    for left in reversed(range(maker.rng.randrange(1, 5))):
        end = max(end, start) + maker.rng.choice((1, 3, 5, 26)) * HOUR
        is_open = left == 0 and maker.chance(0.3)
        yield _at(start, agent, _rate(maker, agent), end=None if is_open else end)
        start = max(start + HOUR, end + maker.rng.choice((-1, 0, 0, 0, 2)) * HOUR)


def _charted(maker: _Maker, agent: str) -> Iterator[Event]:
    """Rates without ends, until a rate of 0."""
    when = maker.time(0, 60)
    for _ in range(maker.rng.randrange(1, 5)):
        yield _at(when, agent, _rate(maker, agent))
        when += maker.rng.choice((1, 3, 5, 20, 25)) * HOUR
    if maker.chance(0.8):
        yield _at(when, agent, 0)


def _oxygen(maker: _Maker) -> Iterator[Event]:
    """Devices one after the other, with flow and FiO2 at their start and within; some have ends, some overlap."""
    when = maker.time(-60, 60)
    for _ in range(maker.rng.choice((0, 1, 2, 3, 5))):
        device = maker.rng.choice(DEVICES)
        # MEDS has ends of these two alone; what it must chart anew would stand here as new evidence.
        length = (
            maker.rng.choice((1, 4, 12, 30 if device in ("bipap", "invasive_ventilation") else 23)) * HOUR
        )
        end = when + length if device != "room_air" and maker.chance(0.6) else None
        yield _at(when, "oxygen_device", text=device, end=end)
        yield from _settings(maker, device, when, length)
        when += length + maker.rng.choice((-HOUR // 2, 0, 0, 2 * HOUR, 10 * HOUR))
    if maker.chance(0.1):  # a flow, and no device that anybody wrote down
        yield _at(maker.time(), "inhaled_o2_flow", maker.rng.choice(FLOWS))


def _settings(maker: _Maker, device: str, start: int, length: int) -> Iterator[Event]:
    """What was set on a device; never at the instant of its end."""
    for share in (0, 0.25, 0.75):
        when = start + int(length * share)
        if device not in VENTILATION and maker.chance(0.4):
            yield _at(when, "inhaled_o2_flow", maker.rng.choice(FLOWS))
        if maker.chance(0.3):
            yield _at(when, "fio2", maker.rng.choice(OXYGEN_SHARES))
        if maker.chance(0.4):
            yield _at(when, "spo2", maker.rng.choice((86, 92, 97)))


def _drugs(maker: _Maker) -> Iterator[Event]:
    for drug, dose in DRUGS.items():
        for _ in range(maker.rng.choice((0, 0, 1, 2))):
            yield _at(maker.time(-24, 120), drug, dose)


def _scores(maker: _Maker) -> Iterator[Event]:
    for _ in range(maker.rng.choice((0, 0, 2))):
        yield _at(maker.time(12, 96), "ice_score", maker.rng.choice((0, 2, 6, 9, 10)))


def _words(maker: _Maker) -> Iterator[Event]:
    for _ in range(maker.rng.choice((0, 0, 0, 1, 3))):
        yield _at(maker.time(), "attribution", text=maker.rng.choice(WORDS))


def _death(maker: _Maker) -> tuple[Event, ...]:
    """Most live; of some deaths only the day is known, and of these nobody says the cause."""
    if not maker.chance(0.2):
        return ()
    if maker.chance(0.3):  # the last instant of a day in New York, before the clocks change
        return (_at(START + maker.rng.randrange(2, 6) * DAY + 5 * HOUR - 1, "death"),)
    return (_at(maker.time(24, 200) + 7 * MINUTE, "death", text=maker.rng.choice((None, "crs", "crs"))),)
