"""How much of a source the code lists cover: codes and rows per signal, and what looks relevant but is not mapped."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tocsin.engines.census import Census, take_census, unmapped
from tocsin.engines.local import connect
from tocsin.events.concepts import Resolver, TherapyKinds
from tocsin.knowledge.signals import signals
from tocsin.sources import open_source
from tocsin.sources.settings import Settings
from tocsin.sources.site_codes import read_site_codes
from tocsin.sources.source import Opening


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


@dataclass(frozen=True)
class Coverage:
    """What the code lists make of a source. `mapped` counts the rows that say one of `signals`."""

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
    paths = [Path(source)] if isinstance(source, str | Path) else [Path(path) for path in source]
    resolver = Resolver(TherapyKinds(), read_site_codes(Path(codes)) if codes else ())
    with tempfile.TemporaryDirectory(prefix="tocsin-") as spill:
        con = connect(Path(spill))
        try:
            opened = open_source(Opening(con, Settings(), resolver), paths, format)
            return _coverage(opened.format, take_census(con, opened, resolver))
        finally:
            con.close()


def _coverage(format: str, census: Census) -> Coverage:
    codes, rows, total = Counter[str](), Counter[str](), 0
    for kind in census.kinds:
        standing = kind.rows + kind.troubled
        total += standing + sum(kind.fates.values())
        if kind.concept.signal >= 0 and standing:
            name = signals()[kind.concept.signal].name
            codes[name] += 1
            rows[name] += standing
    covered = [
        Covered(name, codes[name], rows[name]) for name in (row.name for row in signals()) if name in codes
    ]
    return Coverage(
        format, total, rows.total(), tuple(covered), tuple(Unmapped(*line) for line in unmapped(census))
    )
