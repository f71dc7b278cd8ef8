"""Runs every row of the rule book beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin.grading.calc import calc

FOLDER = Path(__file__).parent
FIELDS = {
    "temp": "temp_c",
    "crs": "fever_attributed_to_crs",
    "drug": "antipyretic_or_anticytokine_given",
    "hypotension": "hypotension",
    "fluids": "fluids_only",
    "repeated": "fluids_repeated",
    "pressors": "n_vasopressors_excl_vasopressin",
    "vasopressin": "vasopressin",
    "high_dose": "high_dose_pressor",
    "run_24h": "vasopressor_24h",
    "device": "oxygen_device",
    "flow": "o2_flow_lpm",
    "fio2": "fio2_pct",
    "tube": "intubated_for_airway_only",
    "age": "age_years",
    "ice": "ice",
    "capd": "capd",
    "cartox10": "cartox10",
    "consciousness": "consciousness",
    "seizure": "seizure",
    "weakness": "motor_weakness",
    "oedema": "oedema",
}
WORDS = {"rule", "bug", "patient"}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def table(page: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a page with their line numbers, the base filled in."""
    lines = page.read_text("utf-8").splitlines()
    base = next(line for line in lines if line.startswith("base:")).removeprefix("base:").split()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    header = cells(lines[start])
    for number, line in enumerate(lines[start + 2 :], start + 3):
        said = dict(zip(header, cells(line), strict=True))
        yield number, dict(part.split("=") for part in base) | {k: v for k, v in said.items() if v}


ROWS = [
    pytest.param(page.stem, row, id=f"{page.name}:{number}")
    for page in sorted(FOLDER.glob("*.md"))
    if page.name != "README.md"
    for number, row in table(page)
]


@pytest.mark.parametrize(("page", "row"), ROWS)
def test_row(page: str, row: dict[str, str]) -> None:
    death = "death_due_to_icans" if page == "icans" else "death_due_to_crs"
    findings: dict[str, object] = {}
    expected: dict[str, str] = {}
    for column, cell in row.items():
        field = death if column == "death" else FIELDS.get(column)
        if field:
            findings[field] = "unknown" if cell == "?" else cell
        elif column not in WORDS:
            expected[column] = cell
    answer = calc(**findings)
    assert expected
    for scale, cell in expected.items():
        if cell == "-":
            assert answer[scale]["grade"] is None, scale
        else:
            grades = [int(grade) for grade in cell.split(",")]
            assert answer[scale]["set"] == grades, (scale, answer[scale]["why"])
            assert answer[scale]["grade"] == (grades[0] if len(grades) == 1 else None)
