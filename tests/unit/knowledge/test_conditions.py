"""The language of preconditions: what is refused and how, and three answers: yes, no, open."""

import ast
from typing import Any

import pytest

from tocsin.errors import UserError
from tocsin.knowledge.causes import causes
from tocsin.knowledge.conditions import Verdict, facts, parse
from tocsin.knowledge.products import products
from tocsin.knowledge.signals import signal_ids
from tocsin.knowledge.vocabulary import HYPOTENSION, OXYGEN, SCALES


def grades(*members: int) -> frozenset[int]:
    return frozenset(members)


# precondition, facts, value, decided by, left open by
TABLE: list[tuple[str, dict[str, Any], bool | None, tuple[str, ...], tuple[str, ...]]] = [
    ("severe", {"severe": True}, True, ("severe",), ()),
    ("severe", {"severe": False}, False, ("severe",), ()),
    ("severe", {}, None, (), ("severe",)),
    ("not severe", {"severe": False}, True, ("severe",), ()),
    ("not severe", {"severe": None}, None, (), ("severe",)),
    ("weight_kg < 30", {"weight_kg": 29.9}, True, ("weight_kg",), ()),
    ("weight_kg < 30", {"weight_kg": 30.0}, False, ("weight_kg",), ()),
    ("30 > weight_kg", {"weight_kg": 29.9}, True, ("weight_kg",), ()),
    ("weight_kg <= 30", {"weight_kg": 30}, True, ("weight_kg",), ()),
    ("weight_kg != 30", {"weight_kg": 30}, False, ("weight_kg",), ()),
    ("8 <= onset_hours <= 24", {"onset_hours": 8}, True, ("onset_hours",), ()),
    ("8 <= onset_hours <= 24", {"onset_hours": 24.1}, False, ("onset_hours",), ()),
    ("8 <= onset_hours <= 24", {}, None, (), ("onset_hours",)),
    ("cause == 'car_t'", {"cause": "car_t"}, True, ("cause",), ()),
    ("cause != 'car_t'", {"cause": "car_t"}, False, ("cause",), ()),
    ("cause in ('car_t', 'tcr_t')", {"cause": "tcr_t"}, True, ("cause",), ()),
    ("cause not in ('car_t', 'tcr_t')", {"cause": "other"}, True, ("cause",), ()),
    ("cause in ('car_t', 'tcr_t')", {"cause": None}, None, (), ("cause",)),
    # a set answers for all of its members, or stays open
    ("grade >= 3", {"grade": grades(3, 4)}, True, ("grade",), ()),
    ("grade >= 3", {"grade": grades(1, 2)}, False, ("grade",), ()),
    ("grade >= 3", {"grade": grades(2, 3)}, None, (), ("grade",)),
    ("grade in (3, 4)", {"grade": grades(3, 4)}, True, ("grade",), ()),
    ("grade == 3", {"grade": grades(3, 4)}, None, (), ("grade",)),
    ("grade != 3", {"grade": grades(2, 4)}, True, ("grade",), ()),
    ("grade >= 3", {"grade": frozenset()}, None, (), ("grade",)),
    # and, or: one decisive part is enough, whatever is unknown beside it
    ("severe and mild", {"severe": False}, False, ("severe",), ()),
    ("severe and mild", {"severe": True}, None, (), ("mild",)),
    ("severe and mild", {}, None, (), ("severe", "mild")),
    ("severe and mild", {"severe": True, "mild": True}, True, ("severe", "mild"), ()),
    ("severe or mild", {"severe": True}, True, ("severe",), ()),
    ("severe or mild", {"severe": False}, None, (), ("mild",)),
    ("severe or mild", {"severe": False, "mild": False}, False, ("severe", "mild"), ()),
    ("severe and not (mild or masked)", {"severe": True, "mild": False}, None, (), ("masked",)),
    ("severe and severe", {}, None, (), ("severe",)),
    # what is known is always known
    ("weight_kg is known", {"weight_kg": 3}, True, ("weight_kg",), ()),
    ("weight_kg is known", {}, False, ("weight_kg",), ()),
    ("unknown(weight_kg)", {}, True, ("weight_kg",), ()),
    ("unknown(weight_kg)", {"weight_kg": 3}, False, ("weight_kg",), ()),
    ("severe is known", {"severe": False}, True, ("severe",), ()),
]


@pytest.mark.parametrize(("text", "given", "value", "because", "missing"), TABLE)
def test_answer(
    text: str, given: dict[str, Any], value: bool | None, because: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    assert parse(text).evaluate(given) == Verdict(value, because, missing)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wieght_kg < 30", "unknown fact 'wieght_kg': did you mean weight_kg"),
        ("cause == 'cart'", "unknown word of cause 'cart': did you mean car_t"),
        ("product == 'blinatumumab'", "did you mean blinatumomab"),
        ("cause < 'car_t'", "cause is a word"),
        ("cause == 3", "cause is a word"),
        ("cause == severe", "one fact and one value"),
        ("severe == True", "severe is a yes-or-no fact: write severe or not severe"),
        ("weight_kg", "weight_kg is no yes-or-no fact"),
        ("weight_kg < 'heavy'", "weight_kg is a number"),
        ("weight_kg < True", "weight_kg is a number"),
        ("weight_kg + 1 < 3", "one fact and one value"),
        ("weight_kg * 8", "is not of the language"),
        ("weight_kg is None", "is known"),
        ("cause in 'car_t'", "a list in brackets"),
        ("cause == ('car_t', 'tcr_t')", "plain numbers or words only"),
        ("grade in (3, severe)", "plain numbers or words only"),
        ("severe and", "not an expression"),
        ("", "not an expression"),
        ("severe; mild", "not an expression"),
        ("__import__('os').system('true')", "is not of the language"),
        ("unknown(weight_kg, age_y)", "is not of the language"),
        ("severe if mild else masked", "is not of the language"),
        ("(lambda: severe)()", "is not of the language"),
        ("'car_t' in cause", "one fact and one value|a list in brackets"),
    ],
)
def test_refused_with_a_reason(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse(text)


def test_the_facts_that_are_asked_in_order() -> None:
    assert parse("severe and cause == 'car_t' and not severe").facts == ("severe", "cause")


def test_nothing_is_executed() -> None:
    tree = ast.parse("severe", mode="eval")
    assert not hasattr(parse("severe"), "__code__"), tree


def test_every_fact_says_what_it_means_and_what_to_ask() -> None:
    for fact in facts().values():
        assert fact.type in ("number", "yes_no", "word", "set"), fact.id
        assert fact.text
        assert not fact.text.endswith("."), fact.id
        assert fact.ask.endswith("."), fact.id
        assert (fact.type == "word") == bool(fact.words), fact.id
        assert set(fact.signals) <= set(signal_ids()), fact.id


def test_the_words_are_those_of_the_tables() -> None:
    assert set(facts()["cause"].words) == {row.id for row in causes()}
    assert set(facts()["product"].words) >= set(products())
    assert facts()["scale"].words == SCALES
    assert facts()["hypotension"].words == HYPOTENSION
    assert facts()["oxygen"].words == OXYGEN
