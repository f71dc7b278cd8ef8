"""The stories: whole patients, graded and advised; the acts by rule id in their order, and what must and must not be said."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.stories import ACTS, Story, instant, stories, write_stories
from tocsin import Result, advise, grade
from tocsin.guidance.advice import Advice
from tocsin.knowledge.rules import rules

TOLD = stories()
every_story = pytest.mark.parametrize("number", range(len(TOLD)), ids=[one.file for one in TOLD])


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """All stories graded at once."""
    folder: Path = tmp_path_factory.mktemp("stories")
    write_stories(TOLD, folder)
    return grade(folder, events="all")


@pytest.fixture(scope="module")
def advice_of(result: Result) -> Callable[[int], Advice]:
    """The advice of a story by its place."""
    return lambda number: advise(result, str(number + 1), at=instant(TOLD[number].at))


def acts(advice: Advice, *, is_open: bool) -> list[str]:
    """What the consensus asks to do or to leave, in order."""
    return [
        item.id
        for item in advice.of_kind(*ACTS)
        if item.pack == "consensus" and bool(item.undecided) == is_open
    ]


@every_story
def test_the_grade(number: int, advice_of: Callable[[int], Advice]) -> None:
    assert "-".join(map(str, advice_of(number).grade.grades)) == TOLD[number].grade


@every_story
def test_the_acts_in_their_order(number: int, advice_of: Callable[[int], Advice]) -> None:
    advice, told = advice_of(number), TOLD[number]
    assert acts(advice, is_open=False) == list(told.acts)
    assert acts(advice, is_open=True) == list(told.open)


@every_story
def test_what_is_said_beside_them(number: int, advice_of: Callable[[int], Advice]) -> None:
    advice, told = advice_of(number), TOLD[number]
    said = {item.id for item in advice.items}
    assert set(told.also) <= said
    assert not set(told.never) & said
    missing = [f"{one.what}: {one.why}" for one in advice.missing]
    for part in told.missing:
        assert any(part in one for one in missing), missing


@every_story
def test_the_doses_and_clocks(number: int, advice_of: Callable[[int], Advice]) -> None:
    advice, told = advice_of(number), TOLD[number]
    doses = {item.id: f"{item.dose.amount:g} {item.dose.unit}" for item in advice.items if item.dose}
    times = {item.id: item.not_before for item in advice.items if item.not_before}
    assert {id: doses.get(id) for id in told.dose} == told.dose
    assert {id: times.get(id) for id in told.not_before} == {
        id: instant(at) for id, at in told.not_before.items()
    }


def test_they_tell_of_every_cause_and_every_severity() -> None:
    causes = {word.split("/")[0] for one in TOLD for word in one.chart.split()}
    assert {"car_t", "tcr_t", "t_cell_engager", "haplo_hct", "antibody"} <= causes
    assert {one.grade for one in TOLD} >= {"0", "1", "2", "3", "4", "2-3"}
    assert len(TOLD) >= 25


def test_they_name_rules_that_exist() -> None:
    named = {id for one in TOLD for id in (*one.acts, *one.open, *one.also, *one.never, *one.dose)}
    assert named <= set(rules())


def test_a_story_is_readable() -> None:
    def has_words(one: Story) -> bool:
        return bool(one.name) and one.about.endswith(".")

    assert all(has_words(one) for one in TOLD)
