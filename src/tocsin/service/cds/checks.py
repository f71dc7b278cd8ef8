"""An order against the guidance: what is wrong with its dose, interval or count, and which rules speak against it now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tocsin.guidance.advice import Advice, Item
from tocsin.guidance.dosing import Refusal, WorkedDose, choose, refuse_order, work_out
from tocsin.guidance.person import Person
from tocsin.knowledge.cds import Against, Indicator, against, checks, order_rules
from tocsin.knowledge.dosing import Dose, doses
from tocsin.knowledge.drugs import glucocorticoids
from tocsin.knowledge.rules import rule
from tocsin.knowledge.signals import signal
from tocsin.report.labels import unit_name
from tocsin.service.cds.orders import Asked, Order, a_day, in_units_of
from tocsin.service.patients import PatientState

_NOT_TOLD: Final = "The order does not tell a dose that can be compared: check it by hand."


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about an order that somebody should know, and the rule that it rests on."""

    indicator: Indicator
    text: str
    rule: str = ""
    dose: WorkedDose | None = None  # what the guidance works out instead
    brief: str = ""  # the text without its arithmetic, where it has some


def check_order(order: Order, others: Sequence[Order], state: PatientState) -> list[Finding]:
    """Return what is to be said of an order; `others` are the drafts before it. Nothing where it has nothing to do with CRS."""
    advice = state.advice if _concerns(order, state) else None
    if advice is None and checks()[order.drug].only_with != "always":
        return []
    who = state.situation.person if state.situation is not None else Person()
    speaking = list(_rules_against(order, advice, who)) if advice is not None else []
    named = any(one.drug == order.drug for one in doses().values())
    expected = _expected(order.drug, advice, who) if advice is not None and named else None
    found = speaking
    for asked in order.dosages:
        found += _of_dose(order, asked, who, expected)
        found += _of_rhythm(order, asked, state)
    found += _doubled(order, others)
    if advice is not None and not found:
        found += _unlisted(order, advice)
    return list(dict.fromkeys(found))


def _concerns(order: Order, state: PatientState) -> bool:
    """Whether an order has to do with CRS: these drugs are given for much else."""
    if state.situation is None or state.advice is None:
        return False
    chart, therapy = state.situation.chart, state.situation.therapy
    match checks()[order.drug].only_with:
        case "episode":
            return chart.active
        case "therapy":
            return chart.active or therapy.in_window
        case _:
            return True


# --- rules that speak against it -----------------------------------------------------------------------------------------------


def _rules_against(order: Order, advice: Advice, who: Person) -> Iterator[Finding]:
    for speaks in against(order.drug):
        for item in advice.items:
            holds = (item.id, item.kind) == (speaks.rule, speaks.kind) and not item.condition
            if holds and not _waits(order, item) and not _is_spared(order, speaks, who):
                yield Finding(speaks.indicator, _said(item, advice), item.id)


def _waits(order: Order, item: Item) -> bool:
    """Whether an order starts only after the instant that a rule waits for."""
    return order.start is not None and item.not_before is not None and order.start >= item.not_before


def _is_spared(order: Order, speaks: Against, who: Person) -> bool:
    """Whether an order asks for just what the rule wants."""
    wanted = _worked(choose(speaks.spares, who), who) if speaks.spares else []
    return bool(wanted) and all(
        any(_is_near(amount, one) for one in wanted)
        for asked in order.dosages
        if (amount := in_units_of(order.drug, asked, who)) is not None
    )


def _said(item: Item, advice: Advice) -> str:
    if item.not_before is None:
        return item.text
    return (
        f"{item.text} Not before {item.not_before:%d %b %H:%M %Z}; doses so far: {advice.tocilizumab_doses}."
    )


# --- its dose --------------------------------------------------------------------------------------------------------------


def _expected(drug: str, advice: Advice, who: Person) -> list[WorkedDose]:
    """Return the doses that the guidance works out: those of the advice now, else all of the drug."""
    items = advice.of_kind("treat", "caution")
    advised = [item.dose for item in items if item.dose is not None and item.dose.drug == drug]
    if advised:
        return list({one.id: one for one in advised}.values())
    return _worked(choose([one.id for one in doses().values() if one.drug == drug], who), who)


def _worked(known: Sequence[Dose], who: Person) -> list[WorkedDose]:
    return [found for one in known if isinstance(found := work_out(one.id, who), WorkedDose)]


