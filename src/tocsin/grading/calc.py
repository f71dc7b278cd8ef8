"""`tocsin.calc`: one snapshot in, every scale's answer out, in the form of the JSON."""

from typing import Any

from tocsin.errors import UserError
from tocsin.grading.fields import NOT_A_FINDING, crs_readers, icans_readers
from tocsin.grading.icans import IcansSnapshot, grade_icans
from tocsin.grading.snapshot import Graded, Snapshot, grade_snapshot


def calc(**findings: Any) -> dict[str, dict[str, Any]]:
    """Grade one snapshot on every scale that the findings speak about.

    None is "not said", the word "unknown" is "asked and not known". They differ only for a death and for a
    tube for the airway alone: not said, neither happened.

    >>> answer = calc(temp_c=38.6, fever_attributed_to_crs=True, hypotension=False,
    ...               n_vasopressors_excl_vasopressin=0, oxygen_device="nasal_cannula")["astct"]
    >>> answer["grade"], answer["set"], answer["why"]
    (None, [2, 3], 'Undecided, 2 or 3: nasal cannula, flow not recorded.')
    """
    said = {field: value for field, value in findings.items() if value is not None}
    for field in said:
        _refuse_unknown(field)
    crs = {field: value for field, value in said.items() if field in crs_readers()}
    neuro = {field: value for field, value in said.items() if field in icans_readers()}
    on_crs = grade_snapshot(Snapshot(**crs)) if crs.keys() - NOT_A_FINDING else {}
    graded = {**on_crs, **grade_icans(IcansSnapshot(**neuro))}
    if not graded:
        raise UserError("nothing to grade: give a finding, for example temp_c, oxygen_device or ice")
    return {scale: _json(answer) for scale, answer in graded.items()}


def _json(answer: Graded) -> dict[str, Any]:
    return {
        "grade": answer.grade,
        "set": list(answer.set),
        "why": answer.why,
        "settled_by": list(answer.settled_by),
    }


def _refuse_unknown(field: str) -> None:
    known = [*crs_readers(), *icans_readers()]
    if field not in known:
        import difflib  # only on the way to an error: keeps start-up short

        near = difflib.get_close_matches(field, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the findings are {', '.join(known)}"
        raise UserError(f"unknown finding {field!r}: {hint}")
