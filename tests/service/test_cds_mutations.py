"""Hook requests in which anything may stand anywhere: cards that hold, or a refusal; never a bug of ours."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.cds_calls import given as given_drug
from tests.service.cds_calls import order, order_request, request, severe
from tests.service.cds_conformance import faults_of_response
from tocsin.errors import UserError
from tocsin.knowledge.cds import services
from tocsin.service.cds.answers import Answers
from tocsin.service.errors import Problem
from tocsin.service.store import open_store

EVERY_8H = {"frequency": 1, "period": 8, "periodUnit": "h"}
UNTIL = {"boundsDuration": {"value": 1, "code": "d"}}
JUNK = [
    None, True, 0, -1, 1e308, 3.5, "", "x", "\u202e\x00", "1e999", "nan", "9" * 400, "2026-13-45", "Patient/",
    [], [None], ["x"], {}, {"a": 1}, {"resourceType": "Bundle"},
]  # fmt: skip
CHART = severe(medications=[given_drug("tocilizumab", 3, dose=(560, "mg"))])
DRAFTS = (
    order("tocilizumab", 560, repeat={**EVERY_8H, **UNTIL}),
    order("dexamethasone", 10, id="draft-2", repeat=EVERY_8H),
    order("blinatumomab", 9, "ug/d", rate=True, id="draft-3"),
)
CALLS = {
    "tocsin-patient-view": request(prefetch=CHART),
    "tocsin-order-select": order_request("order-select", CHART, *DRAFTS),
    "tocsin-order-sign": order_request("order-sign", None, *DRAFTS),  # what is changed most is the orders
}
Path = tuple[Any, ...]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a document."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inside:
        yield from places(one, (*path, name))


PLACES = {id: list(places(call)) for id, call in CALLS.items()}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """What answers hooks, over a store of its own."""
    store = open_store(str(tmp_path_factory.mktemp("mutations") / "store.db"))
    yield Answers(store, "Europe/Berlin", "https://tocsin.example")
    store.close()


def changed(document: Any, changes: list[tuple[Path, Any]]) -> Any:
    """A copy with something else in some places; a place that an earlier change took away is passed over."""
    found = copy.deepcopy(document)
    for path, value in changes:
        inner = found
        try:
            for name in path[:-1]:
                inner = inner[name]
            inner[path[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue
    return found


@pytest.mark.parametrize("id", CALLS)
@given(data=st.data())
@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_is_sent_is_answered_or_refused(answers: Answers, id: str, data: st.DataObject) -> None:
    change = st.tuples(st.sampled_from(PLACES[id]), st.sampled_from(JUNK))
    sent = changed(CALLS[id], data.draw(st.lists(change, min_size=1, max_size=4)))
    looked_at: list[str] = []
    status, told = 200, b'{"cards": []}'
    try:
        told = answers.of(json.dumps(sent).encode(), services()[id], looked_at.append)
    except Problem as problem:
        status = problem.status
    except UserError:
        status = 422
    assert status in (200, 400, 412, 422)
    assert len(looked_at) == 1 or status not in (200, 412)
    found = json.loads(told)
    assert faults_of_response(found) == []
    assert all(card["summary"].isprintable() for card in found["cards"])
