"""A CDM in PostgreSQL: our SQL runs on the server, in one read-only snapshot, and Arrow comes back."""

from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from typing import Any

import duckdb

from tocsin.errors import UserError
from tocsin.sources.omop.place import Place, secrets_of
from tocsin.sources.omop.warehouse import Warehouse

_AT_ONCE = 20_000  # persons that one query names
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_COLUMNS = (
    "SELECT CAST(n.nspname AS varchar) AS s, CAST(c.relname AS varchar) AS t, CAST(a.attname AS varchar) AS c, "
    "CAST(format_type(a.atttypid, a.atttypmod) AS varchar) AS type, NOT a.attnotnull AS may_be_null "
    "FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid "
    "JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped "
    "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND has_table_privilege(c.oid, 'SELECT')"
)


class Postgres(Warehouse):
    """One open connection to a server."""

    def __init__(self, con: duckdb.DuckDBPyConnection, place: Place) -> None:
        super().__init__(con, place.name)
        self._secrets = secrets_of(place.address)
        self._server = self._connect(place.address)
        try:
            self._cursor = self._server.cursor()
            self._cursor.execute(_SNAPSHOT)
            self.run(_COLUMNS, "omop_columns")
            self.lay_out_schemas(self.con.execute("FROM omop_columns").fetchall(), place, "")
        except BaseException:
            self.close()
            raise

    def _connect(self, address: str) -> Any:
        try:
            dbapi: Any = import_module("adbc_driver_postgresql.dbapi")
        except ImportError:
            raise UserError("a PostgreSQL source needs its driver: pip install 'tocsin[postgres]'") from None
        try:
            return dbapi.connect(address)
        except dbapi.Error as error:
            raise self._refusal("cannot connect", error) from None

    def _refusal(self, what: str, error: Exception) -> UserError:
        """Return an error of the server as one line without any secret."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = " ".join(lines if "connect" in what else lines[:1])
        for secret in self._secrets:
            said = said.replace(secret, "...")
        return UserError(f"{self.name}: {what} ({said.strip()}); check address, user and rights")

    def run(self, sql: str, into: str) -> None:
        try:
            self._cursor.execute(sql)
            reader = self._cursor.fetch_record_batch()
            self.con.register("omop_reader", reader)
            try:
                self.con.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS FROM omop_reader")
            finally:
                self.con.unregister("omop_reader")
        except (self._server.Error, OSError) as error:
            raise self._refusal("the server could not answer", error) from None

    def spans(self, table: str) -> Iterator[str]:
        rows = iter(
            self.con.execute(f"SELECT person, first_day, last_day FROM {table} ORDER BY 1").fetchall()
        )
        while some := list(islice(rows, _AT_ONCE)):
            listed = ", ".join(f"({person}, DATE '{first}', DATE '{last}')" for person, first, last in some)
            yield f"(VALUES {listed}) AS s(person, first_day, last_day)"

    def close(self) -> None:
        self._server.close()
