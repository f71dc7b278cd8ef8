"""The patient page in each language: sections of statements, each with the rules that it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from tocsin.knowledge import _files


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that the page says, and the ids of the rules behind it."""

    text: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page: `say` is a list of points where `is_list`, else paragraphs."""

    id: str
    title: str
    is_list: bool
    lead: Statement | None
    say: tuple[Statement, ...]
    after: tuple[Statement, ...]

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All that the section says, in order."""
        return (*((self.lead,) if self.lead else ()), *self.say, *self.after)


@dataclass(frozen=True, slots=True)
class PatientPage:
    """The page in one language. `code` is the language as HTML names it; `translation`: not the reviewed original."""

    code: str
    language: str
    translation: bool
    words: Mapping[str, str]
    months: tuple[str, ...]
    therapies: Mapping[str, str]
    later: Statement
    causes: Mapping[str, Statement]
    sections: tuple[Section, ...]


@cache
def languages() -> tuple[str, ...]:
    """The languages that there is a page in."""
    return tuple(sorted(path.stem for path in (_files.FOLDER / "patient").glob("*.toml")))


@cache
def patient_page(code: str) -> PatientPage:
    """The page in a language. Raises UserError for a language that has none."""
    if code not in languages():
        _files.unknown("language", code, languages())
    table = _files.toml_table(f"patient/{code}.toml")
    return PatientPage(
        code,
        table["language"],
        table["translation"],
        MappingProxyType({key: word for key, word in table["words"].items() if key != "months"}),
        tuple(table["words"]["months"]),
        MappingProxyType(table["therapies"]),
        _statement(table["later"]),
        MappingProxyType({cause: _statement(row) for cause, row in table["causes"].items()}),
        tuple(_section(row) for row in table["section"]),
    )


def _section(row: Mapping[str, Any]) -> Section:
    lead = _statement(row["lead"]) if "lead" in row else None
    after = tuple(_statement(line) for line in row.get("after", ()))
    say = tuple(_statement(line) for line in row["say"])
    return Section(row["id"], row["title"], row.get("list", False), lead, say, after)


def _statement(row: Mapping[str, Any]) -> Statement:
    return Statement(row["text"], tuple(row["rules"]))
