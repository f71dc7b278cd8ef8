"""One database: opened, asked and written to; whatever it cannot do becomes one plain error."""

import logging
import os
import sqlite3
import ssl
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from tocsin.errors import UserError
from tocsin.service.errors import Problem
from tocsin.service.store import schema

_log = logging.getLogger("tocsin.service")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BUSY_S: Final = 20.0
_CONNECT_S: Final = 5
# What a driver does not bring into SQLAlchemy's own: a refused PRAGMA, a connection that broke.
_FAILURES: Final = (SQLAlchemyError, sqlite3.Error, OSError)
# verify-full: the certificate is that of the host, by an authority of this machine or of SSL_CERT_FILE.
_SSL: Final[dict[Any, Callable[[], ssl.SSLContext | bool | None]]] = {
    "verify-full": ssl.create_default_context,
    "require": lambda: True,
    "prefer": lambda: None,
    "disable": lambda: False,
}
_FULL: Final = ("disk is full", "disk i/o error", "no space left", "53100", "file too large")


def micros(instant: datetime) -> int:
    """Return an instant as the store holds it."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def instant(micros: int) -> datetime:
    """Return what the store holds as an instant."""
    return _EPOCH + timedelta(microseconds=micros)


def now() -> int:
    """Return this instant as the store holds it."""
    return time.time_ns() // 1000


class Database:
    """A database with the tables of the store."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name  # what people may read: no password in it
        self._file = _identity(name) if self.is_sqlite else None

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file of SQLite."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Generator[Connection, None, None]:
        """Give a connection that sees one state of the database."""
        with self._told(), self.engine.connect() as con:
            yield con

    @contextmanager
    def writing(self) -> Generator[Connection, None, None]:
        """Give a connection whose work is on the disk when the block ends, or was never done."""
        with self._told(), self.engine.connect() as con:
            con = con.execution_options(writes=True)
            with con.begin():
                yield con

    def check_file(self) -> None:
        """Raise OSError where the file of SQLite is another than was opened: what is written into a removed one is lost."""
        if self._file is not None and _identity(self.name) != self._file:
            raise FileNotFoundError

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _told(self) -> Generator[None, None, None]:
        """Turn what the database cannot do into an error in the one shape."""
        try:
            self.check_file()
            yield
        except _FAILURES as error:
            _log.error("store", extra={"error": type(error).__name__})
            raise _problem(error) from None


def _identity(file: str) -> tuple[int, int]:
    found = os.stat(file)
    return found.st_dev, found.st_ino


def _problem(error: Exception) -> Problem:
    said = str(getattr(error, "orig", error)).lower()
    if any(word in said for word in _FULL):
        message = "the store has no room left, so nothing was saved; make room, then send it again"
        return Problem(503, "store_full", message, headers={"Retry-After": "60"})
    message = "the store cannot be reached, so nothing was saved or read; try again"
    return Problem(503, "store_unavailable", message, headers={"Retry-After": "5"})


def open_database(place: str) -> Database:
    """Open a file of SQLite or a PostgreSQL; make the tables that are not there.

    Raises UserError when it cannot be opened, or holds the tables of another version.
    """
    engine, name = _postgres(place) if "://" in place else _sqlite(Path(place))
    try:
        with engine.begin() as con:
            _check_version(con, name)
            schema.metadata.create_all(con)
    except _FAILURES as error:
        engine.dispose()
        raise UserError(
            f"{name}: {_reason(error)}; check that the store is there and may be written"
        ) from None
    return Database(engine, name)


def _reason(error: Exception) -> str:
    """Return why a store cannot be opened, in words without a secret."""
    origin = getattr(error, "orig", error)
    if isinstance(origin, sqlite3.Error):
        return str(origin)
    told: tuple[Any, ...] = getattr(origin, "args", ())
    if told and isinstance(told[0], dict):
        return str(cast("dict[str, Any]", told[0]).get("M", "refused"))  # pg8000: the server's own message
    return "cannot be reached"


def _check_version(con: Connection, name: str) -> None:
    """Refuse a store of another version, and what is no store of ours; write the version into an empty one."""
    there, about = inspect(con), schema.about
    found = set(there.get_table_names())
    ours = {table.name: table for table in schema.metadata.sorted_tables if table.name in found}
    if about.name not in ours:
        if ours or (found and con.dialect.name == "sqlite"):
            raise UserError(f"{name}: there are tables in it, but no store of Tocsin; name another place")
        about.create(con)
        con.execute(insert(about).values(name="schema", value=schema.VERSION))
        return
    version = con.execute(select(about.c.value).where(about.c.name == "schema")).scalar()
    lacks = [
        name
        for name, table in ours.items()
        if not set(table.columns.keys()) <= {one["name"] for one in there.get_columns(name)}
    ]
    if version != schema.VERSION or lacks:
        raise UserError(
            f"{name}: made by another version of Tocsin (schema {version or 'unknown'}, not {schema.VERSION}"
            + (f"; {lacks[0]} is another" if lacks else "")
            + "); use that version, or name another place"
        )


def _sqlite(file: Path) -> tuple[Engine, str]:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not file.exists():
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))  # patient data: for its owner only
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}; name a file that may be written") from None
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        connect_args={"timeout": _BUSY_S},
        pool_size=8,
        max_overflow=24,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine, str(file)


def _prepare(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver's guess
    # FULL: what was acknowledged outlives a loss of power, not only a crash of the process.
    for line in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {line}")


def _begin(con: Connection) -> None:
    # A writer takes its place at once: a reader that turns writer half-way could be refused.
    con.exec_driver_sql("BEGIN IMMEDIATE" if con.get_execution_options().get("writes") else "BEGIN")


def _postgres(place: str) -> tuple[Engine, str]:
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        raise UserError("the store's address cannot be read: write postgresql://user@host/database") from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise UserError(
            f"{url.get_backend_name()}://: the store is a file (SQLite) or postgresql://user@host/database"
        )
    how = _encryption(url)
    if url.password is None and "PGPASSWORD" in os.environ:
        url = url.set(password=os.environ["PGPASSWORD"])
    url = url.set(query={})
    name = url.set(password=None).render_as_string()
    engine = create_engine(
        url.set(drivername="postgresql+pg8000"),
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=8,
        pool_timeout=_BUSY_S,
        connect_args={"timeout": _CONNECT_S, "ssl_context": how},
    )
    return engine, name


def _encryption(url: URL) -> ssl.SSLContext | bool | None:
    """Return how the way to a PostgreSQL is encrypted, as its address says. Raises UserError for what is not understood."""
    how = dict(url.query).pop("sslmode", "prefer")
    if set(url.query) - {"sslmode"} or how not in _SSL:
        raise UserError(
            "the store's address: after the question mark only sslmode=verify-full, require, prefer or disable is read; "
            "a password belongs into PGPASSWORD"
        )
    return _SSL[how]()


def reachable(database: Database) -> bool:
    """Whether the database answers."""
    try:
        database.check_file()
        with database.engine.connect() as con:
            con.execute(text("SELECT 1"))
        return True
    except _FAILURES:
        return False
