"""The case tables: for which facts a rule speaks up, at, under and over each of its bounds. They are the docs' rule book too."""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tocsin.knowledge.conditions import Value, facts
from tocsin.knowledge.rules import Rule, advice

FOLDER = Path(__file__).parent / "cases"
ANSWER = {"yes": True, "no": False, "open": None}
NOT_FACTS = {"says", "ask", "why"}
SET_STEP, FINE = 1, 0.2  # how near under and over a bound a case must be: one for counts and grades


@dataclass(frozen=True)
class Case:
    """One line of a table, for one rule."""

    rule: Rule
    given: dict[str, Value]
    says: str
    ask: tuple[str, ...]


def value(name: str, cell: Any) -> Value:
    """A cell as a fact: sets may be written as one number."""
    if facts()[name].type == "set":
        return frozenset(cell) if isinstance(cell, list) else frozenset({cell})
    return cell


def acts(table: dict[str, Any]) -> list[Rule]:
    """The rules of a table; of a rule with several acts the one of its kind."""
    kind = table.get("kind")
    found = [row for row in advice() if row.id in table["rules"] and kind in (None, row.kind)]
    assert sorted(row.id for row in found) == sorted(table["rules"]), table["title"]
    return found


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.toml")):
        for table in tomllib.loads(path.read_text("utf-8"))["table"]:
            for rule in acts(table):
                for line in table["cases"]:
                    cells = {**table.get("given", {}), **line}
                    given = {name: value(name, cell) for name, cell in cells.items() if name not in NOT_FACTS}
                    yield Case(rule, given, line["says"], tuple(line.get("ask", ())))


CASES = list(cases())
CONSENSUS = [row for row in advice() if row.pack == "consensus"]


def of(rule: Rule) -> list[Case]:
    return [case for case in CASES if case.rule == rule]


def bounds(rule: Rule) -> set[tuple[str, float]]:
    """Each number that the precondition compares a fact with."""
    found: set[tuple[str, float]] = set()
    assert rule.when
    for node in ast.walk(ast.parse(rule.when.text, mode="eval")):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for left, right in pairwise(sides):
                name, number = (left, right) if isinstance(left, ast.Name) else (right, left)
                if isinstance(name, ast.Name) and isinstance(number, ast.Constant | ast.Tuple):
                    among: Any = ast.literal_eval(number)
                    among = among if isinstance(among, tuple) else (among,)
                    found |= {(name.id, each) for each in among if not isinstance(each, str)}
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule.id}-{case.rule.kind}-{case.says}")
def test_a_rule_speaks_up_as_the_table_says(case: Case) -> None:
    assert case.rule.when
    found = case.rule.when.evaluate(case.given)
    assert found.value is ANSWER[case.says], (case.rule.when.text, case.given, found)
    if case.ask:
        assert found.missing == case.ask


@pytest.mark.parametrize("rule", CONSENSUS, ids=lambda rule: f"{rule.id}-{rule.kind}")
def test_every_rule_has_a_yes_and_a_no(rule: Rule) -> None:
    assert {case.says for case in of(rule)} >= {"yes", "no"}


@pytest.mark.parametrize(
    "rule", [rule for rule in CONSENSUS if bounds(rule)], ids=lambda rule: f"{rule.id}-{rule.kind}"
)
def test_every_bound_is_tried_at_it_and_close_to_either_side(rule: Rule) -> None:
    tried: dict[str, set[float]] = {}
    for case in of(rule):
        for name, cell in case.given.items():
            if isinstance(cell, frozenset):
                tried.setdefault(name, set()).update(cell if len(cell) == 1 else ())
            elif isinstance(cell, int | float) and not isinstance(cell, bool):
                tried.setdefault(name, set()).add(cell)
    for name, bound in bounds(rule):
        whole = facts()[name].type == "set" or not facts()[name].unit
        step = SET_STEP if whole else FINE
        values = tried.get(name, set())
        assert bound in values, (name, bound)
        assert bound == 0 or any(bound - step <= each < bound for each in values), (name, bound, "below")
        assert any(bound < each <= bound + step for each in values), (name, bound, "above")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule.id}-{case.rule.kind}-{case.says}")
def test_forgetting_a_fact_opens_an_answer_and_never_turns_it(case: Case) -> None:
    """Unknown inputs widen: without a fact the answer is the same or open, but for rules that ask what is unknown."""
    assert case.rule.when
    before = case.rule.when.evaluate(case.given).value
    for name in case.given:
        if f"unknown({name})" not in case.rule.when.text:
            less = {other: cell for other, cell in case.given.items() if other != name}
            assert case.rule.when.evaluate(less).value in (before, None), name


def test_every_word_of_a_table_is_a_fact_or_a_word_of_the_tables() -> None:
    assert {name for case in CASES for name in case.given} <= set(facts())
