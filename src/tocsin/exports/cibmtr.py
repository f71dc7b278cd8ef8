"""CIBMTR form 4100, pre-filled by meaning: each answer with its evidence; what the record does not tell stays open."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tocsin.engines.output import write_csv, write_json
from tocsin.errors import UserError
from tocsin.exports.cibmtr_crs import crs_answers
from tocsin.exports.cibmtr_icans import icans_answers
from tocsin.exports.infusions import Answer, Infusion, infusions
from tocsin.exports.parts import Options, Written, everybody, need_events, people, source_row
from tocsin.knowledge.cibmtr import Question, Revision, is_in_scope, questions, revisions
from tocsin.report.labels import therapy_name
from tocsin.results import Result

OPEN: Final = "cannot be told from this record"
HEADER: Final = (
    "patient", "infusion", "product", "section", "number", "question", "answer", "why", "evidence", "asked",
)  # fmt: skip
NOTES: Final = (
    "A pre-fill by meaning in our own words, for a person to check: it is not the form. Questions that Tocsin has no records "
    "for (dysphasia, weakness, oedema, tremor, stroke) are left out.",
    "No is written only where the record shows it; that a drug is missing from a record does not show that it was not given.",
)


def write(result: Result, folder: Path, options: Options) -> Written:
    """Write `form-4100.csv`, a line per question and infusion, and `form-4100.json`."""
    need_events(result)
    revision = _revision(options.revision)
    asked = [one for one in questions() if not (revision and revision.read) or revision.name in one.number]
    entries: list[_Entry] = []
    others = 0
    for records in people(result, options.progress, everybody(result)):
        for infusion in infusions(records):
            if not is_in_scope(infusion.cause, infusion.product):
                others += 1
                continue
            answers = {**crs_answers(infusion), **icans_answers(infusion)}
            entries.append(_Entry(infusion, [(one, answers[one.id]) for one in asked]))
    write_csv(folder / "form-4100.csv", HEADER, _lines(entries, revision))
    write_json(folder / "form-4100.json", _json(entries, revision))
    told = sum(answer.text is not None for entry in entries for _, answer in entry.answers)
    counts = {"infusions": len(entries), "answers": told, "left open": len(entries) * len(asked) - told}
    return Written(counts, tuple(_notes(result, revision, others)))


@dataclass(frozen=True)
class _Entry:
    """One infusion with its answers."""

    infusion: Infusion
    answers: list[tuple[Question, Answer]]


def _revision(name: str | None) -> Revision | None:
    if name is None:
        return None
    if name not in revisions():
        raise UserError(
            f"--revision {name}: not a revision of form 4100 that is known here; write {' or '.join(revisions())}, or "
            "leave it out for every question"
        )
    return revisions()[name]


def _notes(result: Result, revision: Revision | None, others: int) -> Iterator[str]:
    yield from NOTES
    if revision is None:
        yield "No revision was named, so no question has a number."
    else:
        recalled = "" if revision.confidence == "verified" else f" [{revision.confidence}]"
        yield f"Revision {revision.name}{recalled}: {revision.what}"
    if others:
        yield f"{others:,} infusions are of a kind that the form is not for, and were left out."
    left = result.run["subjects"] - len(everybody(result))
    if left:
        yield (
            f"{left:,} subjects without an episode were left out: this run kept no events of them. Run `tocsin grade` with "
            "--events all."
        )


def _asked(question: Question, revision: Revision | None) -> str:
    """Return whether the revision asks it."""
    if revision is None:
        return ""
    return "yes" if revision.name in question.number else "not verified"


def _lines(entries: Sequence[_Entry], revision: Revision | None) -> Iterator[tuple[Any, ...]]:
    """Yield the lines of the CSV."""
    for entry in entries:
        infusion = entry.infusion
        for question, answer in entry.answers:
            yield (
                infusion.source_id,
                infusion.local(infusion.time).isoformat(),
                therapy_name(infusion.cause, infusion.product),
                question.section,
                question.number.get(revision.name, "") if revision else "",
                question.text,
                OPEN if answer.text is None else answer.text,
                answer.why,
                "; ".join(_evidence_text(infusion, event) for event in answer.evidence),
                _asked(question, revision),
            )


def _evidence_text(infusion: Infusion, event: dict[str, Any]) -> str:
    return f"{infusion.local(event['time']).isoformat()} {event['signal']} (event {event['event_id']})"


def _json(entries: Sequence[_Entry], revision: Revision | None) -> dict[str, Any]:
    """Return all answers as JSON."""
    return {
        "form": "CIBMTR 4100",
        "revision": revision.name if revision else None,
        "notes": list(NOTES),
        "infusions": [
            {
                "patient": entry.infusion.source_id,
                "infusion": entry.infusion.time.isoformat(),
                "cause": entry.infusion.cause,
                "product": entry.infusion.product,
                "episodes": [one["episode"] for one in entry.infusion.episodes],
                "answers": [_answer_json(entry.infusion, *pair, revision) for pair in entry.answers],
            }
            for entry in entries
        ],
    }


def _answer_json(
    infusion: Infusion, question: Question, answer: Answer, revision: Revision | None
) -> dict[str, Any]:
    return {
        "id": question.id,
        "section": question.section,
        "number": question.number.get(revision.name) if revision else None,
        "question": question.text,
        "answer": answer.text,
        "why": answer.why if answer.text is not None else f"{OPEN}: {answer.why}",
        "asked": _asked(question, revision) or None,
        "confidence": question.confidence,
        "source": list(question.source),
        "evidence": [
            {
                "event_id": event["event_id"],
                "time": event["time"].isoformat(),
                "signal": event["signal"],
                "value": event["numeric_value"],
                "text": event["text_value"],
                "row": source_row(infusion.run, event["event_id"]),
            }
            for event in answer.evidence
        ],
    }
