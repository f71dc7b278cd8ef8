"""Cards and what was answered to them in the store: since when a state is, and which answers quiet it; on both databases."""

import pytest
from sqlalchemy import select

from tocsin.service.store import Store, schema
from tocsin.service.store.cards import SentCard


def test_since_when_the_cards_are_those_of_now(store: Store) -> None:
    def since(*cards: str, service: str = "view", patient: str = "p1") -> int:
        return store.cards.state_since(service, patient, cards)

    first = since("a", "b")
    assert since("a", "b") == first, "the same state"
    others = since("a", "b", patient="p2"), since("a", "b", service="sign")
    assert min(others) >= first
    assert since("a", "b") == first, "each service and patient for itself"
    second = since("c")
    assert second > first
    third = since("a", "b")
    assert third > second, "a state that comes back is a new one"
    assert since() > third
    assert since("a", "b") > third, "nothing to say in between is another state too"


def test_what_has_nothing_to_do_with_us_leaves_no_trace(store: Store) -> None:
    store.cards.state_since("view", "p1", [])
    with store.database.reading() as con:
        assert con.execute(select(schema.states)).all() == []


@pytest.mark.parametrize(
    ("service", "outcome", "late", "quiet"),
    [
        ("view", "overridden", True, True),
        ("view", "overridden", False, False),  # before the state came
        ("view", "accepted", True, False),
        ("sign", "overridden", True, False),  # it is the card of another service
    ],
)
def test_which_answers_quiet_a_card(
    store: Store, service: str, outcome: str, late: bool, quiet: bool
) -> None:
    store.cards.note([SentCard("a", "view", "p1", "A card")])
    before = store.cards.state_since("view", "p1", ["z"])
    if not late:
        store.feedback.append("a", service, outcome, {}, "ehr")
    since = store.cards.state_since("view", "p1", ["a"])
    assert since > before
    if late:
        store.feedback.append("a", service, outcome, {}, "ehr")
    assert store.cards.overridden("p1", since) == ({"a"} if quiet else set())
    assert [(card.summary, said.outcome) for card, said in store.cards.latest_feedback(5)] == [
        ("A card", outcome)
    ]
