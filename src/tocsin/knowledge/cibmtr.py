"""CIBMTR form 4100: its questions on CRS and neurotoxicity by meaning, and what is known of its revisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from tocsin.knowledge import _files


@dataclass(frozen=True, slots=True)
class Question:
    """One question in our words; `number` is its number by revision, where that was read."""

    id: str
    section: str
    text: str
    answers: str
    number: Mapping[str, int]
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of the form; `read` says whether its questions were read."""

    name: str
    read: bool
    what: str
    source: tuple[str, ...]
    confidence: str


@cache
def questions() -> tuple[Question, ...]:
    """All questions, in the order of the form."""
    return tuple(
        Question(
            row["id"],
            row["section"],
            row["text"],
            row["answers"],
            MappingProxyType(dict(row["number"])),
            tuple(row["source"]),
            row["confidence"],
        )
        for row in _files.toml_table("cibmtr.toml")["question"]
    )


@cache
def revisions() -> Mapping[str, Revision]:
    """What is known of each revision."""
    return MappingProxyType(
        {
            row["name"]: Revision(
                row["name"], row["read"], row["what"], tuple(row["source"]), row["confidence"]
            )
            for row in _files.toml_table("cibmtr.toml")["revision"]
        }
    )


def is_in_scope(cause: str, product: str | None) -> bool:
    """Whether the form is for an infusion of this kind."""
    scope = _files.toml_table("cibmtr.toml")["scope"]
    return cause in scope["causes"] or product in scope["products"]
