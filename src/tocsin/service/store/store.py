"""What is known of each patient: resources, annotations and the board's summaries; durable before a call returns."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tocsin.service.store import schema
from tocsin.service.store.audit import AuditLog
from tocsin.service.store.cards import CardLog
from tocsin.service.store.cursors import Cursors
from tocsin.service.store.database import Database, instant, micros, now
from tocsin.service.store.feedback import FeedbackLog
from tocsin.service.store.used_tokens import UsedTokens

_AT_ONCE: Final = 200  # rows in one statement


@dataclass(frozen=True)
class Incoming:
    """A resource as it came: what names it, and its JSON in the one spelling that is hashed."""

    type: str
    id: str
    content: bytes
    full_url: str | None = None
    updated: int | None = None  # its own word for when, in microseconds since 1970

    @cached_property
    def hash(self) -> str:
        """Return what tells one content from another."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Stored:
    """The current version of a resource."""

    type: str
    id: str
    full_url: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Saved:
    """What an ingest did: how many versions are new, how many were there, and the patient's version now."""

    new: int
    same: int
    version: int


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient of the store."""

    patient: str
    version: int
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """What the board shows of a patient, as JSON: of which version, at which instant."""

    patient: str
    version: int
    at: datetime
    body: str


@dataclass(frozen=True, slots=True)
class _There:
    """A version of a resource that is kept, as far as it tells it from another."""

    seq: int
    type: str
    id: str
    hash: str
    updated: int | None
    current: bool


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a clinician said of a patient: a word (`kind` is `attribution`) or a finding, named by its signal."""

    patient: str
    time: datetime
    kind: str
    value: str
    unit: str
    author: str
    entered_at: datetime


