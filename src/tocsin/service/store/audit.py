"""The audit log: append-only, each line holding the hash of the one before it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, or_, select, text, update

from tocsin.service.store import schema
from tocsin.service.store.database import Database, instant, now

_START: Final = "0" * 64
_HEAD: Final = "audit_head"  # the last line, kept apart: the end of the log cannot be cut off unseen


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did what, to whose record, when."""

    seq: int
    time: datetime
    who: str
    act: str
    patient: str | None
    detail: dict[str, Any]
    before: str
    hash: str


class AuditLog:
    """Appends lines to the log, reads them, and proves that none was changed or taken out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, who: str, act: str, patient: str | None = None, **detail: Any) -> None:
        """Add a line; it is on the disk when this returns."""
        said, time, audit = json.dumps(detail, sort_keys=True), now(), schema.audit
        with self._database.writing() as con:
            if not self._database.is_sqlite:
                con.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE"))  # one line after the other
            last, before = _head(con)  # not from the lines: one that was cut off would be missed no more
            seq = last + 1
            line = (seq, time, who, act, patient, said, before)
            con.execute(
                insert(audit).values(
                    seq=seq,
                    time=time,
                    who=who,
                    act=act,
                    patient=patient,
                    detail=said,
                    before=before,
                    hash=_hash(line),
                )
            )
            _keep_head(con, seq, _hash(line))

    def lines(self, patient: str | None = None, most: int = 1000) -> list[AuditLine]:
        """Return the latest lines, newest first; of one patient where one is named, alone or among others on the board."""
        audit = schema.audit
        asked = select(audit).order_by(audit.c.seq.desc()).limit(most)
        if patient is not None:
            among = audit.c.detail.contains(json.dumps(patient), autoescape=True)
            asked = asked.where(or_(audit.c.patient == patient, among))
        with self._database.reading() as con:
            return [
                AuditLine(
                    row.seq,
                    instant(row.time),
                    row.who,
                    row.act,
                    row.patient,
                    json.loads(row.detail),
                    row.before,
                    row.hash,
                )
                for row in con.execute(asked)
            ]

    def broken_at(self) -> int | None:
        """Return the first line that does not follow from the one before, is gone from the end or too much there; else None."""
        audit, before, expected = schema.audit, _START, 1
        with self._database.reading() as con:
            last, head = _head(con)  # before the lines: those that are added meanwhile come after it
            for row in con.execute(select(audit).order_by(audit.c.seq)).yield_per(1000):
                line = (row.seq, row.time, row.who, row.act, row.patient, row.detail, row.before)
                changed = row.before != before or row.hash != _hash(line)
                if row.seq != expected or changed or (row.seq == last and row.hash != head):
                    return int(row.seq)
                before, expected = row.hash, expected + 1
            now_last, _ = _head(con)  # after the lines: what is beyond it was written past us
        return expected if expected <= last else now_last + 1 if expected - 1 > now_last else None

    def head(self) -> tuple[int, str]:
        """Return the number and the hash of the last line: kept elsewhere, they prove later that nothing before was changed."""
        with self._database.reading() as con:
            return _head(con)

    def count(self) -> int:
        """Return how many lines there are."""
        with self._database.reading() as con:
            return int(con.execute(select(func.count()).select_from(schema.audit)).scalar_one())


def _head(con: Connection) -> tuple[int, str]:
    found = con.execute(select(schema.about.c.value).where(schema.about.c.name == _HEAD)).scalar()
    seq, _, hash = (found or f"0:{_START}").partition(":")
    return int(seq), hash


def _keep_head(con: Connection, seq: int, hash: str) -> None:
    about, value = schema.about, f"{seq}:{hash}"
    if not con.execute(update(about).where(about.c.name == _HEAD).values(value=value)).rowcount:
        con.execute(insert(about).values(name=_HEAD, value=value))


def _hash(line: tuple[Any, ...]) -> str:
    return hashlib.sha256(json.dumps(line, ensure_ascii=True).encode()).hexdigest()
