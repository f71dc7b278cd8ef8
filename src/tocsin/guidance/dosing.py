"""Doses worked out for one person, the arithmetic shown; refused without a plausible weight, and never above a cap."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.guidance.person import Person
from tocsin.knowledge.dosing import Dose, dose, doses

_MICROGRAMS = ("ug/d", "ug/day", "mcg/d", "mcg/day", "mcg/24h", "ug", "mcg")


@dataclass(frozen=True, slots=True)
class WorkedDose:
    """One dose as it is given. `amount` is one dose (or the day's, where `per` says day); `amount_to` the far end of a range."""

    id: str
    drug: str
    amount: float
    unit: str
    route: str
    interval_h: float | None
    arithmetic: str
    amount_to: float | None
    per: str
    max_days: float | None
    taper_days: float | None
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no dose is worked out."""

    id: str
    drug: str
    why: str


def choose(ids: Sequence[str], who: Person) -> tuple[Dose, ...]:
    """Return the doses whose weight bounds hold the person; all of them where the weight is unknown."""
    known = [dose(id) for id in ids]
    return tuple(one for one in known if who.weight_kg is None or _fits(one, who.weight_kg))


def _fits(one: Dose, weight: float) -> bool:
    """A lower bound is itself inside, an upper one outside."""
    return (one.from_kg is None or weight >= one.from_kg) and (one.below_kg is None or weight < one.below_kg)


def work_out(id: str, who: Person) -> WorkedDose | Refusal:
    """Return one dose for a person, or why not."""
    known = dose(id)
    if needs_weight(known) and who.weight_kg is None:
        doubt = next((one.why for one in who.doubts if one.what == "weight"), "")
        return Refusal(id, known.drug, doubt or "no usable weight on record")
    if who.weight_kg is not None and not _fits(known, who.weight_kg):
        return Refusal(id, known.drug, f"{who.weight_kg:g} kg is not in the band of this dose")
    if who.child and known.fixed is not None and not needs_weight(known):
        return Refusal(
            id, known.drug, "the source text gives one fixed amount and does not speak of children"
        )
    if known.per_m2 is not None and who.bsa_m2 is None:
        return Refusal(
            id, known.drug, "no body surface area: it takes a height and a weight, or the area itself"
        )
    return _worked(known, who)


def needs_weight(one: Dose) -> bool:
    """Return whether a dose goes by the weight, in its amount or its band."""
    return one.per_kg is not None or one.from_kg is not None or one.below_kg is not None


def _worked(known: Dose, who: Person) -> WorkedDose:
    amount, said = _amount(known, who)
    surface = f"body surface {who.bsa_said}" if known.per_m2 is not None and who.bsa_said else ""
    ranged = known.fixed_to is not None and known.fixed_to > amount
    return WorkedDose(
        id=known.id,
        drug=known.drug,
        amount=_plain(amount),
        unit=known.unit,
        route=known.route,
        interval_h=known.interval_h,
        arithmetic="; ".join(
            filter(None, (surface, _arithmetic(known, said, known.fixed_to if ranged else None)))
        ),
        amount_to=known.fixed_to if ranged else None,
        per=known.per,
        max_days=known.max_days,
        taper_days=known.taper_days,
        source=known.source,
        confidence=known.confidence,
    )


def _plain(amount: float) -> float:
    """Return a product without the dust of binary arithmetic; nothing else is rounded."""
    return round(amount, 6)


def _amount(known: Dose, who: Person) -> tuple[float, str]:
    """Return the amount under its cap, and how it comes about."""
    if known.per_kg is not None and who.weight_kg is not None:
        raw, said = known.per_kg * who.weight_kg, f"{known.per_kg:g} {known.unit}/kg x {who.weight_kg:g} kg"
    elif known.per_m2 is not None and who.bsa_m2 is not None:
        raw, said = known.per_m2 * who.bsa_m2, f"{known.per_m2:g} {_per_m2(known.unit)} x {who.bsa_m2:.3f} m2"
    else:
        raw, said = known.fixed or 0.0, ""
    cap = known.cap
    if cap is not None and raw > cap:
        return cap, f"{said} = {_figure(raw)} {known.unit}, capped at {cap:g} {known.unit}"
    return raw, f"{said} = {_figure(raw)} {known.unit}" if said else ""


def _per_m2(unit: str) -> str:
    amount, _, time = unit.partition("/")
    return f"{amount}/m2/{time}" if time else f"{amount}/m2"


def _figure(value: float) -> str:
    return f"{value:.6g}" if value < 1000 else f"{value:.7g}"


def _arithmetic(known: Dose, said: str, ceiling: float | None) -> str:
    """Return the whole arithmetic in words: the amount, the range, how often, what a day adds up to, for how long."""
    parts = [said or f"{known.fixed or 0:g} {known.unit}, fixed"]
    if ceiling is not None:
        parts.append(f"range to {ceiling:g} {known.unit} a day")
    if known.infuse_h:
        parts.append(f"over {known.infuse_h:g} h")
    if known.interval_h and known.per == "dose" and known.max_per_day:
        parts.append(f"every {known.interval_h:g} h, at most {known.max_per_day:g} {known.unit} a day")
    elif known.interval_h and known.max_doses:
        parts.append(
            f"not within {known.interval_h:g} h of the last, at most {known.max_doses} in an episode"
        )
    if known.max_days:
        parts.append(f"up to {known.max_days:g} days")
    if known.taper_days:
        parts.append(f"then a taper over {known.taper_days:g} days")
    return "; ".join([*parts, "not rounded"] if said else parts)


def taper_calendar(id: str, start: datetime) -> tuple[tuple[datetime, datetime, str], ...]:
    """Return the days of a course from its first dose: (from, to, what), the full dose and then the taper."""
    known = dose(id)
    full, taper = known.max_days or 0, known.taper_days or 0
    end = start + timedelta(days=full)
    calendar = [(start, end, "full dose")]
    calendar += [
        (end + timedelta(days=day), end + timedelta(days=day + 1), f"taper, day {day + 1} of {taper:g}")
        for day in range(int(taper))
    ]
    return tuple(calendar)


def refuse_order(drug: str, amount: float, unit: str) -> str:
    """Return why an order must not be given: a unit a thousandfold off, or more than any dose of the guidance; else nothing."""
    known = [one for one in doses().values() if one.drug == drug]
    if not known:
        return ""
    written = unit.strip().casefold().replace("µg", "ug").replace("μg", "ug")
    micrograms = any(one.unit.startswith("ug") for one in known)
    if micrograms and written not in _MICROGRAMS:
        return f"{drug} is dosed in micrograms: an order in {unit or 'no unit'} is refused"
    most = max((one.cap or one.fixed or 0) for one in known)
    if amount > most > 0:
        return f"{amount:g} {unit} of {drug} is more than {most:g} {known[0].unit}, the most that the guidance names"
    return ""
