"""Rounds: who is in the group now, each of them brought up to date, a rest, and again."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tocsin.errors import UserError
from tocsin.service.errors import Problem
from tocsin.service.follow.client import FhirClient, FhirError, Refused, Unreachable
from tocsin.service.follow.patient import FollowedPatient, Habits
from tocsin.service.follow.tally import Tally
from tocsin.service.intake import checked_id
from tocsin.service.store import Store
from tocsin.sources.fhir.concepts import Json, as_list, as_object, as_text
from tocsin.sources.fhir.references import PATIENT

_GROUP_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_LONGEST_REST_S: Final = 300.0
_GIVE_UP: Final = 2  # patients in a row for whom the server does not answer: then it is the server


@dataclass
class Round:
    """What one round did; `is_whole` says whether every patient could be asked for."""

    tally: Tally = field(default_factory=Tally)
    patients: int = 0
    joined: int = 0
    left: int = 0
    is_whole: bool = True
    seconds: float = 0.0


Tell = Callable[[Round, float], None]


class Follower:
    """Follows the patients of one group."""

    def __init__(self, client: FhirClient, store: Store, group: str, habits: Habits | None = None) -> None:
        if _GROUP_ID.fullmatch(group) is None:
            raise UserError(f"--group {group}: no id of FHIR; write the id alone, such as ward-7")
        self._client, self._store, self._group = client, store, group
        self._habits = habits or Habits()
        self._followed: dict[str, FollowedPatient] = {}
        self._known: list[str] | None = None  # the members, as of the last round
        self._first = ""  # with whom to begin: the one for whom the last round did not suffice

    def run(self, every: float, tell: Tell) -> None:
        """Make rounds until asked to stop, which raises Stopped; after each, `tell` hears of it and of the rest to come.

        Raises UserError when the very first round shows that the group cannot be followed at all.
        """
        failed = 0
        while True:
            done = self.round()
            failed = 0 if done.is_whole else failed + 1
            rest = max(0.0, every - done.seconds)
            if failed:
                rest = max(rest, min(_LONGEST_REST_S, every * 2 ** min(failed - 1, 10)))
            tell(done, rest)
            self._client.stop.sleep(rest)

    def round(self) -> Round:
        """Bring every member up to date, once. Raises UserError when the group was never read, and the server says no."""
        done, started = Round(), time.monotonic()
        try:
            members = self._members(done)
            self._each(members, done)
            done.is_whole &= not done.tally.is_cut
        except (FhirError, Problem, UserError) as error:
            if self._known is None and isinstance(error, Refused | UserError):
                said = getattr(error, "said", "")
                raise UserError(f"{self._client.base}: {error}" + (f" ({said})" if said else "")) from None
            done.tally.note(str(error), getattr(error, "said", ""))
            done.is_whole = False
        done.seconds = time.monotonic() - started
        return done

    def _members(self, done: Round) -> list[str]:
        """Return who is in the group. A member who left is asked for no more; the record stays."""
        answer = self._client.read("Group", self._group)
        if answer.is_absent:
            raise Refused(
                f"Group: there is no group {self._group} on the server ({answer.status}); check --group"
            )
        if answer.body.get("resourceType") != "Group":  # nobody has left it: it is not the group
            raise Refused("Group: the server answers with something else; check the address and --group")
        members = list(dict.fromkeys(self._ids(answer.body, done)))
        if self._known is not None:
            done.joined = len(set(members) - set(self._known))
            done.left = len(set(self._known) - set(members))
        self._known, done.patients = members, len(members)
        self._followed = {id: one for id, one in self._followed.items() if id in members}
        return members

    def _ids(self, group: Json, done: Round) -> Iterator[str]:
        for member in map(as_object, as_list(group.get("member"))):
            if member.get("inactive") is True:
                continue
            said = as_text(as_object(member.get("entity")).get("reference")) or ""
            said = said.removeprefix(self._client.base + "/")
            if "://" in said:  # the same id on another server is somebody else
                done.tally.note(
                    "Group: a member is a patient of another server; only those of this one are read"
                )
                continue
            match = PATIENT.search(said)
            try:
                yield checked_id(match[1] if match else "")
            except Problem:
                done.tally.note("Group: a member is no reference to a Patient")

    def _each(self, members: list[str], done: Round) -> None:
        """Bring each up to date, beginning with the one that came too short; stop where the server does not answer."""
        start = members.index(self._first) if self._first in members else 0
        silent = 0
        for id in members[start:] + members[:start]:
            self._first = id
            self._client.stop.check()
            before = done.tally.new + done.tally.gone
            try:
                self._of(id).update(done.tally)
                silent = 0
            except Unreachable as error:
                done.tally.note(str(error))
                done.is_whole = False
                silent += 1
            done.tally.changed += done.tally.new + done.tally.gone > before
            if silent == _GIVE_UP:
                return
        self._first = members[0] if members else ""

    def _of(self, id: str) -> FollowedPatient:
        if id not in self._followed:
            self._followed[id] = FollowedPatient(self._client, self._store, id, self._habits)
        return self._followed[id]
