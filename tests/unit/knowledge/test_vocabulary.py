"""The vocabularies: closed, without repeats, and short enough for their array types."""

import pytest

from tocsin.knowledge import vocabulary
from tocsin.knowledge.flags import flags

NAMES = [name for name in vars(vocabulary) if name.isupper()]


@pytest.mark.parametrize("name", NAMES)
def test_words_are_unique_and_fit_a_byte(name: str) -> None:
    words = getattr(vocabulary, name)
    assert len(set(words)) == len(words) < 2**7
    assert all(isinstance(word, str) and word == word.strip().lower() for word in words)


def test_attributions_come_in_pairs() -> None:
    heads = [word.split(":")[0] for word in vocabulary.ATTRIBUTION]
    assert heads[::2] == heads[1::2]


def test_every_flag_is_explained() -> None:
    assert set(flags()) == set(vocabulary.EPISODE_FLAGS)
    assert {id for id, flag in flags().items() if not flag.episode_only} == set(vocabulary.FLAGS)
