"""Draft orders as they are read: which drug, how much in which unit, how often, from when."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from tocsin.events.concepts import Key, Resolver, TherapyKinds
from tocsin.events.conversions import WEIGHT_MULTIPLY, conversion_of
from tocsin.guidance.person import Person
from tocsin.knowledge.cds import checks, timing_hours
from tocsin.knowledge.drugs import drugs
from tocsin.knowledge.products import products
from tocsin.knowledge.reading import unreadable_units
from tocsin.knowledge.signals import signal
from tocsin.service.cds.request import Call, refuse
from tocsin.sources.fhir.concepts import Json, as_list, as_number, as_object, as_text, clean, concept_code
from tocsin.sources.fhir.references import Links, reference_code, subject_of
from tocsin.sources.fhir_source import parse
from tocsin.sources.settings import Settings
from tocsin.sources.times import time_reader

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT_H: Final = {"s": 1 / 3600, "min": 1 / 60, "h": 1.0, "d": 24.0, "wk": 168.0}  # units of time in UCUM
_EVERY: Final = re.compile(r"Q(\d{1,2})H")
_DAY_H: Final = 24.0
_HOUR_US: Final = 3_600_000_000
_PER_M2: Final = "/m2"
_CALLED_OFF: Final = ("cancelled", "stopped", "entered-in-error")
_OF_24_H: Final = re.compile(r"/\(24\.h\)|/\(24 ?h\)")  # UCUM for what people write as a day


@dataclass(frozen=True, slots=True)
class Asked:
    """What one dosage of an order asks for. A figure that it does not tell is None."""

    amount: float | None
    unit: str
    is_rate: bool
    interval_h: float | None  # hours from one dose to the next
    count: int | None
    lasts_h: float | None  # how long one dose runs
    beside: bool = False  # another figure of the same dosage says more: this one may be silent

    @property
    def by_surface(self) -> bool:
        """Whether it is told by the body surface."""
        return _PER_M2 in self.unit

    @property
    def plain_unit(self) -> str:
        """The unit without the body surface."""
        return self.unit.replace(_PER_M2, "")


@dataclass(frozen=True)
class Order:
    """One draft order of a drug that is checked."""

    resource: Json
    reference: str
    drug: str
    dosages: tuple[Asked, ...]
    start: datetime | None

    @property
    def name(self) -> str:
        """Return the drug as people write it."""
        return self.drug.replace("_", " ").capitalize()


def read_orders(call: Call, zone: str) -> list[Order]:
    """Return the draft orders of drugs that are checked; with selections, only those selected.

    Raises Problem when one is for another patient.
    """
    links = Links()
    for resource, full_url in call.drafts:
        links.add(resource, full_url)
    found = [order for resource, _ in call.drafts if (order := _order(resource, links, zone)) is not None]
    others = [
        one.reference for one in found if subject_of(one.resource, links)[0] not in (None, call.patient)
    ]
    refuse(
        [
            ("context.draftOrders", f"{place} is for another patient than context.patientId")
            for place in others
        ]
    )
    return found


def judged(call: Call, orders: list[Order]) -> list[Order]:
    """Return the orders that the answer speaks about: those that were selected just now, else all."""
    return [one for one in orders if not call.selections or one.reference in call.selections]


def _order(resource: Json, links: Links, zone: str) -> Order | None:
    if resource.get("resourceType") != "MedicationRequest" or resource.get("doNotPerform") is True:
        return None
    if resource.get("status") in _CALLED_OFF:
        return None
    drug = _drug(resource, links)
    if drug is None:
        return None
    dosages = [as_object(one) for one in as_list(resource.get("dosageInstruction"))]
    starts = [time for one in dosages if (time := _start(one, zone)) is not None]
    asked = tuple(part for one in dosages for part in _asked(one, drug)) or (
        Asked(None, "", False, None, None, None),
    )
    return Order(resource, f"MedicationRequest/{resource.get('id')}", drug, asked, min(starts, default=None))


def _drug(resource: Json, links: Links) -> str | None:
    """Return which of the checked drugs an order is for: by its codes, else by its name."""
    code = concept_code(as_object(resource.get("medicationCodeableConcept")))
    if code is None:
        code, _ = reference_code(resource.get("medicationReference"), resource.get("contained"), links)
    if code is None:
        return None
    route = as_object(as_object(next(iter(as_list(resource.get("dosageInstruction"))), None)).get("route"))
    parsed = parse(Key(code, route=concept_code(route)))
    found = _resolver().resolve(parsed)
    name = next((one for one in checks() if signal(one).id == found.signal), None)
    if name is not None or found.fate == "not_systemic":
        return name
    return _named(f"{code} {_displays(resource)}")


def _displays(resource: Json) -> str:
    codings = as_list(as_object(resource.get("medicationCodeableConcept")).get("coding"))
    return " ".join(clean(as_object(one).get("display")) or "" for one in codings)


@cache
def _resolver() -> Resolver:
    return Resolver(TherapyKinds())


@cache
def _names() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return what the checked drugs are called: hospitals order products, whose codes no list holds all of."""
    named = [(id, name) for id in checks() for name in (id.replace("_", " "), *_trade_names(id))]
    return tuple((re.compile(rf"(?i)\b{re.escape(name)}\b"), id) for id, name in named)


