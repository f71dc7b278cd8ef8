"""`tocsin explain`: any fact of the knowledge with its source."""

from dataclasses import asdict
from typing import Annotated

import typer

from tocsin.commands.printing import json_text, paragraph, say


def explain(
    id: Annotated[
        str | None,
        typer.Argument(help="What to explain; without it the kinds of ids are listed.", metavar="ID"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explain any fact, with its source.

    A scale, one of its cells, a number of the timeline, a cause, a product, a drug, a signal, a flag,
    a rule of the guidance or a source.

    \b
    Examples:
      tocsin explain astct
      tocsin explain lee2014.hypotension.one
      tocsin explain fever_hold
      tocsin explain TOC-004
    """
    from tocsin.knowledge.explain import explain as look_up

    if id is None:
        _list_kinds(as_json)
        return
    found = look_up(id)
    if as_json:
        json_text(asdict(found))
        return
    for line in found.text.splitlines():
        paragraph(line)
    say()
    for name, value in (
        ("source", found.source),
        ("strength", found.strength),
        ("confidence", found.confidence),
    ):
        if value:
            paragraph(value, f"{name}:")
    paragraph(", ".join(found.tests), "tests:")


def _list_kinds(as_json: bool) -> None:
    """Print what can be explained: the ids of each kind."""
    from tocsin.knowledge.explain import known_ids

    kinds: dict[str, list[str]] = {}
    for id, parts in known_ids().items():
        kinds.setdefault("cell of a scale" if id.count(".") == 2 else parts[0]().kind, []).append(id)
    if as_json:
        json_text(kinds)
        return
    for kind, ids in kinds.items():
        shown = ids[:3] if kind in ("cell of a scale", "rule") else ids
        rest = " ..." if len(shown) < len(ids) else ""
        say(f"{kind} ({len(ids)})")
        paragraph(", ".join(shown) + rest, " ")
