"""The command `tocsin`: the list of commands, and how every error becomes one line and an exit status."""

import os
import signal
import sys
from types import FrameType
from typing import Annotated, Any

import typer

from tocsin.commands.advise import advise
from tocsin.commands.audit import audit
from tocsin.commands.calc import calc
from tocsin.commands.code import code
from tocsin.commands.codes import codes
from tocsin.commands.demo import demo
from tocsin.commands.explain import explain
from tocsin.commands.export import export
from tocsin.commands.follow import follow
from tocsin.commands.grade import grade
from tocsin.commands.leaflet import leaflet
from tocsin.commands.serve import serve
from tocsin.commands.show import show
from tocsin.errors import UserError

OURS, THEIRS, INTERRUPTED, TERMINATED, NOBODY_READS = 1, 2, 130, 143, 141

app = typer.Typer(
    name="tocsin",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # a traceback with local variables would print patient data
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for command in (demo, grade, calc, show, advise, audit, code, leaflet, explain, codes, export, serve, follow):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # here, not above: it is slow to import

        print(f"tocsin {version('tocsin')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def tocsin(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Grade cytokine release syndrome over time, and see the evidence for every grade.

    Not a medical device: it supports trained people who can check the basis of each statement.

    \b
    Start here:
      tocsin demo
      tocsin grade records/ --therapies therapies.csv --out results
      tocsin show results --subject ID
    """
    del show_version
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(sys.argv[1:]))


def _terminate(number: int, frame: FrameType | None) -> None:
    # As an exception, so that what is half-written is cleaned up.
    del number, frame
    sys.exit(TERMINATED)


def run(arguments: list[str]) -> int:
    """Run one command; return the exit status. Every error is one line on the standard error."""
    try:
        status: Any = app(args=arguments, prog_name="tocsin", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except UserError as error:
        return _fail(error.message, THEIRS)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted; nothing half-written was left", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error, whichever class this typer has for it
            return _fail(_usage(error), THEIRS)
        return _fail_unexpectedly(error)


def _usage(error: Any) -> str:
    """Return a usage error with where to look."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "tocsin"
    return f"{error.format_message().rstrip('.')}; see `{path} --help`"


def _fail_unexpectedly(error: Exception) -> int:
    """Report an error of ours without its message, which may hold patient data."""
    if os.environ.get("TOCSIN_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror:
        return _fail(f"{error.filename or 'the system'}: {error.strerror}", THEIRS)
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno}" if place else "?"
    return _fail(
        f"{type(error).__name__} at {where}: this is a bug in Tocsin; TOCSIN_DEBUG=1 shows the traceback, please report it",
        OURS,
    )


def _fail(message: str, status: int) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
