"""What a source's spellings mean: code systems, units that tell no dose, signals that are a therapy themselves."""

from functools import cache
from types import MappingProxyType
from typing import Final

from tocsin.knowledge import _files

# How the events that we exported are called when they come back: each is what it says, and passed the door before.
AS_THEY_STAND: Final = frozenset({"urn:tocsin:event", "tocsin_event"})


@cache
def systems() -> MappingProxyType[str, str]:
    """The addresses and spellings of code systems to the names of `codes.csv`."""
    return MappingProxyType({row["uri"].casefold(): row["system"] for row in _files.csv_rows("systems.csv")})


@cache
def unreadable_units() -> frozenset[str]:
    """Units, in lower case, that tell neither dose nor rate of a drug: it was given, how much is unknown."""
    return frozenset(row["unit"] for row in _files.csv_rows("unreadable_units.csv"))


@cache
def therapy_signals() -> MappingProxyType[str, tuple[str, str | None]]:
    """Signals whose record is itself the index therapy: signal to (cause, product)."""
    rows = _files.csv_rows("therapy_signals.csv")
    return MappingProxyType({row["signal"]: (row["cause"], row["product"] or None) for row in rows})


@cache
def relevant_words() -> MappingProxyType[str, str]:
    """Words that make an unmapped code look relevant, to the kind of thing they hint at."""
    return MappingProxyType({row["word"]: row["hint"] for row in _files.csv_rows("relevant_words.csv")})
