"""A result of charts: made-up subjects written in our CSV layout and graded, for the tests of what is said about care."""

import tempfile
from pathlib import Path
from typing import Any

from tests.support.charts import ADULT, chart, write_folder
from tocsin.api import grade
from tocsin.results import Result

CAR_T = "0h car_t/axicabtagene_ciloleucel; 12h temp 39"
ENGAGER = "0h t_cell_engager/teclistamab; 12h temp 39"
HAPLO = "0h haplo_hct; 12h temp 39"
# One vasopressor: grade 3 on ASTCT and on CTCAE v5, from 13 h to 20 h.
SEVERE = "13h norepinephrine 8 until 20h"
# A nasal cannula without a flow: grade 2 or 3 on ASTCT.
OPEN = "13h nasal_cannula until 20h"
FLUIDS = "13h sbp 80; 13h bolus 500"


def result_of(*texts: str, out: Path | None = None, **options: Any) -> Result:
    """Grade charts, one a subject, numbered from 1; parts of a chart stand apart by `;`."""
    subjects = [(ADULT, chart(text, place)) for place, text in enumerate(texts, 1)]
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), subjects)
        return grade(Path(folder), out=out, **options)


def joined(*parts: str) -> str:
    """One chart of several parts."""
    return "; ".join(part for part in parts if part)
