"""How much of a source the code lists cover: codes and rows per signal, and what looks relevant but is not mapped."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tocsin.engines.census import DEVICE_WORD, Census, take_census, unmapped
from tocsin.engines.local import connect
from tocsin.events.concepts import Key, Resolver, TherapyKinds
from tocsin.knowledge.signals import signals
from tocsin.sources import Place, as_place, open_source
from tocsin.sources.settings import Settings
from tocsin.sources.site_codes import COLUMNS, WORD, read_site_codes
from tocsin.sources.source import Opening, Source


@dataclass(frozen=True)
class Covered:
    """How much of a source says one signal."""

    signal: str
    codes: int
    rows: int


@dataclass(frozen=True)
class Unmapped:
    """A code that no list knows but whose name suggests that it matters."""

    code: str
    text: str
    looks_like: str
    rows: int
    system: str  # how a site's code list would name it, with `site_code`
    site_code: str


@dataclass(frozen=True)
class Coverage:
    """What the code lists make of a source. `mapped` counts the rows that say one of `signals`."""

    source: str
    format: str
    rows: int
    mapped: int
    signals: tuple[Covered, ...]
    unmapped: tuple[Unmapped, ...]


def check_coverage(
    source: str | Path | Sequence[str | Path], *, format: str = "auto", codes: str | Path | None = None
) -> Coverage:
    """Count the codes and rows of a source by the signal that they say.

    Raises UserError when the source cannot be read.
    """
    places = [as_place(source)] if isinstance(source, str | Path) else [as_place(one) for one in source]
    resolver = Resolver(TherapyKinds(), read_site_codes(Path(codes)) if codes else ())
    with tempfile.TemporaryDirectory(prefix="tocsin-") as spill:
        con = connect(Path(spill))
        try:
            opened = open_source(Opening(con, Settings(), resolver), places, format)
            return _coverage(opened, ", ".join(_names(opened, places)), take_census(con, opened, resolver))
        finally:
            con.close()


FILL = (*COLUMNS, "looks_like", "rows", "text")


def to_fill(coverage: Coverage) -> Iterator[tuple[str, ...]]:
    """Yield the lines of a site's code file, columns FILL: all but the signal is there, the most frequent code first."""
    for row in coverage.unmapped:
        signal = "oxygen_device" if row.looks_like == DEVICE_WORD else ""
        yield (signal, row.system, row.site_code, "", "", row.looks_like, str(row.rows), row.text)


def _names(opened: Source, places: Sequence[Place]) -> list[str]:
    """Return what was counted, as people may see it: a URL without its password."""
    return [opened.origin] if opened.origin else [str(place) for place in places]


def _coverage(source: Source, name: str, census: Census) -> Coverage:
    codes, rows, total = Counter[str](), Counter[str](), 0
    for kind in census.kinds:
        standing = kind.rows + kind.troubled
        total += standing + sum(kind.fates.values())
        if kind.concept.signal >= 0 and standing:
            signal = signals()[kind.concept.signal].name
            codes[signal] += 1
            rows[signal] += standing
    covered = [Covered(row.name, codes[row.name], rows[row.name]) for row in signals() if row.name in codes]
    left = tuple(_unmapped(source, *line) for line in unmapped(census))
    return Coverage(name, source.format, total, rows.total(), tuple(covered), left)


def _unmapped(source: Source, code: str, text: str, looks_like: str, rows: int) -> Unmapped:
    """Return a kind as a site's list would map it: by its first candidate, or by the word itself; with what it is called."""
    if looks_like == DEVICE_WORD:
        system, _, word = text.split("\t")[0].rpartition("|")
        return Unmapped(code, text, looks_like, rows, system or WORD, word)
    parsed = source.parse(Key(code, text=text or None))
    system, site_code = parsed.candidates[0] if parsed.candidates else ("", "")
    called = parsed.name if parsed.name not in (code, site_code) else ""
    return Unmapped(code, text or called, looks_like, rows, system, site_code)
