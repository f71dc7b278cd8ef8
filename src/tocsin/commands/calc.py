"""`tocsin calc`: one snapshot by options, or many from a CSV."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.commands.printing import json_text, table
from tocsin.errors import UserError

if TYPE_CHECKING:
    from typing import TextIO

_YES_NO = "yes|no|unknown"
_NOT_FINDINGS = ("csv_file", "out", "as_json")


def _option(help: str, metavar: str = _YES_NO) -> Any:
    return typer.Option(help=help, metavar=metavar, show_default=False)


def calc(
    context: typer.Context,
    temp_c: Annotated[str | None, _option("Temperature now, in Celsius.", "CEL")] = None,
    fever_attributed_to_crs: Annotated[
        str | None, _option("The fever of this course is laid to CRS.")
    ] = None,
    antipyretic_or_anticytokine_given: Annotated[
        str | None, _option("A drug that may hide fever was given.")
    ] = None,
    hypotension: Annotated[str | None, _option("Low pressure, or support for it.")] = None,
    fluids_only: Annotated[str | None, _option("Treated with fluid and nothing else.")] = None,
    fluids_repeated: Annotated[str | None, _option("Two boluses or more in 24 h.")] = None,
    n_vasopressors_excl_vasopressin: Annotated[
        str | None, _option("How many vasopressors run, vasopressin not among them.", "N")
    ] = None,
    vasopressin: Annotated[str | None, _option("Vasopressin runs.")] = None,
    high_dose_pressor: Annotated[
        str | None, _option("High dose by the cut-offs of Lee 2014, for 3 h or longer.")
    ] = None,
    vasopressor_24h: Annotated[str | None, _option("A vasopressor has run for 24 h or longer.")] = None,
    oxygen_device: Annotated[
        str | None,
        _option("none, nasal_cannula, high_flow_nasal_cannula, venturi_mask, bipap, ...", "DEVICE"),
    ] = None,
    o2_flow_lpm: Annotated[str | None, _option("Oxygen flow, in L/min.", "L/MIN")] = None,
    fio2_pct: Annotated[str | None, _option("FiO2, in percent.", "PCT")] = None,
    intubated_for_airway_only: Annotated[
        str | None, _option("A tube for the airway, not for hypoxia.")
    ] = None,
    cause: Annotated[str | None, _option("car_t, t_cell_engager, haplo_hct, ...", "CAUSE")] = None,
    death_due_to_crs: Annotated[str | None, _option("Died of CRS.")] = None,
    age_years: Annotated[
        str | None, _option("Age, for ICANS: from 12 years the ICE counts, under it the CAPD.", "YEARS")
    ] = None,
    ice: Annotated[str | None, _option("ICE score, 0 to 10.", "N")] = None,
    capd: Annotated[str | None, _option("CAPD score, 0 to 32.", "N")] = None,
    cartox10: Annotated[str | None, _option("CARTOX-10 score, 0 to 10.", "N")] = None,
    consciousness: Annotated[
        str | None, _option("awake, spontaneous, voice, touch, pain, unarousable.", "WORD")
    ] = None,
    seizure: Annotated[str | None, _option("none, brief, prolonged, or its minutes.", "WORD")] = None,
    motor_weakness: Annotated[str | None, _option("Deep focal weakness.")] = None,
    oedema: Annotated[str | None, _option("none, focal, diffuse.", "WORD")] = None,
    death_due_to_icans: Annotated[str | None, _option("Died of ICANS.")] = None,
    csv_file: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="Grade each line of this CSV instead; the columns are the options, with underscores.",
            metavar="FILE",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the CSV here, not to the terminal.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Grade one snapshot, or each line of a CSV.

    Every scale answers with a grade, or with the set of grades that the findings allow. What is not said is not taken as normal.

    \b
    Examples:
      tocsin calc --temp-c 38.6 --fever-attributed-to-crs yes --oxygen-device nasal_cannula
      tocsin calc --ice 6 --consciousness awake --age-years 54
      tocsin calc --csv findings.csv --out grades.csv
    """
    findings = {
        name: value
        for name, value in context.params.items()
        if value is not None and name not in _NOT_FINDINGS
    }
    if csv_file is None:
        if out is not None:
            raise UserError("--out goes with --csv: give --csv FILE")
        _print_snapshot(findings, as_json)
        return
    if findings:
        raise UserError(
            f"--csv and --{next(iter(findings)).replace('_', '-')}: give the findings either way, not both"
        )
    _grade_file(csv_file, out, as_json)


def _print_snapshot(findings: dict[str, str], as_json: bool) -> None:
    """Print the answer of each scale."""
    from tocsin.grading.calc import calc as answer

    answers = answer(**findings)
    if as_json:
        json_text(answers)
        return
    rows = [
        (scale, "-".join(map(str, one["set"])), one["why"] + _settled_by(one["settled_by"]))
        for scale, one in answers.items()
    ]
    table(("scale", "grade", "why, and what settles it"), rows)


def _settled_by(fields: list[str]) -> str:
    """Return what would settle an answer, as the options that say it."""
    options = [field if " " in field else f"--{field.replace('_', '-')}" for field in fields]
    return f"\nsettled by: {', '.join(options)}" if options else ""


def _grade_file(file: Path, out: Path | None, as_json: bool) -> None:
    """Grade a CSV; everything is read before anything is written."""
    from tocsin.grading.table import grade_csv

    rows = list(grade_csv(file))
    if as_json:
        json_text(rows)
    elif out is None:
        _write(rows, file, sys.stdout)
    else:
        _write_beside(rows, file, out)


def _write_beside(rows: list[dict[str, Any]], file: Path, out: Path) -> None:
    """Write the CSV beside its place, then put it there."""
    from tocsin.commands.beside import written_beside

    with written_beside(out) as target:
        _write(rows, file, target)


def _write(rows: list[dict[str, Any]], file: Path, to: "TextIO") -> None:
    import csv

    writer = csv.DictWriter(to, list(rows[0]) if rows else _columns(file), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _columns(file: Path) -> list[str]:
    """Return the columns that a file without a line of findings leads to."""
    from tocsin.grading.table import columns_out

    first = file.read_text(encoding="utf-8-sig").splitlines()[0]
    return columns_out([name.strip() for name in first.replace(";", ",").split(",")])
