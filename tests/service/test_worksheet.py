"""The ICE point by point: what makes a score, what does not, and what is refused; in the calculator and in the form."""

from zoneinfo import ZoneInfo

import pytest

from tests.support.service import Served
from tocsin.service.errors import Problem
from tocsin.service.pages.forms import read_form
from tocsin.service.pages.worksheet import Worksheet, points, read_worksheet

PARIS = ZoneInfo("Europe/Paris")


def answers(right: int, wrong: int) -> dict[str, str]:
    """The first points right, the next wrong, the others not asked."""
    words = ["yes"] * right + ["no"] * wrong
    return dict(zip(points(), words, strict=False))


@pytest.mark.parametrize(
    ("right", "wrong", "score", "words"),
    [
        (0, 0, None, ""),
        (10, 0, 10, "10 of 10"),
        (7, 3, 7, "7 of 10"),
        (0, 10, 0, "0 of 10"),
        (7, 2, None, "1 not asked: no score yet, 7 to 8"),
        (0, 1, None, "9 not asked: no score yet, 0 to 9"),
    ],
)
def test_only_all_points_make_a_score(right: int, wrong: int, score: int | None, words: str) -> None:
    sheet = read_worksheet(answers(right, wrong))
    assert (sheet, sheet.score, sheet.words) == (Worksheet(right, wrong), score, words)


def test_a_word_that_is_no_answer_is_refused() -> None:
    with pytest.raises(Problem, match="each point is yes, no"):
        read_worksheet({points()[0]: "maybe"})


class TestForm:
    def test_its_points_are_its_score(self) -> None:
        assert read_form(answers(7, 3), PARIS).findings == (("ice_score", "7.0", "{score}"),)

    def test_the_same_score_may_be_written_too(self) -> None:
        said = read_form({**answers(7, 3), "ice_score": "7"}, PARIS)
        assert said.findings == (("ice_score", "7.0", "{score}"),)

    @pytest.mark.parametrize(
        ("form", "said"),
        [
            (answers(7, 2), "1 of its points were not asked"),
            ({**answers(7, 2), "fever": "fever:crs"}, "not zero"),
            ({**answers(7, 3), "ice_score": "8"}, "its points make 7, and 8 was written"),
            ({**answers(7, 3), "ice_score": "ten"}, "is a number"),
        ],
    )
    def test_what_does_not_agree_is_refused(self, form: dict[str, str], said: str) -> None:
        with pytest.raises(Problem, match=said):
            read_form(form, PARIS)


class TestCalculator:
    def test_without_a_script_the_points_are_added_up(self, service: Served) -> None:
        text = service.http.get("/calculator", params=answers(3, 7)).text
        assert 'name="ice" inputmode="decimal" value="3"' in text
        assert "Grade 2 (ICANS): ICE 3." in text

    def test_a_point_that_was_not_asked_leaves_it_without_a_score(self, service: Served) -> None:
        text = service.http.get("/calculator", params=answers(3, 6)).text
        assert "1 not asked: no score yet, 3 to 4" in text
        assert "ICE 3." not in text

    def test_two_scores_are_refused_in_words(self, service: Served) -> None:
        text = service.http.get("/calculator", params={**answers(3, 7), "ice": "4"}).text
        assert "ICE: its points make 3, and 4 was written" in text
        assert 'aria-invalid="true"' in text
