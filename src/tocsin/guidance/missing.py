"""What is missing to decide: words against each other, an open grade, no weight, and the facts that acts wait for."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from tocsin.engines.queries import question_of
from tocsin.guidance.advice import GradeNow, Item
from tocsin.guidance.facts import Missing
from tocsin.guidance.situation import Situation
from tocsin.knowledge.causes import cause_words
from tocsin.knowledge.conditions import Value, facts
from tocsin.knowledge.rules import rule

_ACTS: Final = ("stop", "hold", "treat", "caution")  # what an open fact is worth asking for
# Facts that follow from others: what is asked for is what they follow from.
_SEVERITY: Final = ("severe", "mild", "managed_as_severe")
_SUSPICION: Final = ("suspected", "fever_on_record")
_DRUGS: Final = (
    "tocilizumab",
    "glucocorticoids",
    "blinatumomab",
    "haplo",
    "persistent",
)  # topics that say what to give


def grade_now(situation: Situation) -> GradeNow:
    scale, grades = situation.facts["scale"], situation.facts["grade"]
    if not isinstance(scale, str) or not isinstance(grades, frozenset):
        return GradeNow(None, ())
    found = tuple(sorted(int(one) for one in grades))
    row = situation.chart.row
    ask = question_of(row, scale) if len(found) > 1 and row is not None and situation.chart.active else ""
    return GradeNow(scale, found, settled_by=ask)


def missing(situation: Situation, items: Sequence[Item], pack: str = "consensus") -> Iterator[Missing]:
    """Yield what stands against itself, what leaves the grade or a dose open, and the facts that leave an act open."""
    if situation.facts["dead"] is True:
        yield Missing("nothing", "a death is on record: no advice is given")
        return
    yield from situation.doubts
    grade = grade_now(situation)
    if len(grade.grades) > 1:
        listed = " or ".join(map(str, grade.grades))
        yield Missing(
            f"what decides the grade, {listed}", grade.settled_by or "the scale's own text leaves it open"
        )
    yield from (one for one in situation.person.doubts if _asks_for_weight(items) or "weigh again" in one.why)
    if any("body surface" in remark for item in items for remark in item.remarks):
        yield Missing(
            "height", "no dose by body surface is worked out without it, or without the area itself"
        )
    if pack != "label":
        yield from _without_guidance(situation, items)
    elif not items:
        yield Missing(
            "what the label says",
            "no row of a label holds: its product is not named on record, or not known here; silence permits nothing",
        )
    own = [item for item in items if item.pack == "consensus"]
    for fact, ids in _open_facts(own or items, situation.facts).items():
        yield Missing(facts()[fact].ask.rstrip("."), f"leaves open {', '.join(ids)}")


def _asks_for_weight(items: Sequence[Item]) -> bool:
    return any("weight" in item.text.lower() or "weight_kg" in item.undecided for item in items)


def _open_facts(items: Sequence[Item], facts_now: Mapping[str, Value]) -> Mapping[str, list[str]]:
    """Return the unknown facts that leave an act open, each with the rules that wait for it."""
    found: dict[str, list[str]] = {}
    for item in items:
        for fact in item.undecided if item.kind in _ACTS and item.urgency != "routine" else ():
            for root in _roots(fact, facts_now):
                found.setdefault(root, []).append(item.id)
    return MappingProxyType({fact: list(dict.fromkeys(ids)) for fact, ids in found.items()})


def _roots(fact: str, facts_now: Mapping[str, Value]) -> tuple[str, ...]:
    """Return what to ask for in place of a fact; nothing for the grade and the weight, which are asked for in better words."""
    if fact in ("grade", "weight_kg"):
        return ()
    if fact not in _SEVERITY:
        return ("fever_now",) if fact in _SUSPICION else (fact,)
    grades = facts_now["grade"]
    open_two = isinstance(grades, frozenset) and 2 in grades and facts_now["severe"] is None
    by_word = open_two and facts_now["treat_as_severe"] is None
    worse = fact != "severe" and facts_now["deteriorating_on_symptomatic_care"] is None
    return (
        *(["treat_as_severe"] if by_word else []),
        *(["deteriorating_on_symptomatic_care"] if worse else []),
    )


def _without_guidance(situation: Situation, items: Sequence[Item]) -> Iterator[Missing]:
    """Yield that nobody says what to give, where CRS is severe and no rule speaks of its cause."""
    told = any(item.kind == "treat" and rule(item.id).topic in _DRUGS for item in items)
    cause = cause_words().get(situation.therapy.cause or "")
    now = situation.facts
    if (
        now["episode_active"]
        and now["managed_as_severe"] is True
        and not now["treated"]
        and not told
        and cause
    ):
        yield Missing(
            f"what to give in severe CRS after this cause ({cause.name})",
            "the source texts have no section on it: ask an expert, and look into the label",
        )
