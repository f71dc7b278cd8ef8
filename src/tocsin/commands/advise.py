"""`tocsin advise`: what the guidance says of one subject now, or at another time."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tocsin.commands.printing import console, json_text, lines


class Pack(StrEnum):
    """Whose rules are shown."""

    consensus = "consensus"
    label = "label"
    both = "both"


def advise(
    folder: Annotated[
        Path, typer.Argument(help="The --out folder of `tocsin grade`.", metavar="DIR", show_default=False)
    ],
    subject: Annotated[
        str, typer.Option(help="The source's own id, or the subject_id.", metavar="ID", show_default=False)
    ],
    at: Annotated[
        str | None,
        typer.Option(
            help="Date and time; nothing later is seen. Without it: the last record.", metavar="TIME"
        ),
    ] = None,
    pack: Annotated[
        Pack,
        typer.Option(
            help="The consensus (with what a label says otherwise beside it), the label of the product, or both."
        ),
    ] = Pack.consensus,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what the guidance advises next.

    What to do and to leave, the most urgent first: each with its rule, its dose and arithmetic, and when it may be repeated.

    \b
    Examples:
      tocsin advise results --subject 4711
      tocsin advise results --subject 4711 --at 2026-02-12T20:00 --pack both
    """
    from tocsin.records import read_records
    from tocsin.report.advice import advise_records

    found = advise_records(read_records(folder, subject), at, pack)
    if as_json:
        json_text(found.as_json())
        return
    from tocsin.report.advice_terminal import draw_advice

    to = console()
    lines(draw_advice(found, to.width), to)
