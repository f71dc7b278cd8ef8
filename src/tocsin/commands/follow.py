"""`tocsin follow`: keeps the patients of a group current from a FHIR server."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo

import typer

from tocsin.commands.printing import say
from tocsin.errors import UserError

if TYPE_CHECKING:
    from tocsin.service.follow.rounds import Round, Tell

NOT_WHOLE: Final = 1


def follow(
    base: Annotated[
        str,
        typer.Argument(
            help="The address of the FHIR R4 server.", metavar="FHIR_BASE_URL", show_default=False
        ),
    ],
    group: Annotated[
        str,
        typer.Option(
            help="The id of the Group whose members are followed.", metavar="ID", show_default=False
        ),
    ],
    store: Annotated[
        str | None,
        typer.Option(
            help="A file for SQLite, or postgresql://user@host/database; its password in PGPASSWORD.",
            metavar="FILE|URL",
            show_default=False,
        ),
    ] = None,
    every: Annotated[
        float,
        typer.Option(
            help="Seconds from the start of one round to that of the next.", min=1, metavar="SECONDS"
        ),
    ] = 30,
    once: Annotated[bool, typer.Option("--once", help="Make one round, then stop.")] = False,
    config: Annotated[
        Path | None, typer.Option(help="The configuration, in TOML.", metavar="FILE", show_default=False)
    ] = None,
) -> int:
    """Keep the board current from a FHIR server.

    Reads who is in the group, and of each what changed since the last time, into the store that `tocsin serve` shows. It goes
    on where it stopped. A token stands in TOCSIN_FOLLOW_TOKEN or in the configuration, never on the command line.

    \b
    Examples:
      tocsin follow https://fhir.example.org/r4 --group ward-7
      tocsin follow https://fhir.example.org/r4 --group ward-7 --once
      TOCSIN_FOLLOW_TOKEN=... tocsin follow https://fhir.example.org/r4 --group ward-7 --store ward.db
    """
    try:
        from tocsin.service.config import read_config
        from tocsin.service.follow import FhirClient, Follower, Stop, Stopped, credentials_of
        from tocsin.service.logs import write_json_lines
        from tocsin.service.store import open_store
    except ImportError as error:
        raise UserError(f"following needs {error.name}: pip install 'tocsin[service]'") from None
    found = read_config(config, os.environ, {"store": store})
    stop = Stop()
    client = FhirClient(base, credentials_of(base.rstrip("/"), found.follow), stop)
    opened = open_store(found.place)
    if sys.stdout.isatty():
        tell: Tell = Status(found.zone)
    else:
        write_json_lines(found.log)
        tell = _log_round
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stop.ask())
    try:
        follower = Follower(client, opened, group)
        if not once:
            follower.run(every, tell)
        done = follower.round()
        tell(done, 0)
        return 0 if done.is_whole else NOT_WHOLE
    except Stopped:
        return 0
    finally:
        client.close()
        opened.close()


class Status:
    """Prints a line for each round; what went wrong only where it is not what went wrong before."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._troubles: dict[str, int] = {}

    def __call__(self, done: "Round", rest: float) -> None:
        """Print what a round did, and when the next one is."""
        time = datetime.now(self._zone)
        say(f"{time:%H:%M:%S %Z}  {', '.join(_parts(done))}" + (f"; next in {rest:.0f} s" if rest else ""))
        if done.tally.troubles != self._troubles:
            for trouble, times in done.tally.troubles.items():
                said = done.tally.said.get(trouble)
                say(
                    f"  {trouble}"
                    + (f" ({said})" if said else "")
                    + (f", {times} times" if times > 1 else "")
                )
        self._troubles = done.tally.troubles
        sys.stdout.flush()


def _parts(done: "Round") -> Iterator[str]:
    tally = done.tally
    yield _counted(done.patients, "patient")
    yield f"{tally.changed} changed"
    if tally.new:
        yield f"{_counted(tally.new, 'resource')} new"
    for number, word in (
        (tally.gone, "deleted there"),
        (tally.aside, "set aside"),
        (done.joined, "joined"),
        (done.left, "left"),
    ):
        if number:
            yield f"{number} {word}"
    if not done.is_whole:
        yield "not all could be read"


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _log_round(done: "Round", rest: float) -> None:
    """Write a round as one line of the log: what the server itself said of a trouble stays out of it."""
    tally = done.tally
    fields = {
        "patients": done.patients,
        "changed": tally.changed,
        "new": tally.new,
        "gone": tally.gone,
        "aside": tally.aside,
        "joined": done.joined,
        "left": done.left,
        "troubles": tally.troubles,
        "ms": round(done.seconds * 1000),
        "rest_s": round(rest, 1),
    }
    level = logging.INFO if done.is_whole else logging.WARNING
    logging.getLogger("tocsin.follow").log(level, "round", extra=fields)
