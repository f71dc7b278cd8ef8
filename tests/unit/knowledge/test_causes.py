"""The causes: their order, windows, scales of record, and what is refused."""

import pytest

from tocsin.errors import UserError
from tocsin.knowledge.causes import cause_words, causes, read_cause, refused, refused_words
from tocsin.knowledge.vocabulary import CAUSES, SCALES


@pytest.mark.parametrize(
    ("id", "days", "scale"),
    [
        ("car_t", 14, "astct"),
        ("tcr_t", 14, "astct"),
        ("haplo_hct", 14, "ctcae5"),
        ("t_cell_engager", 7, "ctcae5"),
        ("antibody", 2, "ctcae5"),
        ("other", 14, "ctcae5"),
    ],
)
def test_window_and_scale_of_record(id: str, days: float, scale: str) -> None:
    assert (read_cause(id).window_d, read_cause(id).scale) == (days, scale)


def test_the_order_is_that_of_the_vocabulary() -> None:
    assert tuple(cause.id for cause in causes()) == CAUSES
    assert [cause.code for cause in causes()] == list(range(len(CAUSES)))
    assert {cause.scale for cause in causes()} <= set(SCALES)


@pytest.mark.parametrize(
    ("word", "id"),
    [
        ("bispecific", "t_cell_engager"),
        ("conventional_mab", "antibody"),
        ("atg", "antibody"),
        ("til", "other"),
        ("CAR-T", "car_t"),
        (" T cell engager ", "t_cell_engager"),
    ],
)
def test_other_words(word: str, id: str) -> None:
    assert read_cause(word).id == id


@pytest.mark.parametrize(
    "word", ["infection", "COVID-19", "covid19", "influenza", "oxaliplatin", "lenalidomide"]
)
def test_cytokine_storm_is_not_crs(word: str) -> None:
    with pytest.raises(UserError, match=r"a cytokine storm, not CRS; leave this therapy out"):
        read_cause(word)


def test_unknown_cause_gets_a_hint() -> None:
    with pytest.raises(UserError, match="unknown cause 'cart_t': did you mean car_t"):
        read_cause("cart_t")


def test_no_word_is_both_read_and_refused() -> None:
    assert not set(cause_words()) & set(refused_words())
    words = sum(1 + len(row.aliases) for row in causes()) + sum(1 + len(row.aliases) for row in refused())
    assert words == len(cause_words()) + len(refused_words())
