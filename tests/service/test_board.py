"""The board: its order, its words, what it asks for now, the next look, and which changes an open board is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
from sqlalchemy import select, update

from tests.support.entry import People, config_of
from tests.support.service import served
from tests.support.ward import ward
from tocsin.service.pages.board import Line, Sort, lines
from tocsin.service.pages.live import differs
from tocsin.service.patients import PatientState, state_of
from tocsin.service.store import schema
from tocsin.service.store.database import micros
from tocsin.service.summary import Summary, summary_of

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def summary(patient: str, grades: tuple[int, ...], **more: object) -> Summary:
    """A row of the board."""
    blank = Summary(
        patient=patient, name=None, at="", updated="", version=0, key="", cause="car_t", product=None, therapy_time=None,
        scale="astct", grades=grades, active=True, onset=None, since=None, spark=(), tocilizumab_doses=0,
        last_tocilizumab=None, next_at=None, next_text=None, urgent=(), missing=(), last_record=None, dead=False,
    )  # fmt: skip
    return replace(blank, **more)  # pyright: ignore[reportArgumentType]


def ago(hours: float) -> str:
    """An instant before now."""
    return (NOW - timedelta(hours=hours)).isoformat()


def line(of: Summary) -> Line:
    """A row at noon."""
    return lines([of], NOW, PARIS)[0]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("worst", ["open", "three", "up", "steady", "quiet", "dead"]),
        ("patient", ["dead", "open", "quiet", "steady", "three", "up"]),
        ("missing", ["quiet", "dead", "open", "steady", "three", "up"]),
        ("next", ["steady", "up", "dead", "open", "quiet", "three"]),
    ],
)
def test_the_order(sort: Sort, order: list[str]) -> None:
    rows = [
        summary("steady", (2,), spark=((ago(40), (2,)),), next_at=ago(1)),
        summary("up", (2,), spark=((ago(40), (1,)), (ago(3), (2,))), next_at=ago(-1)),
        summary("dead", (4, 5), dead=True),
        summary("quiet", (0,), active=False, missing=("a", "b")),
        summary("three", (3,)),
        summary("open", (3, 4)),
    ]
    assert [one.of.patient for one in lines(rows, NOW, PARIS, sort)] == order
    turned = lines(rows, NOW, PARIS, sort, down=True)
    assert turned[0].of.patient != order[0]


@pytest.mark.parametrize(
    ("spark", "since", "said"),
    [
        (((ago(40), (1,)), (ago(3), (3,))), ago(3), "up 2 in 24 h, held 3 h"),
        (((ago(40), (3,)), (ago(3), (2,))), ago(3), "down 1 in 24 h, held 3 h"),
        (((ago(40), (2,)),), ago(40), "steady, held 40 h"),
        (((ago(3), (2,)),), ago(3), "new in 24 h, held 3 h"),
        (((ago(24), (2,)),), ago(24), "steady, held 24 h"),
    ],
)
def test_the_trend_in_words(spark: tuple[tuple[str, tuple[int, ...]], ...], since: str, said: str) -> None:
    assert line(summary("1", spark[-1][1], spark=spark, since=since)).trend == said


@pytest.mark.parametrize(
    ("hours", "state", "said"),
    [
        (1 / 3, "late", "20 min late"),
        (0, "soon", "in 0 min"),
        (-29 / 60, "soon", "in 29 min"),
        (-30 / 60, "later", "in 30 min"),
    ],
)
def test_how_far_the_next_look_is(hours: float, state: str, said: str) -> None:
    found = line(summary("1", (2,), next_at=ago(hours)))
    assert (found.next_state, found.next_words) == (state, said)


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({"missing": ("The neutrophil count",)}, ["The neutrophil count"]),
        ({"cause": None}, ["the therapy"]),
        ({"last_record": ago(4)}, []),
        ({"last_record": ago(4.1)}, ["no record for 4.1 h"]),
        ({"last_record": ago(9), "active": False}, []),
    ],
)
def test_what_is_missing(more: dict[str, object], missing: list[str]) -> None:
    assert line(summary("1", (2,), **more)).missing == missing


@pytest.fixture(scope="module")
def states() -> dict[str, PatientState]:
    """Each made-up patient in an interesting moment."""
    return {id: state_of(id, bundle, at=NOW) for id, bundle in ward(NOW)}


class TestWhatIsAskedFor:
    @pytest.mark.parametrize(
        ("patient", "kinds"),
        [
            ("1-car-t-tocilizumab", []),  # only that the next dose must wait
            ("2-blinatumomab-step", ["stop", "treat"]),
            ("3-haplo-fluids", []),
            ("8-death", ["treat"]),
        ],
    )
    def test_only_what_can_be_done_now_is_an_act(
        self, states: dict[str, PatientState], patient: str, kinds: list[str]
    ) -> None:
        assert summary_of(states[patient]).urgent == tuple(kinds)

    def test_the_next_look_is_the_earliest_that_any_rule_asks_for(
        self, states: dict[str, PatientState]
    ) -> None:
        for state in states.values():
            assert state.advice is not None
            due = [one.time for one in state.advice.next_looks]
            due += [one.due_by for one in state.advice.items if one.kind == "monitor" and one.due_by]
            assert summary_of(state).next_at == min(due).astimezone(UTC).isoformat(), state.patient

    def test_a_grade_1_without_treatment_is_looked_at_too(self, states: dict[str, PatientState]) -> None:
        quiet = states["3-haplo-fluids"]
        assert quiet.advice is not None
        assert quiet.advice.next_looks == ()
        assert summary_of(quiet).next_at is not None

    def test_nobody_looks_again_after_a_death(self) -> None:
        bundle = dict(ward(NOW - timedelta(days=3)))["8-death"]
        found = summary_of(state_of("8-death", bundle, at=NOW))
        assert (found.dead, found.next_at) == (True, None)


class TestWhatAnOpenBoardIsTold:
    ROW = summary("1", (2,), at=ago(1), spark=((ago(72), (1,)), (ago(3), (2,))), since=ago(3))

    @pytest.mark.parametrize(
        ("more", "told"),
        [
            ({}, False),
            ({"at": ago(0), "version": 4, "updated": ago(0)}, False),
            ({"spark": ((ago(71.9), (1,)), (ago(3), (2,)))}, False),  # 72 h ago has moved on
            ({"spark": ((ago(72), (1,)), (ago(2), (2,)))}, True),
            ({"grades": (3,)}, True),
            ({"next_at": ago(-1)}, True),
            ({"missing": ("The neutrophil count",)}, True),
        ],
    )
    def test_only_what_is_shown_is_a_change(self, more: dict[str, object], told: bool) -> None:
        after = replace(self.ROW, **more)  # pyright: ignore[reportArgumentType]
        before, now = (orjson.dumps(one.as_json()).decode() for one in (self.ROW, after))
        assert differs(before, now) is told

    def test_a_new_patient_is_a_change(self) -> None:
        assert differs(None, orjson.dumps(self.ROW.as_json()).decode())


class TestSession:
    @pytest.mark.parametrize(("path", "is_a_sign_of_life"), [("/board", True), ("/board/rows", False)])
    def test_a_board_that_asks_by_itself_keeps_no_session_alive(
        self, tmp_path: Path, path: str, is_a_sign_of_life: bool
    ) -> None:
        with served(config_of("accounts", tmp_path)) as found:
            reader = People(found, "accounts").person("read")
            seen, long_ago = schema.sessions.c.seen, micros(datetime.now(UTC) - timedelta(minutes=10))
            with found.context.store.database.writing() as con:
                con.execute(update(schema.sessions).values(seen=long_ago))
            assert found.http.get(path, headers=reader).status_code == 200
            with found.context.store.database.reading() as con:
                assert (con.execute(select(seen)).scalar_one() > long_ago) is is_a_sign_of_life
