"""What all commands print with: plain text off a terminal, one JSON shape, no sign that the terminal cannot show."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

NARROWEST, WIDEST = 80, 160
# What a terminal without Unicode shows in place of the signs of a course.
_PLAIN = str.maketrans("█╱━┣─┄┈│▾●○▼▽◆◇■▲·°≥µ×–†", "#/=[--.|vOov~*+xA.'>ux-X")


def json_text(value: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=_in_json))


def say(text: str = "") -> None:
    """Print a line, in signs that the terminal has."""
    print(text if _has_unicode() else text.translate(_PLAIN))


def _in_json(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def paragraph(text: str, name: str = "") -> None:
    """Print a text folded at 80 columns, under a name where it has one."""
    from textwrap import wrap

    lead = f"{name:<12}" if name.strip() else name
    for line in wrap(
        text,
        NARROWEST,
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_on_hyphens=False,
        break_long_words=False,
    ):
        say(line)


def console() -> "Console":
    """Return the terminal, or a plain page of 80 columns where there is none."""
    from rich.console import Console

    found = Console(highlight=False, markup=False, emoji=False)
    if found.width < NARROWEST or not found.is_terminal:
        found.width = NARROWEST
    found.width = min(found.width, WIDEST)
    return found


def lines(texts: Iterable["Text"], to: "Console") -> None:
    """Print lines that are already as wide as they should be."""
    for text in texts:
        if not to.is_terminal or not _has_unicode():
            say(text.plain.rstrip())
        else:
            to.print(text, soft_wrap=True)


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = (), gap: int = 2
) -> None:
    """Print a table; the columns named in `right` hold numbers, between columns is a gap."""
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for head in heads:
        shown.add_column(
            head, justify="right" if head in right else "left", overflow="fold", no_wrap=head in right
        )
    for row in rows:
        shown.add_row(*row)
    to = console()
    if to.is_terminal:
        to.print(shown)
        return
    with to.capture() as captured:
        to.print(shown)
    for line in captured.get().splitlines():
        say(line.rstrip())


def _has_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32", "cp65001")