def _trade_names(id: str) -> tuple[str, ...]:
    if id in drugs():
        return (*drugs()[id].brands, *drugs()[id].also)
    return tuple(filter(None, (products()[id].brand,))) if id in products() else ()


def _named(text: str) -> str | None:
    return next((id for pattern, id in _names() if pattern.search(text)), None)


def _start(dosage: Json, zone: str) -> datetime | None:
    """Return from when an order runs, where it says so to the minute."""
    timing = as_object(dosage.get("timing"))
    period = as_object(as_object(timing.get("repeat")).get("boundsPeriod"))
    said = as_text(next(iter(as_list(timing.get("event"))), None)) or as_text(period.get("start"))
    if said is None:
        return None
    micros, _ = time_reader(Settings(zone=zone))(said)
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)


def _asked(dosage: Json, drug: str) -> Iterator[Asked]:
    """Yield what a dosage asks for: its doses and rates, each end of a range."""
    repeat = as_object(as_object(dosage.get("timing")).get("repeat"))
    interval, lasts = _interval(dosage, repeat), _hours(repeat.get("duration"), repeat.get("durationUnit"))
    said = _number(repeat.get("countMax") or repeat.get("count"))
    count = int(said) if said is not None else _count_within(repeat, interval)
    for part in as_list(dosage.get("doseAndRate")) or [{}]:
        figures = [
            Asked(amount, unit, is_rate, interval, count, lasts)
            for amount, unit, is_rate in _figures(as_object(part))
        ]
        yield from _telling(figures, drug) or [Asked(None, "", False, interval, count, lasts)]


def _count_within(repeat: Json, interval: float | None) -> int | None:
    """Return how many doses fit between the bounds of a timing; None where it has no end."""
    length, period = as_object(repeat.get("boundsDuration")), as_object(repeat.get("boundsPeriod"))
    hours = _hours(length.get("value"), length.get("code") or length.get("unit"))
    if hours is None and period.get("start") and period.get("end"):
        read = time_reader(Settings())
        start, end = (read(str(period[name]))[0] for name in ("start", "end"))
        hours = (end - start) / _HOUR_US if start is not None and end is not None else None
    fits = hours / interval if hours is not None and interval else math.inf
    return max(1, math.ceil(fits)) if math.isfinite(fits) else None


