"""One patient of a FHIR server: what changed is read and kept, and now and then everything is compared."""

import time
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import orjson

from tocsin.service.follow.client import Cut, FhirClient, Refused
from tocsin.service.follow.mark import Mark, read_mark, write_mark
from tocsin.service.follow.pages import Expired, pages, version
from tocsin.service.follow.record import Name, Record, has_id
from tocsin.service.follow.tally import Tally
from tocsin.service.store import Store, Stored
from tocsin.service.store.database import micros
from tocsin.sources.fhir.concepts import as_list, as_object
from tocsin.sources.fhir.shapes import NAMED, SHAPES, kind_fate
from tocsin.sources.settings import Settings

# What the timeline reads, and the patient first: who it is must be known before what happened.
KINDS: Final = ("Patient", *(kind for kind in SHAPES if kind_fate(kind, Settings()) is None))
_PASSES: Final = 5


@dataclass(frozen=True, slots=True)
class Habits:
    """How changes are looked for."""

    # What the server commits late, or under the clock of another of its machines, may be so much late.
    overlap: timedelta = timedelta(minutes=10)
    # A deletion leaves no trace in a search, so everything is compared so often.
    sweep_s: float = 600


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reading of a search from its first page to its last."""

    pages: int
    newest: int | None
    late: int  # new, though it should have been in the reading before


class FollowedPatient:
    """Keeps one patient's record in the store as the server has it."""

    def __init__(self, client: FhirClient, store: Store, patient: str, habits: Habits) -> None:
        self._client, self._store, self._patient, self._habits = client, store, patient, habits
        self._mark = read_mark(store, patient) or Mark(client.base)
        self._record = Record(client, store, patient, self._mark)

    def update(self, tally: Tally) -> None:
        """Read what changed since the last time; compare everything when that is due. Raises Unreachable and Problem."""
        mark = self._mark
        if mark.base != self._client.base:
            tally.note(
                f"a patient of the same id is followed from {mark.base}; give each server a store of its own"
            )
            return
        is_first = mark.swept is None and not mark.newest
        for kind in KINDS:
            try:
                self._catch_up(kind, tally)
            except Refused as error:  # one type that the server does not give must not hold up the others
                _note(error, tally)
        if is_first and mark.swept is None:
            self._note_sweep()  # everything has just been read
        elif mark.swept is None or not 0 <= time.time() - mark.swept < self._habits.sweep_s:
            self._sweep(tally)
        tally.aside += len(mark.aside)

    def _catch_up(self, kind: str, tally: Tally) -> None:
        """Read the changes of one type, again until a reading finds nothing that the one before should have found.

        While several pages are read, what changes moves from one to another, and something may slip through between two.
        """
        mark, before, settled = self._mark, deepcopy(self._mark), None
        since = mark.since(kind, self._server_now, self._habits.overlap)
        for _ in range(_PASSES):
            try:
                found = self._read_through(kind, since, settled, tally)
            except Expired:
                continue
            if settled is not None and not found.late:
                break
            settled = found.newest or 0
            if found.pages == 1:
                break
        else:
            mark.swept = 0.0  # a restless server: compare everything
        if settled is None:
            _note(_forgets(kind), tally)
        if settled:
            mark.newest[kind] = settled
        if mark != before:
            write_mark(self._store, self._patient, mark)

    def _read_through(self, kind: str, since: str | None, settled: int | None, tally: Tally) -> _Reading:
        """Read a search to its end; each page is kept before the next is asked for."""
        asked = {**self._whose(kind), "_sort": "_lastUpdated"}
        if since is not None:
            asked["_lastUpdated"] = f"ge{since}"
        count = late = 0
        newest: int | None = None
        for page in pages(self._client, kind, asked):
            count += 1
            for _ in range(page.strange):
                tally.note(f"{kind}: the server answers with what was not asked for")
            self._record.keep([one for one in page.others if one.get("resourceType") in NAMED], tally)
            self._record.take_named(kind, page.matches, tally)
            found, new = self._record.keep(page.matches, tally, settled)
            late += new
            newest = max((one.updated for one in found if one.updated is not None), default=newest)
        return _Reading(count, newest, late)

    def _whose(self, kind: str) -> dict[str, str]:
        return {"_id" if kind == "Patient" else "patient": self._patient}

    @property
    def _server_now(self) -> int | None:
        return None if self._client.server_time is None else micros(self._client.server_time)

    def _sweep(self, tally: Tally) -> None:
        """Compare what is held with what the server has: read what differs, and let go of what it deleted."""
        if not self._is_there(tally):
            return
        self._record.ask_again()
        held = self._record.held()
        for kind in KINDS:
            try:
                self._compare(kind, {one.id: one for one in held if one.type == kind}, tally)
            except Cut as error:
                _note(error, tally)
            except Refused:
                continue  # said already when its changes were asked for
            except Expired:
                _note(_forgets(kind), tally)
                return
        for one in held:
            if one.type in NAMED and self._record.is_ours(one):
                self._record.take((one.type, one.id), tally)  # a deleted one still says what was given
        self._note_sweep()

    def _is_there(self, tally: Tally) -> bool:
        """Whether the server shows us the patient: if it does not, all the rest would seem deleted too."""
        try:
            answer = self._client.read("Patient", self._patient)
        except Refused as error:
            _note(error, tally)
            return False
        if answer.is_absent or answer.body.get("id") != self._patient:
            tally.note(
                "Patient: a member of the group is on the server no longer; the record stays as it was"
            )
            return False
        if any(as_object(link).get("type") == "replaced-by" for link in as_list(answer.body.get("link"))):
            tally.note("Patient: a member of the group was merged into another; put that one into the group")
        return True

    def _note_sweep(self) -> None:
        self._mark.swept = time.time()
        write_mark(self._store, self._patient, self._mark)

    def _compare(self, kind: str, held: dict[str, Stored], tally: Tally) -> None:
        there: dict[str, tuple[str | None, str | None]] = {}
        for page in pages(self._client, kind, {**self._whose(kind), "_elements": "id,meta"}):
            there |= {str(one["id"]): version(one) for one in page.matches if has_id(one)}
        for id, now in there.items():
            if id not in held or version(orjson.loads(held[id].content)) != now:
                self._record.take((kind, id), tally)
        missing = [(kind, id) for id, one in held.items() if self._record.is_ours(one) and id not in there]
        gone = [name for name in missing if not self._is_listed(name) and not self._record.take(name, tally)]
        self._record.withdraw(gone, tally)

    def _is_listed(self, name: Name) -> bool:
        """Whether a search for one resource finds it: a longer list may have lost it between two pages."""
        found = next(pages(self._client, name[0], {**self._whose(name[0]), "_id": name[1]})).matches
        return any(one.get("id") == name[1] for one in found)


def _note(error: Refused, tally: Tally) -> None:
    tally.note(str(error), error.said)
    tally.is_cut |= isinstance(error, Cut)


def _forgets(kind: str) -> Cut:
    return Cut(f"{kind}: the server forgets a search before its last page is read; will be tried again")
