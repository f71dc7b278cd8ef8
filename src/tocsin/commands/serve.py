"""`tocsin serve`: the pages, CDS Hooks and the API over one store."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.commands.entry import RoleName, Wish, fulfil
from tocsin.commands.printing import say
from tocsin.errors import UserError

if TYPE_CHECKING:
    from tocsin.service.context import Context

_ENTRY = {
    "loopback": "anyone on this machine, and nobody else",
    "accounts": "who has an account here",
    "proxy": "whom the reverse proxy has let in",
    "oidc": "who signs in at the OpenID provider",
}


def serve(
    host: Annotated[
        str | None,
        typer.Option(help="The address to listen on (127.0.0.1).", metavar="ADDRESS", show_default=False),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port to listen on (8420).", metavar="N", show_default=False)
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="A file for SQLite, or postgresql://user@host/database; its password in PGPASSWORD.",
            metavar="FILE|URL",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The configuration, in TOML.", metavar="FILE", show_default=False)
    ] = None,
    add_user: Annotated[
        str | None,
        typer.Option(
            help="Add an account; its password from the terminal or standard input.", metavar="NAME"
        ),
    ] = None,
    add_token: Annotated[
        str | None, typer.Option(help="Add a program, and print its bearer token once.", metavar="NAME")
    ] = None,
    role: Annotated[RoleName | None, typer.Option(help="What the account or the program may do.")] = None,
    set_password: Annotated[
        str | None,
        typer.Option(
            help="Give an account another password; one that was removed comes back.", metavar="NAME"
        ),
    ] = None,
    set_role: Annotated[
        str | None, typer.Option(help="Give an account or a program another role, at once.", metavar="NAME")
    ] = None,
    remove: Annotated[
        str | None, typer.Option(help="Shut out an account, or take away a token.", metavar="NAME")
    ] = None,
    list_accounts: Annotated[
        bool, typer.Option("--list-accounts", help="Say who may enter, and who was shut out.")
    ] = False,
    check_audit_log: Annotated[
        bool, typer.Option("--check-audit-log", help="Say whether the audit log is whole.")
    ] = False,
) -> None:
    """Serve the pages, CDS Hooks and the API.

    Without any configuration it listens on this machine alone, and keeps its store in your data folder. Every key of the
    configuration can stand in a TOML file or in the environment (TOCSIN_PORT); a secret never on the command line.

    \b
    Examples:
      tocsin serve
      tocsin serve --port 9000 --store ward.db
      PGPASSWORD=... tocsin serve --store postgresql://tocsin@localhost/tocsin
      tocsin serve --config tocsin.toml
      tocsin serve --add-user NAME --role write
      tocsin serve --check-audit-log
    """
    wish = Wish(add_user, add_token, set_password, set_role, remove, role, list_accounts, check_audit_log)
    instead = wish.is_any()
    try:
        from tocsin.service.config import read_config
        from tocsin.service.run import serve as run
    except ImportError as error:
        raise UserError(f"the service needs {error.name}: pip install 'tocsin[service]'") from None
    found = read_config(config, os.environ, {"host": host, "port": port, "store": store})
    if instead:
        fulfil(wish, found)
        return
    _announce_compilation()
    run(found, _announce)


def _announce_compilation() -> None:
    from tocsin.timeline import is_compiled

    if not is_compiled():
        print("compiling the timeline, once, about 15 s", file=sys.stderr)


def _announce(context: "Context", port: int) -> None:
    """Say where to look, where the data lies, and who may enter."""
    from importlib.metadata import version

    from tocsin.guidance.advice import NOTE

    config = context.config
    host = f"[{config.host}]" if ":" in config.host else config.host
    count = len(context.store.patients())
    say(f"Tocsin {version('tocsin')} is ready at http://{host}:{port}")
    say(f"  store    {context.store.database.name}, {count} patient{'' if count == 1 else 's'}")
    say(f"  access   {_ENTRY[config.access.mode]}")
    say("  programs /openapi.json, /cds-services, /health")
    say("Stop it with Ctrl+C. " + NOTE)
    sys.stdout.flush()
