"""The ICE point by point: each point right, wrong or not asked; only all of them make a score."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tocsin.knowledge.icans import ScorePart, score_parts
from tocsin.service.errors import Problem

SCORE: Final = "ice"
PREFIX: Final = "ice_point_"
ANSWERS: Final = (("", "not asked"), ("yes", "right"), ("no", "wrong"))


@cache
def parts() -> tuple[ScorePart, ...]:
    """Return the parts of the ICE."""
    return score_parts(SCORE)


@cache
def points() -> tuple[str, ...]:
    """Return the name of each point in a form."""
    return tuple(f"{PREFIX}{name}" for part in parts() for name in part.asks)


@dataclass(frozen=True, slots=True)
class Worksheet:
    """What was answered to the points of the ICE."""

    right: int
    wrong: int

    @property
    def left(self) -> int:
        """The points that were not asked."""
        return len(points()) - self.right - self.wrong

    @property
    def score(self) -> int | None:
        """The score, None while a point was not asked."""
        return None if self.left else self.right

    @property
    def words(self) -> str:
        """How far it is, in words; nothing where nothing was asked."""
        if not self.right and not self.wrong:
            return ""
        if not self.left:
            return f"{self.right} of {len(points())}"
        return f"{self.left} not asked: no score yet, {self.right} to {self.right + self.left}"

    def agreed(self, written: str) -> str:
        """Return the score to go by: of the points where there are any, else the one that was written.

        Raises Problem (422) when both are there and differ.
        """
        if self.score is None:
            return written
        try:
            differs = bool(written) and float(written) != self.score
        except ValueError:
            return written  # whoever reads the score says what is wrong with it
        if differs:
            raise Problem(422, "invalid", f"ICE: its points make {self.score}, and {written} was written")
        return str(self.score)


def shown(form: Mapping[str, str], target: str) -> dict[str, Any]:
    """Return what the template draws; the sum goes into the field of that id."""
    try:
        told = read_worksheet(form).words
    except Problem:
        told = ""
    return {"parts": parts(), "prefix": PREFIX, "answers": ANSWERS, "told": told, "target": target}


def read_worksheet(form: Mapping[str, str]) -> Worksheet:
    """Return what was answered. Raises Problem (422) for a word that is no answer."""
    said = [form.get(name, "").strip() for name in points()]
    if not set(said) <= {value for value, _ in ANSWERS}:
        raise Problem(422, "invalid", "ICE: each point is yes, no, or left out")
    return Worksheet(said.count("yes"), said.count("no"))
