"""The command-line reference: the help of every command, as a terminal prints it."""

import contextlib
import io
from typing import Any

import typer

WIDTH = 100
TITLE = """# Command line

The help of each command, word for word. An error is one line that says what, where and what to do; the exit
status is 2 where the command or its input was at fault and 1 where Tocsin was.
"""


def pages() -> dict[str, str]:
    """Return the one page, by its path under docs."""
    from tocsin.cli import app

    group: Any = typer.main.get_command(app)
    shown = [name for name, command in group.commands.items() if not command.hidden]
    sections = [_section("tocsin", _help(group, []))]
    sections += [_section(f"tocsin {name}", _help(group, [name])) for name in shown]
    return {"reference/cli.md": "\n".join([TITLE, *sections])}


def _help(group: Any, command: list[str]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        group.main(
            [*command, "--help"],
            prog_name="tocsin",
            standalone_mode=False,
            terminal_width=WIDTH,
            max_content_width=WIDTH,
        )
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text}\n```\n"