def _telling(figures: list[Asked], drug: str) -> list[Asked]:
    """Return the figures that tell an amount of the drug: how fast a bag runs says nothing beside the dose in it.

    A drug that is dosed by the day is told by its rate, another one by its dose.
    """
    telling = [one for one in figures if _is_amount(one)] or figures[:1]
    by_rate = "/" in signal(drug).unit
    leads = any(one.is_rate == by_rate for one in telling)
    return [replace(one, beside=leads and one.is_rate != by_rate) for one in telling]


def _is_amount(asked: Asked) -> bool:
    """Whether a figure may be of the drug itself, and not of the volume that it is in."""
    counted = asked.unit.partition("/")[0].casefold()
    return asked.amount is not None and bool(counted) and f"{counted}/h" not in unreadable_units()


def _figures(part: Json) -> Iterator[tuple[float | None, str, bool]]:
    """Yield each figure of a dose and rate: its amount, its unit, and whether it is a rate."""
    for name in ("dose", "rate"):
        found = as_object(part.get(f"{name}Range"))
        for one in (part.get(f"{name}Quantity"), found.get("low"), found.get("high")):
            quantity = as_object(one)
            if quantity:
                # A dose "below 560 mg" is none: FHIR allows no comparator here.
                amount = None if "comparator" in quantity else _number(quantity.get("value"))
                yield amount, _unit(quantity), name == "rate"
    ratio = as_object(part.get("rateRatio"))
    above, below = as_object(ratio.get("numerator")), as_object(ratio.get("denominator"))
    value, per = _number(above.get("value")), _number(below.get("value")) or 1.0
    if value is not None:
        yield value / per, f"{_unit(above)}/{_unit(below)}", True


def _unit(quantity: Json) -> str:
    said = clean(quantity.get("code")) or clean(quantity.get("unit")) or ""
    return _OF_24_H.sub("/24h", said)


def _interval(dosage: Json, repeat: Json) -> float | None:
    period, often = _hours(repeat.get("period"), repeat.get("periodUnit")), _number(repeat.get("frequency"))
    most = _number(repeat.get("frequencyMax")) or often or 1.0
    if period is not None and most > 0:
        return period / most
    coding = as_list(as_object(as_object(dosage.get("timing")).get("code")).get("coding"))
    said = str(as_object(next(iter(coding), None)).get("code", "")).upper()
    every = _EVERY.fullmatch(said)
    return float(every[1]) if every and float(every[1]) else timing_hours().get(said)


def _hours(value: Any, unit: Any) -> float | None:
    number, hours = _number(value), _UNIT_H.get(unit) if isinstance(unit, str) else None
    return None if number is None or hours is None else number * hours


def _number(value: Any) -> float | None:
    """Return a number that can be reckoned with; a text may say infinity, or that it is none."""
    number = as_number(value)
    return number if number is not None and math.isfinite(number) else None


def in_units_of(drug: str, asked: Asked, who: Person) -> float | None:
    """Return how much an order asks for in the unit that the drug is dosed in; None where that cannot be told.

    A drug that is dosed by the day (blinatumomab) is told by the day.
    """
    if asked.amount is None:
        return None
    of = signal(drug)
    by_day = "/" in of.unit
    unit, factor = asked.unit, 1.0
    if asked.by_surface:
        if who.bsa_m2 is None:
            return None
        unit, factor = asked.plain_unit, who.bsa_m2
    if by_day and not asked.is_rate:
        hours = asked.lasts_h or asked.interval_h
        if hours is None:
            return None
        unit, factor = f"{unit}/h", factor / hours
    conversion = conversion_of(of, unit, unreadable_units()) if unit else None
    if conversion is None or conversion.unreadable or (conversion.weight_op and who.weight_kg is None):
        return None
    by_weight = conversion.weight_op == WEIGHT_MULTIPLY
    return asked.amount * factor * conversion.factor * ((who.weight_kg or 1.0) if by_weight else 1.0)


def a_day(asked: Asked, amount: float) -> float | None:
    """Return what an order of doses adds up to in a day; None where it does not say how often."""
    return None if asked.interval_h is None else amount * _DAY_H / asked.interval_h
