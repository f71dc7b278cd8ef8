"""The shapes of what the API takes and gives; `/openapi.json` is made of them."""

from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    create_model,
)

from tocsin.grading.fields import crs_readers, icans_readers
from tocsin.guidance.advice import NOTE

_MOST: Final = 1e15  # no finding is near it; an integer of JSON may have any length


def _scalar(value: Any) -> Any:
    """Return what one may write as a finding. Raises ValueError for anything but a number, a word, yes or no."""
    if not isinstance(value, bool | int | float | str | None) or (
        isinstance(value, int | float) and abs(value) > _MOST
    ):
        raise ValueError("write a number, a word, yes or no")
    return value


Scalar = Annotated[
    Any,
    PlainValidator(_scalar),
    WithJsonSchema(
        {"anyOf": [{"type": "boolean"}, {"type": "number"}, {"type": "string"}, {"type": "null"}]}
    ),
]


def _iso(value: Any) -> Any:
    """Return a time as it was written. Raises ValueError for a bare number: nobody can tell seconds from milliseconds."""
    if not isinstance(value, str) or value.replace(".", "").isdecimal():
        raise ValueError("write date, time and zone, such as 2026-02-12T20:00+01:00")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_iso)]

# One field for each option of `tocsin calc`. Which words and numbers a field takes is its reader's to say.
_FIELDS: Final[dict[str, Any]] = dict.fromkeys({**crs_readers(), **icans_readers()}, (Scalar, None))
Findings = create_model(
    "Findings",
    __doc__="What is known at one instant, in the fields of `tocsin calc`; what is not said is not taken as normal.",
    # An unknown field is let through to the reader: it knows which one was meant.
    __config__=ConfigDict(extra="allow", json_schema_extra={"additionalProperties": False}),
    **_FIELDS,
)


class CalcAnswer(BaseModel):
    """The answer of one scale: a grade, or the set of grades that the findings allow."""

    grade: int | None
    set: list[int]
    why: str
    settled_by: list[str]


class GradeNow(BaseModel):
    """The grade on the scale of record; `grade` is null while several are possible."""

    scale: str | None
    grade: int | None
    set: list[int]
    why: str
    settled_by: str


class Health(BaseModel):
    """That the service works."""

    status: str
    version: str
    knowledge: str = Field(description="The hash of the knowledge in force.")
    store: str = Field(description="sqlite or postgresql")
    note: str = NOTE


class Graded(BaseModel):
    """A Bundle graded: rows as in `grades.parquet` and `episodes.parquet`, a set as a sorted list."""

    grades: list[dict[str, Any]]
    episodes: list[dict[str, Any]]
    advice: list[dict[str, Any]] = Field(
        description="As `tocsin advise --json`, for each subject, at the last record."
    )
    run: dict[str, Any]
    note: str = NOTE


class Ingested(BaseModel):
    """What was kept: it is on the disk when this is read."""

    patient: str
    version: int = Field(description="Goes up by one with every change to what is known of the patient.")
    new: int = Field(description="Resources that were new, or new in this version.")
    same: int = Field(description="Resources that were there already.")
    at: datetime
    grade: GradeNow | None = Field(description="The grade now; null where no therapy is on record.")


class AnnotationIn(BaseModel):
    """What a clinician says: a word (`fever:other`), or a finding by the name of its signal with its value."""

    model_config = ConfigDict(extra="forbid")

    time: Instant | None = Field(default=None, description="When it holds from; without it, now.")
    word: str | None = Field(default=None, max_length=64)
    signal: str | None = Field(default=None, max_length=64)
    value: Scalar = None
    unit: str | None = Field(default=None, max_length=32)
    author: str | None = Field(
        default=None,
        max_length=100,
        pattern="^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$",
        description="Who says so, where nobody signs in.",
    )


class AnnotationOut(BaseModel):
    """What a clinician said, as it is kept: nothing is ever changed or taken back, a later word stands over an earlier one."""

    time: datetime
    kind: str
    value: str
    unit: str
    author: str
    entered_at: datetime


class Noted(BaseModel):
    """The annotation that was kept, and the grade with it."""

    patient: str
    version: int
    annotation: AnnotationOut
    at: datetime
    grade: GradeNow | None


class FeedbackOut(BaseModel):
    """What somebody answered to a card of CDS Hooks."""

    received: AwareDatetime
    patient: str
    card: str
    summary: str = Field(description="What the card said.")
    service: str
    outcome: str
    reason: dict[str, Any] | None
    client: str


class FeedbackList(BaseModel):
    """The latest answers, newest first."""

    feedback: list[FeedbackOut]
    note: str = NOTE


class PatientOut(BaseModel):
    """One patient at an instant."""

    patient: str
    name: str | None
    birth_date: date | None
    sex: str | None
    at: datetime
    version: int
    updated: datetime
    key: str = Field(description="The same as long as a clinician would be told the same.")
    grade: GradeNow | None
    grades: list[dict[str, Any]]
    episodes: list[dict[str, Any]]
    advice: dict[str, Any] | None
    code: dict[str, Any] | None
    annotations: list[AnnotationOut]
    feedback: list[FeedbackOut]
    quarantine: list[dict[str, Any]]
    note: str = NOTE


class AuditLineOut(BaseModel):
    """Who did what, to whose record, when and from where."""

    seq: int
    time: AwareDatetime
    who: str
    act: str
    patient: str | None
    detail: dict[str, Any]
    before: str = Field(description="The hash of the line before it.")
    hash: str


class AuditOut(BaseModel):
    """The latest lines of the audit log, newest first."""

    lines: list[AuditLineOut]
