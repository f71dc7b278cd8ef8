"""`tocsin codes`: the code lists, how much of a source they cover, and whether a site's own rows map as it expects."""

import csv
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tocsin.commands.beside import written_beside
from tocsin.commands.options import Format
from tocsin.commands.printing import json_text, say, table
from tocsin.commands.progress import progress
from tocsin.errors import UserError


def codes(
    signal: Annotated[
        str | None, typer.Argument(help="Print the codes of this signal.", metavar="SIGNAL")
    ] = None,
    check: Annotated[
        str | None,
        typer.Option(
            help="Count what this source holds, and what looks relevant but is not mapped.", metavar="SOURCE"
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="The format of the source.")] = Format.auto,
    site_codes: Annotated[
        Path | None,
        typer.Option("--codes", help="Your own code list, for --check and --expect.", metavar="FILE"),
    ] = None,
    fill: Annotated[
        Path | None,
        typer.Option(
            help="With --check: write the codes that look relevant as a list to fill in.", metavar="FILE"
        ),
    ] = None,
    expect: Annotated[
        Path | None,
        typer.Option(help="Check rows of your own: what each must become.", metavar="FILE"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the codes, or check a source by them.

    \b
    Examples:
      tocsin codes
      tocsin codes norepinephrine
      tocsin codes --check path/to/records --fill our-codes.csv
      tocsin codes --expect expected.csv --codes our-codes.csv
    """
    if fill is not None and check is None:
        raise UserError("--fill needs a source to look at: add --check SOURCE")
    asked = [name for name, given in (("SIGNAL", signal), ("--check", check), ("--expect", expect)) if given]
    if len(asked) > 1:
        raise UserError(f"{' and '.join(asked)}: one question at a time; leave out all but one")
    if check is not None:
        _check(check, format, site_codes, fill, as_json)
    elif expect is not None:
        _expect(expect, site_codes, as_json)
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


def _check(source: str, format: Format, site_codes: Path | None, fill: Path | None, as_json: bool) -> None:
    """Print the coverage of a source; write the list to fill in, if one is wanted."""
    from tocsin.engines.coverage import FILL, check_coverage, to_fill

    with progress() as bar:
        if bar is not None:
            bar.show("counting codes", 0.0)
        found = check_coverage(source, format=format, codes=site_codes)
    if fill is not None:
        with written_beside(fill, "--fill") as target:
            csv.writer(target, lineterminator="\n").writerows([FILL, *to_fill(found)])
    if as_json:
        json_text(asdict(found))
        return
    say(
        f"{found.source} ({found.format}): {found.rows:,} rows, {found.mapped:,} of them mapped to {len(found.signals)} signals"
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
    say(
        f"Looks relevant but is not mapped; fill in {fill} and give it back with --codes:"
        if fill
        else "Looks relevant but is not mapped (--fill FILE writes it as a list to fill in for --codes):"
    )
    table(
        ("rows", "code", "text", "looks like"),
        [
            (
                f"{row.rows:,}",
                f"{row.system}|{row.site_code}".strip("|") or row.code,
                row.text,
                row.looks_like,
            )
            for row in found.unmapped[:40]
        ],
        ("rows",),
    )
    if len(found.unmapped) > 40:
        say(f"... and {len(found.unmapped) - 40:,} more: --json lists all")


def _expect(file: Path, site_codes: Path | None, as_json: bool) -> None:
    """Print which rows of a site's own do not become what it expects. Raises UserError when there are some."""
    from tocsin.engines.expected import check_expected

    checked = check_expected(file, codes=site_codes)
    wrong = [row for row in checked if not row.agrees]
    if as_json:
        json_text(
            {
                "rows": len(checked),
                "agree": len(checked) - len(wrong),
                "differ": [asdict(row) for row in wrong],
            }
        )
    elif wrong:
        table(
            ("line", "code", "expected", "found"),
            [(str(row.line), row.code, row.expected, row.found) for row in wrong],
            ("line",),
        )
    if wrong:
        raise UserError(
            f"--expect {file}: {len(wrong)} of {len(checked)} rows do not become what is expected; mend the row or --codes"
        )
    if not as_json:
        say(f"{file}: each of {len(checked)} rows becomes what is expected.")