def _of_dose(
    order: Order, asked: Asked, who: Person, expected: Sequence[WorkedDose] | None
) -> Iterator[Finding]:
    """Yield what is wrong with a dose; without anything to compare it with only what is never right."""
    check, unit = checks()[order.drug], signal(order.drug).unit
    amount = in_units_of(order.drug, asked, who)
    written = (
        amount is None and asked.amount is not None
    )  # no amount of the drug: at least the unit may be told off
    refused = refuse_order(order.drug, amount or 0.0, asked.plain_unit if written else unit)
    if refused:
        yield Finding(check.over, _sentence(refused), check.over_rule, _only(expected or ()))
    elif expected is None or (amount is None and asked.beside):
        return
    elif amount is None:
        yield Finding("warning", _NOT_TOLD)
    elif not expected:
        why = _why_none(order.drug, who)
        yield Finding("warning", f"{order.name} {amount:g} {unit_name(unit)} cannot be compared: {why}.")
    elif not any(_fits(amount, asked, one) for one in expected):
        text, brief = (_compared(order, amount, unit, asked, expected, shown) for shown in (True, False))
        yield Finding("warning", text, check.over_rule, _only(expected), brief)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _only(expected: Sequence[WorkedDose]) -> WorkedDose | None:
    """Return the dose to put in its place: only where the guidance names just one, and no range."""
    return expected[0] if len(expected) == 1 and expected[0].amount_to is None else None


def _fits(amount: float, asked: Asked, one: WorkedDose) -> bool:
    """Whether an order asks for a dose; one that is told by the day is compared by the day."""
    if one.per == "day" and not one.unit.endswith("/d"):
        day = a_day(asked, amount)
        return day is not None and _is_near(day, one)
    return _is_near(amount, one)


def _is_near(amount: float, one: WorkedDose) -> bool:
    slack = order_rules().tolerance_percent / 100
    return one.amount * (1 - slack) <= amount <= (one.amount_to or one.amount) * (1 + slack)


def _compared(
    order: Order, amount: float, unit: str, asked: Asked, expected: Sequence[WorkedDose], arithmetic: bool
) -> str:
    often = "" if asked.interval_h is None else f" every {asked.interval_h:g} h"
    listed = " or ".join(
        f"{one.amount:g}{f' to {one.amount_to:g}' if one.amount_to else ''} {unit_name(one.unit)}"
        f"{' a day' if one.per == 'day' and not one.unit.endswith('/d') else ''}"
        f"{f' ({one.arithmetic})' if arithmetic else ''}"
        for one in expected
    )
    return f"{order.name} {amount:g} {unit_name(unit)}{often} is ordered; the guidance works out {listed}."


def _why_none(drug: str, who: Person) -> str:
    refusals = [work_out(one.id, who) for one in doses().values() if one.drug == drug]
    return next(one.why for one in refusals if isinstance(one, Refusal))


# --- how often -------------------------------------------------------------------------------------------------------------


def _of_rhythm(order: Order, asked: Asked, state: PatientState) -> Iterator[Finding]:
    """Yield where the interval or the count of an order itself is more than the guidance allows."""
    own = [one for one in doses().values() if one.drug == order.drug and one.per == "dose"]
    limits = [one for one in own if one.interval_h is not None]
    if not limits or state.situation is None:
        return
    least = min(one.interval_h for one in limits if one.interval_h is not None)
    if asked.interval_h is not None and asked.interval_h < least:
        text = f"{order.name} every {asked.interval_h:g} h is ordered: the guidance has {least:g} h between doses."
        yield Finding(checks()[order.drug].over, text, _interval_rule(order.drug))
    most = max((one.max_doses or 0 for one in limits if one.max_per_day is None), default=0)
    given = len(state.situation.treatment.tocilizumab) if state.situation.chart.active else 0
    if not most or order.drug in glucocorticoids():
        return
    if asked.count is not None and given + asked.count > most:
        text = f"{asked.count} doses are ordered after {given}: at most {most} in one episode."
        yield Finding("critical", text, order_rules().count_rule)
    elif asked.count is None and asked.interval_h is not None:
        text = f"{order.name} is ordered again and again without an end: at most {most} doses in one episode, {given} so far."
        yield Finding("warning", text, order_rules().count_rule)


def _interval_rule(drug: str) -> str:
    return order_rules().interval_rule if drug not in glucocorticoids() else checks()[drug].over_rule


def _doubled(order: Order, others: Sequence[Order]) -> Iterator[Finding]:
    """Yield where another draft of the same drug comes too near."""
    apart = [one.interval_h for one in doses().values() if one.drug == order.drug and one.max_per_day is None]
    least = min((one for one in apart if one is not None), default=None)
    if least is None or order.drug in glucocorticoids():
        return
    if any(_is_close(order.start, one.start, least) for one in others if one.drug == order.drug):
        text = f"{order.name} is among the draft orders twice: at least {least:g} h between doses."
        yield Finding("critical", text, order_rules().interval_rule)


def _is_close(one: datetime | None, other: datetime | None, hours: float) -> bool:
    if one is None or other is None:
        return True
    return abs(one - other) < timedelta(hours=hours)


def _unlisted(order: Order, advice: Advice) -> Iterator[Finding]:
    """Yield what the options are, where a glucocorticoid is ordered that is none of them; none is swapped for another."""
    if order.drug not in glucocorticoids():
        return
    options = [
        item
        for item in advice.of_kind("treat")
        if item.dose is not None and item.dose.drug in glucocorticoids()
    ]
    if options and all(item.dose is not None and item.dose.drug != order.drug for item in options):
        known = rule(order_rules().unswapped_rule)
        listed = " ".join(f"{item.text}" for item in options)
        yield Finding("info", f"{order.name} is none of the options named for this state. {listed}", known.id)
