"""`tocsin codes`: the code lists, and how much of a source they cover."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tocsin.commands.options import Format
from tocsin.commands.printing import json_text, say, table
from tocsin.commands.progress import progress


def codes(
    signal: Annotated[
        str | None, typer.Argument(help="Print the codes of this signal.", metavar="SIGNAL")
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            help="Count what this source holds, and what looks relevant but is not mapped.", metavar="SOURCE"
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="The format of the source.")] = Format.auto,
    site_codes: Annotated[
        Path | None, typer.Option("--codes", help="Your own code list, for --check.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the codes, or check a source by them.

    \b
    Examples:
      tocsin codes
      tocsin codes norepinephrine
      tocsin codes --check path/to/records
    """
    if check is not None:
        _check(check, format, site_codes, as_json)
    elif signal is not None:
        _of_signal(signal, as_json)
    else:
        _signals(as_json)


def _signals(as_json: bool) -> None:
    """Print how many codes each signal has in each system."""
    from tocsin.knowledge.codes import codes as all_codes

    found: dict[str, dict[str, int]] = {}
    for row in all_codes():
        systems = found.setdefault(row.signal, {})
        systems[row.system] = systems.get(row.system, 0) + 1
    if as_json:
        json_text(found)
        return
    rows = [
        (name, str(sum(of.values())), ", ".join(f"{system} {n}" for system, n in of.items()))
        for name, of in found.items()
    ]
    table(("signal", "codes", "by system"), rows, ("codes",))
    say()
    say(
        "`tocsin codes SIGNAL` lists the codes of one; `tocsin codes --check SOURCE` counts what a source holds."
    )


def _of_signal(name: str, as_json: bool) -> None:
    """Print the codes of one signal."""
    from tocsin.knowledge.codes import codes as all_codes
    from tocsin.knowledge.signals import signal as known

    rows = [row for row in all_codes() if row.signal == known(name).name]
    if as_json:
        json_text([asdict(row) for row in rows])
        return
    table(
        ("system", "code", "display", "unit", "role"),
        [(row.system, row.code, row.display, row.unit_hint, row.role) for row in rows],
    )
    if not rows:
        say(f"{name} has no code of its own; in our CSV layout it is written by its name.")


def _check(source: Path, format: Format, site_codes: Path | None, as_json: bool) -> None:
    """Print the coverage of a source."""
    from tocsin.engines.coverage import check_coverage

    with progress() as bar:
        if bar is not None:
            bar.show("counting codes", 0.0)
        found = check_coverage(source, format=format, codes=site_codes)
    if as_json:
        json_text({"source": str(source), **asdict(found)})
        return
    say(
        f"{source} ({found.format}): {found.rows:,} rows, {found.mapped:,} of them mapped to {len(found.signals)} signals"
    )
    say()
    table(
        ("signal", "codes", "rows"),
        [(row.signal, f"{row.codes:,}", f"{row.rows:,}") for row in found.signals],
        ("codes", "rows"),
    )
    say()
    if not found.unmapped:
        say("Nothing that looks relevant is left unmapped.")
        return
    say("Looks relevant but is not mapped (map it with --codes FILE):")
    table(
        ("rows", "code", "text", "looks like"),
        [(f"{row.rows:,}", row.code, row.text, row.looks_like) for row in found.unmapped[:40]],
        ("rows",),
    )
    if len(found.unmapped) > 40:
        say(f"... and {len(found.unmapped) - 40:,} more: --json lists all")
