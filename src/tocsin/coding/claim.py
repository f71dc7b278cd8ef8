"""What `code` answers with: a claim is its codes in order and what the note may lack."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Grades = tuple[int, ...]
Basis = Literal["documented", "computed", "therapy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCode:
    """One code of a claim. `instead` stands in its place until a clinician has documented the grade."""

    code: str
    title: str
    why: str
    basis: Basis
    instead: str | None = None
    first_fiscal_year: int
    rule: str
    source: tuple[str, ...]
    strength: str
    confidence: str
    recalled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What the note may lack. A `query` goes to the clinician, a `check` to whoever has the notes."""

    what: str
    why: str
    id: str
    kind: Literal["query", "check"]
    rule: str
    strength: str
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The claim for the episodes of one therapy, by the code set of `fiscal_year`; None where no code applies.

    `peak` is the grade of record on `scale`, two numbers where it is open. `earlier` holds the claims of earlier therapies.
    """

    subject_id: int
    source_id: str
    fiscal_year: int | None
    codes: tuple[ClaimCode, ...] = ()
    gaps: tuple[Gap, ...] = ()
    cause: str | None = None
    product: str | None = None
    scale: str | None = None
    peak: Grades = ()
    episodes: tuple[int, ...] = ()
    earlier: "tuple[Claim, ...]" = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Return the claim as the JSON of `tocsin code`."""
        return asdict(self)
