"""The points of the ICE: as the reference has them, a point each, ten together."""

import re
from pathlib import Path

from tocsin.knowledge.icans import score_bounds, score_parts
from tocsin.knowledge.sources import source


def test_a_point_each_makes_the_whole_score() -> None:
    assert sum(len(part.asks) for part in score_parts("ice")) == score_bounds("ice")[1]


def test_each_part_can_be_looked_up() -> None:
    assert {key for part in score_parts("ice") for key in part.source} == {"W13", "W17"}
    assert all(source(key).what for part in score_parts("ice") for key in part.source)
    assert {part.confidence for part in score_parts("ice")} == {"verified"}


def test_the_items_of_the_capd_are_not_ours_to_give() -> None:
    assert score_parts("capd") == ()


def test_the_parts_are_those_of_the_reference(shared: Path) -> None:
    text = (shared / "reference" / "grading.md").read_text("utf-8")
    section = text.partition("### 8.1 ")[2].partition("###")[0]
    rows = re.findall(r"^\| ([A-Z][^|]+) \| (?:1 each, )?(\d) \|", section, re.MULTILINE)
    assert [int(count) for _, count in rows] == [len(part.asks) for part in score_parts("ice")]
    for (asked, _), part in zip(rows, score_parts("ice"), strict=True):
        words = {word for text in part.asks.values() for word in text.split()} - {"the", "a"}
        stems = {word[:4].lower() for word in re.findall(r"[A-Za-z0-9]+", asked)}
        assert {word[:4] for word in words} & stems, part.name
