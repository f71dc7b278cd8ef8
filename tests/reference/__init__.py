"""The slow, obvious second reading of timeline.md; it shares no code with the product."""

from tests.reference.engine import run_subject
from tests.reference.model import Episode, Event, Parameters, Row

__all__ = ["Episode", "Event", "Parameters", "Row", "run_subject"]
