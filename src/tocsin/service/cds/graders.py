"""Processes that answer calls beside the one that listens: within one, Python would grade only one patient at a time."""

import contextlib
import ctypes
import fcntl
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import Any, Final, NoReturn

from anyio import CapacityLimiter

from tocsin.errors import InternalError, UserError
from tocsin.knowledge.cds import services
from tocsin.service.cds.answers import Answers, Note
from tocsin.service.context import in_time
from tocsin.service.errors import Problem, place_of
from tocsin.service.store import open_store

_MOST: Final = 4  # each holds some 70 MiB of its own
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG of Linux
_SET_PIPE_SIZE: Final = 1031  # F_SETPIPE_SZ of Linux
_PIPE_BYTES: Final = 1 << 20  # a whole chart goes in at once, not in sixteen turns of 64 KiB
_END_S: Final = 20.0
_COLLECT_AFTER: Final = 50  # answers
_log = logging.getLogger("tocsin.service")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A Problem on its way between processes."""

    status: int
    code: str
    message: str
    detail: Any
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Bug:
    """What went wrong by our fault: its kind and its place, without its words, which may hold patient data."""

    kind: str
    place: str


_Said = bytes | Refusal | Bug


@dataclass(frozen=True, slots=True)
class _Grader:
    """A process that answers, and our ends of the two pipes between us."""

    process: BaseProcess
    asks: Connection
    hears: Connection

    def answer(self, body: bytes, service: str, note: Note) -> _Said:
        """Return what it answers. Raises OSError or EOFError when it is gone, and what `note` raises."""
        self.asks.send_bytes(service.encode())
        self.asks.send_bytes(body)
        said: str | _Said = self.hears.recv()
        if not isinstance(said, str):
            return said
        try:
            note(said)  # of whom: that is written down while it goes on
        finally:
            answer: _Said = self.hears.recv()
        return answer

    def end(self) -> None:
        """Let it finish what it has begun, and end it."""
        self.asks.close()
        self.process.join(_END_S)
        self.process.kill()


def wanted(asked: int) -> int:
    """Return how many processes are started where so many are asked for, 0 for as many as there are cores; 0 is none."""
    cores = min(_MOST, len(os.sched_getaffinity(0))) if sys.platform == "linux" else 1
    count = asked or cores
    return count if count > 1 and sys.platform == "linux" else 0


class Graders:
    """Processes that answer calls; they are made at once, and share with this one what it has read and compiled."""

    def __init__(self, place: str, zone: str, base: str, count: int, inherited: Sequence[int]) -> None:
        fork = get_context("fork")
        questions, answers = ([fork.Pipe(duplex=False) for _ in range(count)] for _ in "qa")
        ends = [end for pipe in (*questions, *answers) for end in pipe]
        self._all: list[_Grader] = []
        for (ask, asks), (hears, hear) in zip(questions, answers, strict=True):
            _widen(asks)
            others = [*inherited, *(one.fileno() for one in ends if one not in (ask, hear))]
            process = fork.Process(
                target=_serve, args=(ask, hear, place, zone, base, others, os.getpid()), daemon=True
            )
            process.start()  # before any thread of ours runs
            self._all.append(_Grader(process, asks, hears))
        for (ask, _), (_, hear) in zip(questions, answers, strict=True):
            ask.close()
            hear.close()
        self._free = SimpleQueue[_Grader]()
        for one in self._all:
            self._free.put(one)
        self._here = {one.process.name for one in self._all}
        self._limiter = CapacityLimiter(count)

    async def answer(self, body: bytes, service: str, note: Note, seconds: float) -> bytes | None:
        """Return the answer to a call; None where the process is gone.

        Raises Problem as `Answers.of` does, InternalError where the grader failed by our fault.
        """
        if not self._here:
            return None
        said = await in_time(seconds, self._limiter, self._said, body, service, note)
        if isinstance(said, Refusal):
            raise Problem(said.status, said.code, said.message, said.detail, said.headers)
        if isinstance(said, Bug):
            _log.error("grader failed", extra={"error": said.kind, "at": said.place})
            raise InternalError("a grader failed; the log says where")
        return said

    def _said(self, body: bytes, service: str, note: Note) -> _Said | None:
        """Ask whoever is free. One that is gone is not asked again, and no other is made: threads run by now."""
        grader = self._free.get()
        name = grader.process.name
        try:
            return grader.answer(body, service, note)
        except (OSError, EOFError):
            self._here.discard(name)
            _log.error("grader gone", extra={"count": len(self._here)})
            return None
        finally:
            if name in self._here or not self._here:  # were there none, whoever waits would wait for ever
                self._free.put(grader)

    def close(self) -> None:
        """Let them finish, and end them."""
        for one in self._all:
            one.end()


def _widen(pipe: Connection) -> None:
    with contextlib.suppress(OSError):  # more than this user may have: it is only slower
        fcntl.fcntl(pipe.fileno(), _SET_PIPE_SIZE, _PIPE_BYTES)


def _serve(
    ask: Connection, hear: Connection, place: str, zone: str, base: str, others: Sequence[int], parent: int
) -> None:
    """Be a grader: with a store of its own, nothing of the port, and gone when its parent is."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it was quicker than we
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the parent, which lets us finish
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for descriptor in others:
        os.close(descriptor)
    answers = Answers(open_store(place), zone, base)
    with contextlib.suppress(EOFError, OSError):  # the parent has nothing more to ask
        _answer_all(ask, hear, answers)


def _answer_all(ask: Connection, hear: Connection, answers: Answers) -> NoReturn:
    gc.disable()  # it would search the growing tree of JSON again and again, in vain; so between the answers
    answered = 0
    while True:
        service, body = ask.recv_bytes().decode(), ask.recv_bytes()
        hear.send(said_of(answers, body, service, hear.send))
        answered += 1
        if answered % _COLLECT_AFTER == 0:
            gc.collect()


def said_of(answers: Answers, body: bytes, service: str, note: Note) -> _Said:
    """Return the answer to a call, or how it failed, as it goes from one process to another."""
    try:
        return answers.of(body, services()[service], note)
    except Problem as problem:
        return Refusal(problem.status, problem.code, problem.message, problem.detail, problem.headers)
    except UserError as error:
        return Refusal(422, "invalid", error.message, None, {})
    except Exception as error:
        return Bug(type(error).__name__, place_of(error))