class Store:
    """Patients, what is on record of them, and the logs beside."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.audit = AuditLog(database)
        self.feedback = FeedbackLog(database)
        self.cursors = Cursors(database)
        self.cards = CardLog(database)
        self.used_tokens = UsedTokens(database)

    def save_resources(self, patient: str, resources: Sequence[Incoming], *, latest: bool = False) -> Saved:
        """Keep resources; durable before it returns. The same content again changes nothing.

        Other content of the same type and id takes the place of the one before, unless both say when they were updated and it
        is the older one; every version is kept. `latest`: just read from the server that owns them, whose clock may have been
        set back, so that what is here takes the place of the one before in any case.
        """
        with self.database.writing() as con:
            version = self._open_patient(con, patient)
            there = self._versions(con, patient, {one.id for one in resources})
            current: dict[tuple[str, str], Incoming | _There] = {
                (one.type, one.id): one for one in there if one.current
            }
            known = {(one.type, one.id, one.hash) for one in there}
            fresh: list[Incoming] = []
            for one in resources:
                before = current.get((one.type, one.id))
                if before is not None and before.hash == one.hash:
                    continue
                if before is None or latest or _supersedes(one, before):
                    current[one.type, one.id] = one
                elif (one.type, one.id, one.hash) in known:
                    continue
                fresh.append(one)
            if fresh:
                version += 1
                gone = [one.seq for one in there if one.current and current[one.type, one.id] is not one]
                self._keep(con, patient, fresh, gone, {id(one) for one in current.values()})
                self._touch(con, patient, version)
        return Saved(len(fresh), len(resources) - len(fresh), version)

    def withdraw(self, patient: str, names: Collection[tuple[str, str]]) -> int:
        """Let resources no longer count, by type and id, and return how many did; their versions are kept."""
        with self.database.writing() as con:
            version = self._open_patient(con, patient)
            there = self._versions(con, patient, {id for _, id in names})
            gone = [one.seq for one in there if one.current and (one.type, one.id) in names]
            self._retire(con, gone)
            if gone:
                self._touch(con, patient, version + 1)
        return len(gone)

    def annotate(self, *annotations: Annotation) -> int:
        """Keep what a clinician said of one patient, all of it or nothing; return the patient's version.

        The patient must be there.
        """
        patient = annotations[0].patient
        with self.database.writing() as con:
            version = self._open_patient(con, patient)
            con.execute(
                insert(schema.annotations),
                [
                    {
                        "patient": patient,
                        "time": micros(one.time),
                        "kind": one.kind,
                        "value": one.value,
                        "unit": one.unit,
                        "author": one.author,
                        "entered_at": micros(one.entered_at),
                    }
                    for one in annotations
                ],
            )
            self._touch(con, patient, version + 1)
        return version + 1

    def resources(self, patient: str) -> list[Stored]:
        """Return the current version of each resource of a patient, in the order they came."""
        kept = schema.resources.c
        asked = select(kept.type, kept.id, kept.full_url, kept.content).where(
            kept.patient == patient, kept.current
        )
        with self.database.reading() as con:
            rows = con.execute(asked.order_by(kept.seq)).all()
        return [Stored(row.type, row.id, row.full_url, bytes(row.content)) for row in rows]

    def versions(self, patient: str) -> int:
        """Return how many versions of resources are kept of a patient, superseded ones too."""
        asked = select(func.count()).where(schema.resources.c.patient == patient)
        with self.database.reading() as con:
            return int(con.execute(asked).scalar_one())

    def annotations(self, patient: str) -> list[Annotation]:
        """Return what was said of a patient, in the order it was entered."""
        said = schema.annotations
        asked = select(said).where(said.c.patient == patient).order_by(said.c.seq)
        with self.database.reading() as con:
            rows = con.execute(asked).all()
        return [
            Annotation(
                row.patient,
                instant(row.time),
                row.kind,
                row.value,
                row.unit,
                row.author,
                instant(row.entered_at),
            )
            for row in rows
        ]

    def patient(self, patient: str) -> Patient | None:
        """Return a patient, None if there is none of that id."""
        asked = select(schema.patients).where(schema.patients.c.patient == patient)
        with self.database.reading() as con:
            row = con.execute(asked).first()
        return None if row is None else _patient(row)

    def patients(self) -> list[Patient]:
        """Return every patient, in order of id."""
        with self.database.reading() as con:
            rows = con.execute(select(schema.patients).order_by(schema.patients.c.patient)).all()
        return [_patient(row) for row in rows]

    def mark(self) -> int:
        """Return a number that grows with every change to any patient."""
        with self.database.reading() as con:
            return int(
                con.execute(select(func.coalesce(func.sum(schema.patients.c.version), 0))).scalar_one()
            )

    def keep_summary(self, summary: Kept) -> None:
        """Keep what the board shows of a patient, unless one of a later version is there."""
        table = schema.summaries
        new = {"version": summary.version, "at": micros(summary.at), "body": summary.body}
        on = sqlite.insert(table) if self.database.is_sqlite else postgresql.insert(table)
        # One statement: a caller and the keeper of the board may come with the same row at once, and neither may fail.
        put = on.values(patient=summary.patient, **new).on_conflict_do_update(
            index_elements=[table.c.patient], set_=new, where=table.c.version <= summary.version
        )
        with self.database.writing() as con:
            con.execute(put)

    def summaries(self) -> list[Kept]:
        """Return what the board shows, in order of id."""
        with self.database.reading() as con:
            rows = con.execute(select(schema.summaries).order_by(schema.summaries.c.patient)).all()
        return [Kept(row.patient, row.version, instant(row.at), row.body) for row in rows]

    def close(self) -> None:
        """Close the store."""
        self.database.close()

    def _open_patient(self, con: Connection, patient: str) -> int:
        """Return the version of a patient, made if need be; nobody else changes it until the block ends."""
        table, time = schema.patients, now()
        new = {"patient": patient, "version": 0, "created": time, "updated": time}
        on = sqlite.insert(table) if self.database.is_sqlite else postgresql.insert(table)
        con.execute(on.values(new).on_conflict_do_nothing())
        asked = select(table.c.version).where(table.c.patient == patient).with_for_update()
        return int(con.execute(asked).scalar_one())

    def _touch(self, con: Connection, patient: str, version: int) -> None:
        of = schema.patients.c.patient == patient
        con.execute(update(schema.patients).where(of).values(version=version, updated=now()))

    def _versions(self, con: Connection, patient: str, ids: set[str]) -> "list[_There]":
        """Return every version that is kept of some resources, as far as it tells one from another."""
        kept = schema.resources.c
        asked = select(kept.seq, kept.type, kept.id, kept.hash, kept.last_updated, kept.current)
        asked = asked.where(kept.patient == patient)
        if len(ids) <= _AT_ONCE:
            asked = asked.where(kept.id.in_(ids))
        return [_There(*row) for row in con.execute(asked).all()]

    def _keep(
        self, con: Connection, patient: str, fresh: Sequence[Incoming], gone: list[int], current: set[int]
    ) -> None:
        """Write new versions; those whose place they take stay, no longer current."""
        kept, received = schema.resources, now()
        self._retire(con, gone)
        rows = [_row(patient, one, received, id(one) in current) for one in fresh]
        for start in range(0, len(rows), _AT_ONCE):
            con.execute(insert(kept).values(rows[start : start + _AT_ONCE]))

    def _retire(self, con: Connection, gone: list[int]) -> None:
        kept = schema.resources
        for start in range(0, len(gone), _AT_ONCE):
            of = kept.c.seq.in_(gone[start : start + _AT_ONCE])
            con.execute(update(kept).where(of).values(current=False))


def _row(patient: str, one: Incoming, received: int, current: bool) -> dict[str, Any]:
    return {
        "patient": patient,
        "type": one.type,
        "id": one.id,
        "hash": one.hash,
        "full_url": one.full_url,
        "last_updated": one.updated,
        "content": one.content,
        "received": received,
        "current": current,
    }


def _supersedes(one: Incoming, before: "Incoming | _There") -> bool:
    """Whether content takes the place of other content: a retry that comes late does not undo what is newer."""
    return one.updated is None or before.updated is None or one.updated >= before.updated


def _patient(row: Any) -> Patient:
    return Patient(row.patient, row.version, instant(row.created), instant(row.updated))
