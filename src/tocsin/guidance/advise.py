"""Judges every rule of the guidance for one patient at one instant: state in, advice out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from tocsin.errors import UserError
from tocsin.guidance import clocks, workup
from tocsin.guidance.advice import Advice, Due, Item
from tocsin.guidance.dosing import Refusal, WorkedDose, choose, taper_calendar, work_out
from tocsin.guidance.missing import grade_now, missing
from tocsin.guidance.situation import Situation, read_situation
from tocsin.guidance.words import because, condition_words
from tocsin.knowledge.conditions import Verdict
from tocsin.knowledge.rules import KINDS, URGENCIES, Rule
from tocsin.knowledge.rules import advice as advice_rules
from tocsin.records import Records

CHOICES: Final = ("consensus", "label", "both")
_RECALLED: Final = "Recalled: confirm against the current label."
_DOINGS: Final = ("stop", "hold", "treat")


def advise_records(records: Records, at: datetime | None = None, pack: str = "consensus") -> Advice:
    """Return what the guidance says of a subject at `at`, by default at the last record.

    `pack` is consensus (with what a label says otherwise beside it), label, or both. Raises UserError for an unknown pack, and
    where nothing is on record by then.
    """
    if pack not in CHOICES:
        raise UserError(f"pack {pack}: write one of {', '.join(CHOICES)}")
    return advise_situation(read_situation(records, at), pack)


def advise_situation(situation: Situation, pack: str = "consensus") -> Advice:
    """Return the advice of a situation."""
    dead = situation.facts["dead"] is True
    judged = [] if dead else _judge_all(situation)
    items = tuple(_items(judged, situation, pack))
    shown = {item.id for item in items}
    chart = situation.chart
    return Advice(
        subject_id=chart.subject_id,
        source_id=chart.source_id,
        at=chart.at.astimezone(chart.zone),
        cause=situation.therapy.cause,
        product=situation.therapy.product,
        grade=grade_now(situation),
        items=items,
        missing=tuple(missing(situation, items, pack)),
        next_looks=() if dead else tuple(_next_looks(situation)),
        tocilizumab_doses=len(situation.treatment.tocilizumab),
        more_in_label=sum(rule.pack == "label" and rule.id not in shown for rule, _ in judged),
    )


def _judge_all(situation: Situation) -> list[tuple[Rule, Verdict]]:
    """Return the rules that hold or are open, of both packs."""
    return [one for one in _judged(situation) if one[1].value is not False]


def _items(held: Sequence[tuple[Rule, Verdict]], situation: Situation, pack: str) -> list[Item]:
    """Return the items of the chosen pack, the most urgent first."""
    shown = [(rule, verdict) for rule, verdict in held if pack in ("both", rule.pack)]
    if pack == "consensus":
        own = {rule.id for rule, _ in shown}
        said = {id for rule, _ in shown for id in rule.conflicts}
        certain = [one for one in held if one[0].pack == "label" and one[1].value is True]
        shown += [one for one in certain if one[0].id in said or own & set(one[0].conflicts)]
    present = {rule.id for rule, _ in shown}
    items = [_item(rule, verdict, situation, present) for rule, verdict in shown]
    return sorted(_beside_each_other(items), key=_order)


def _judged(situation: Situation) -> Iterator[tuple[Rule, Verdict]]:
    """Yield each rule of advice with its verdict; a label speaks of its own product only."""
    for rule in advice_rules():
        if rule.product and rule.product != situation.therapy.product:
            continue
        if rule.when is not None:
            yield rule, rule.when.evaluate(situation.facts)


def _order(item: Item) -> tuple[int, int, str]:
    return URGENCIES.index(item.urgency), KINDS.index(item.kind), item.id


def _beside_each_other(items: Sequence[Item]) -> Iterator[Item]:
    """Yield the items; where one names another as saying otherwise, the other names it too."""
    named: dict[str, set[str]] = {}
    for item in items:
        for other in item.beside:
            named.setdefault(other, set()).add(item.id)
    for item in items:
        beside = tuple(sorted({*item.beside, *named.get(item.id, ())} - {item.id}))
        yield item if beside == item.beside else replace(item, beside=beside)


def _item(rule: Rule, verdict: Verdict, situation: Situation, present: set[str]) -> Item:
    worked, refusals = _dose(rule, situation)
    open_parts = (
        rule.when.open_parts(situation.facts) if verdict.value is None and rule.when is not None else ()
    )
    return Item(
        id=rule.id,
        kind=rule.kind,
        urgency=rule.urgency,
        rule_text=rule.text,
        condition=condition_words(open_parts),
        remarks=tuple(_remarks(rule, refusals)),
        dose=worked,
        **_times(rule, situation),
        strength=rule.strength,
        source=rule.source,
        confidence=rule.confidence,
        pack=rule.pack,
        why=tuple(because(verdict.because, situation)),
        undecided=verdict.missing,
        beside=tuple(id for id in rule.conflicts if id in present),
        check=workup.check(rule.item, situation),
        calendar=_calendar(worked, situation),
        jurisdiction=rule.jurisdiction,
    )


def _remarks(rule: Rule, refusals: Sequence[Refusal]) -> Iterator[str]:
    """Yield why no dose was worked out, and whether the rule is only recalled."""
    if refusals:
        yield f"No dose worked out: {'; '.join(dict.fromkeys(one.why for one in refusals))}."
    if (rule.confidence == "recalled" or rule.recalled) and "current label" not in rule.text:
        yield _RECALLED


def _times(rule: Rule, situation: Situation) -> dict[str, datetime | None]:
    """Return the bounds of a rule's clock that lie ahead: of an act the earliest, of a look when it matters."""
    clock = clocks.read_clock(rule.clock, situation) if rule.clock else None
    if clock is None:
        return {}
    zone, now = situation.chart.zone, situation.chart.at
    ahead = [
        None if one is None or one <= now else one.astimezone(zone) for one in (clock.earliest, clock.latest)
    ]
    return {"not_before" if rule.kind in _DOINGS else "due_from": ahead[0], "due_by": ahead[1]}


def _dose(rule: Rule, situation: Situation) -> tuple[WorkedDose | None, list[Refusal]]:
    """Return the dose of a rule, or why none is worked out."""
    found = [work_out(one.id, situation.person) for one in choose(rule.dose, situation.person)]
    worked = [one for one in found if isinstance(one, WorkedDose)]
    refused = [one for one in found if isinstance(one, Refusal)]
    return (worked[0] if worked and not refused else None), refused


def _calendar(worked: WorkedDose | None, situation: Situation) -> tuple[tuple[datetime, datetime, str], ...]:
    """Return the days of a course with a taper, from the first dose on record, else from now."""
    if worked is None or not worked.taper_days:
        return ()
    start = min(situation.treatment.glucocorticoid, default=situation.chart.at)
    return taper_calendar(worked.id, start.astimezone(situation.chart.zone))


def _next_looks(situation: Situation) -> Iterator[Due]:
    for reading in clocks.next_reassessments(situation):
        if reading.earliest is not None and situation.chart.active:
            yield Due(reading.earliest.astimezone(situation.chart.zone), reading.id, reading.text)
