"""The rules of the guidance: rows of `guidance/<topic>.toml` and of the product labels, checked as they are read."""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from tocsin.errors import UserError
from tocsin.knowledge import _files
from tocsin.knowledge.conditions import Condition, parse
from tocsin.knowledge.dosing import clocks, doses
from tocsin.knowledge.labels import label_rows

FOLDER: Final = _files.FOLDER / "guidance"
# Files beside the rules that hold something else.
_NO_RULES: Final = ("facts", "dosing", "clocks", "cutoffs", "situation", "PROVENANCE")

# What a row does: advice is judged for a patient; of the other roles `lives` names the file that does it, and none does nothing.
ROLES: Final = (
    "advice",
    "dosing",
    "clock",
    "calculation",
    "audit",
    "grading",
    "resolution",
    "coding",
    "patient",
    "record",
    "none",
)
# In the order that items of one urgency are read in.
KINDS: Final = ("stop", "hold", "treat", "caution", "work_up", "monitor", "differential", "inform")
URGENCIES: Final = ("now", "soon", "routine")
STRENGTHS: Final = (
    "GRADE-2B",
    "SHOULD",
    "SUGGEST",
    "MAY",
    "UNPROVEN",
    "EXPERT",
    "DEF",
    "FACT",
    "LABEL",
    "interpretation",
    "external",
)
PACKS: Final = ("consensus", "label")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Advice has `when`, `kind` and `urgency`; of several doses the weight picks one; `item` names the
    signals that tick the row off. A rule that asks for different acts in different states has them as `cases`,
    each a whole rule under the same id, and no `when` of its own. A row of a label has its `product`, the `jurisdiction` it
    was read in if not the US label, the parts that are only `recalled`, and the `cell` of the reference table it comes from.
    """

    id: str
    topic: str
    text: str
    role: str
    when: Condition | None = None
    kind: str = ""
    urgency: str = ""
    dose: tuple[str, ...] = ()
    clock: str = ""
    item: tuple[str, ...] | None = None
    strength: str
    source: tuple[str, ...]
    section: str = ""
    confidence: str
    pack: str = "consensus"
    conflicts: tuple[str, ...] = ()
    lives: tuple[str, ...] = ()
    no_logic: str = ""
    product: str = ""
    jurisdiction: str = ""
    recalled: tuple[str, ...] = ()
    cell: tuple[str, ...] = ()
    cases: tuple["Rule", ...] = ()


@cache
def rules() -> MappingProxyType[str, Rule]:
    """Every rule by id, the consensus first."""
    found: dict[str, Rule] = {}
    for topic, row in _rows():
        rule = _rule(topic, row)
        if rule.id in found:
            raise UserError(f"{topic}.toml: rule {rule.id} is there twice")
        found[rule.id] = rule
    return MappingProxyType(found)


def rule(id: str) -> Rule:
    """One rule by its id. Raises UserError for an unknown id, naming the nearest."""
    if id not in rules():
        _files.unknown("rule", id, rules())
    return rules()[id]


def advice() -> tuple[Rule, ...]:
    """What is judged for a patient: each row of advice, or its cases in its place."""
    rows = [row for row in rules().values() if row.role == "advice"]
    return tuple(case for row in rows for case in (row.cases or (row,)))


def packs() -> MappingProxyType[str, tuple[Rule, ...]]:
    """The rules of each pack."""
    return MappingProxyType(
        {name: tuple(row for row in rules().values() if row.pack == name) for name in PACKS}
    )


@cache
def rule_tests() -> MappingProxyType[str, tuple[str, ...]]:
    """The test files that name each rule, as `scripts/build_rule_tests.py` found them."""
    found: dict[str, tuple[str, ...]] = {}
    for row in _files.csv_rows("guidance/tests.csv"):
        found[row["id"]] = (*found.get(row["id"], ()), row["test"])
    return MappingProxyType(found)


def _rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row with its topic, those of the labels last."""
    for path in sorted(FOLDER.glob("*.toml")):
        if path.stem not in _NO_RULES:
            for row in tomllib.loads(path.read_text("utf-8")).get("rule", ()):
                yield path.stem, row
    yield from (("labels", row) for row in label_rows())


def _rule(topic: str, row: Mapping[str, Any]) -> Rule:
    name = f"{topic}.toml: rule {row.get('id', '?')}"
    whole = {key: value for key, value in row.items() if key != "case"}
    try:
        cases = tuple(_checked(topic, {**whole, **case}) for case in row.get("case", ()))
        return replace(_made(topic, whole), cases=cases) if cases else _checked(topic, whole)
    except TypeError as error:
        raise UserError(f"{name}: {str(error).removeprefix('Rule.__init__() ')}") from None
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def _checked(topic: str, row: Mapping[str, Any]) -> Rule:
    rule = _made(topic, row)
    for wrong in _faults(rule):
        raise UserError(wrong)
    return rule


def _made(topic: str, row: Mapping[str, Any]) -> Rule:
    """The row as a rule: its cells that are not plain text as they are kept."""
    several = ("dose", "item", "source", "conflicts", "lives", "recalled", "cell")
    cells: dict[str, Any] = {**row, "topic": topic}
    cells |= {key: _several(row[key]) for key in several if key in row}
    cells |= {"when": parse(row["when"])} if "when" in row else {}
    return Rule(**cells)


def _several(cell: str | Iterable[str]) -> tuple[str, ...]:
    return (cell,) if isinstance(cell, str) else tuple(cell)


def _faults(rule: Rule) -> Iterable[str]:
    closed = (
        ("role", rule.role, ROLES),
        ("strength", rule.strength, STRENGTHS),
        ("pack", rule.pack, PACKS),
        ("kind", rule.kind or "inform", KINDS),
        ("urgency", rule.urgency or "routine", URGENCIES),
        *(("dose", one, tuple(doses())) for one in rule.dose),
        ("clock", rule.clock or next(iter(clocks())), tuple(clocks())),
    )
    yield from (
        f"{cell} {word!r} is none of {', '.join(known)}" for cell, word, known in closed if word not in known
    )
    yield from (what for what, wrong in _SHAPES.items() if wrong(rule))


_SHAPES: Final[Mapping[str, Callable[[Rule], bool]]] = MappingProxyType(
    {
        "advice needs when, kind and urgency": lambda rule: (
            rule.role == "advice" and not (rule.when and rule.kind and rule.urgency)
        ),
        "only advice has when, kind and urgency": lambda rule: (
            rule.role != "advice" and bool(rule.when or rule.kind or rule.urgency)
        ),
        "a row with logic that is not advice needs lives": lambda rule: (
            rule.role not in ("advice", "none") and not rule.lives
        ),
        "a row without logic, and only such a row, says why in no_logic": lambda rule: (
            (rule.role == "none") != bool(rule.no_logic)
        ),
    }
)
