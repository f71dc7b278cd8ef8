"""ICANS peaks of episodes: each charted assessment stands alone, from onset to some days after resolution."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.engines.stream import Events
from tocsin.grading.assessments import FINDINGS, SCORES, assess, largest_of
from tocsin.knowledge.signals import signal_ids
from tocsin.knowledge.timeline import Timeline as Numbers
from tocsin.timeline import Births
from tocsin.timeline.layout import HOUR, NEVER, YEAR

Finding = tuple[int, str, float, str | None]  # time, signal, value, word


class IcansPeaks:
    """Keeps the few ICANS findings of a stream, and finds the largest assessment of each episode."""

    def __init__(self, births: Births, words: "list[str | None]", numbers: Numbers) -> None:
        self._births, self._words = births, words
        self._after = round(numbers.icans_after_resolution_d * 24 * HOUR)
        self._ids = np.array([signal_ids()[name] for name in FINDINGS], np.int16)
        self._findings: dict[int, list[Finding]] = {}

    def take(self, events: Events) -> None:
        """Note the ICANS findings among sorted events."""
        batch = events.batch
        for place in np.flatnonzero(np.isin(batch.signal, self._ids)).tolist():
            name = FINDINGS[int(np.flatnonzero(self._ids == batch.signal[place])[0])]
            finding = (
                int(batch.time[place]),
                name,
                float(batch.value[place]),
                self._words[int(events.kind[place])],
            )
            self._findings.setdefault(int(batch.subject_id[place]), []).append(finding)

    def of(self, episodes: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the set of grades (bits) of each episode's largest assessment, 0 where none was charted."""
        if not self._findings:
            return np.zeros(len(episodes), np.uint8)
        return np.array([self._peak(episode) for episode in episodes], np.uint8)

    def _peak(self, episode: Any) -> int:
        """Return the union of what the largest assessment of one episode may be."""
        subject, onset = int(episode["subject_id"]), int(episode["onset"])
        resolved = int(episode["resolved_at"])
        until = np.iinfo(np.int64).max if resolved == NEVER else resolved + self._after
        instants: dict[int, list[Finding]] = {}
        for finding in self._findings.get(subject, ()):
            if onset <= finding[0] <= until:
                instants.setdefault(finding[0], []).append(finding)
        return largest_of(self._assess(subject, time, findings) for time, findings in instants.items())

    def _assess(self, subject: int, time: int, findings: list[Finding]) -> int:
        """Return the set of grades of the findings of one instant, 0 if they are no assessment."""
        place = int(np.searchsorted(self._births.subject_id, subject))
        known = place < len(self._births.subject_id) and self._births.subject_id[place] == subject
        age = (time - int(self._births.time[place])) / YEAR if known else None
        charted: dict[str, list[Any]] = {}
        for _, name, value, word in findings:
            charted.setdefault(name, []).append(value if name in SCORES else word)
        return assess(charted, age)
