"""Facts and conditions in words: why an item is there, and what would have to hold for an open one."""

import re
from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import Final

from tocsin.guidance.situation import Situation
from tocsin.knowledge.conditions import Value, facts

_SIGNS: Final = MappingProxyType(
    {
        ">=": "is at least",
        "<=": "is at most",
        ">": "is more than",
        "<": "is under",
        "==": "is",
        "!=": "is not",
        "not in": "is none of",
        "in": "is one of",
    }
)
_COMPARED: Final = re.compile(r"^(\w+) (>=|<=|==|!=|not in|in|>|<) (.+)$")


def name_of(fact: str) -> str:
    """Return a fact's name as it is said."""
    unit = facts()[fact].unit if fact in facts() else ""
    short = {"kg": "_kg", "m2": "_m2", "cm": "_cm", "a": "_y", "ug/d": "_ug_per_day"}.get(unit, "")
    return fact.removesuffix(short).replace("_", " ") if short else fact.replace("_", " ")


def because(names: Iterable[str], situation: Situation) -> Iterator[str]:
    """Yield the facts that made a rule hold, with their values."""
    for name in names:
        yield f"{name_of(name)}: {value_words(name, situation.facts.get(name))}"


def value_words(name: str, value: Value) -> str:
    """Return a value as people say it."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return "not named" if name == "product" else " or ".join(sorted(map(str, value)))
    if isinstance(value, str):
        return value.replace("_", " ")
    unit = facts()[name].unit if name in facts() else ""
    return f"{value:.4g} {unit}".strip()


def condition_words(parts: Sequence[str]) -> str:
    """Return open comparisons as a clause: `severe, and weight under 30 kg`."""
    return ", and ".join(" or ".join(_part(one) for one in part.split(" or ")) for part in parts)


def _part(text: str) -> str:
    """Return one comparison in words."""
    negated = text.removeprefix("not ")
    known = facts().get(negated)
    if known is not None:
        said = known.yes if negated == text else known.no
        return said or f"{'' if negated == text else 'not '}{name_of(negated)}"
    found = _COMPARED.match(text)
    if found is None or found[1] not in facts():
        return text.replace("_", " ")
    unit = facts()[found[1]].unit
    value = found[3].strip("()").replace("'", "").replace("_", " ").rstrip(",")
    if value == "none" and found[2] in ("==", "!="):
        return f"there is {'no ' if found[2] == '==' else ''}{name_of(found[1])}"
    return f"the {name_of(found[1])} {_SIGNS[found[2]]} {value} {unit}".strip()
