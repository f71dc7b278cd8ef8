"""Progress on the terminal: nothing for the first seconds, then a bar; nothing at all where nobody looks."""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

SILENT_SECONDS = 2.0


class Bar:
    """A progress bar that appears only when a run takes long."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._progress: Progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task: TaskID = self._progress.add_task("working", total=None)
        self._timer = threading.Timer(SILENT_SECONDS, self._progress.start)
        self._timer.daemon = True

    def start(self) -> None:
        """Start to wait."""
        self._timer.start()

    def show(self, stage: str, part: float) -> None:
        """Take the stage and the part of it that is done (0: not known)."""
        self._progress.update(self._task, description=stage, completed=part, total=1.0 if part > 0 else None)

    def stop(self) -> None:
        """Take the bar away."""
        self._timer.cancel()
        self._timer.join()
        self._progress.stop()


def silent(stage: str, part: float) -> None:
    """Show nothing."""
    del stage, part


@contextmanager
def progress(*, grades: bool = True) -> Generator["Bar | None"]:
    """Give a bar on a terminal, None elsewhere; what grades may compile first, and that is announced."""
    if not sys.stderr.isatty():
        yield None
        return
    if grades:
        _announce_compilation()
    bar = Bar()
    bar.start()
    try:
        yield bar
    finally:
        bar.stop()


def _announce_compilation() -> None:
    from tocsin.timeline import is_compiled

    if not is_compiled():
        print("compiling the timeline, once, about 15 s", file=sys.stderr)
