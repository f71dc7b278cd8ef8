"""Results that the export tests share: the bundled patients, a made-up crowd, and one chart with everything in it."""

from pathlib import Path

import pytest

from tests.support.made_up import csv_folder
from tests.support.round_trips import random_result
from tocsin.api import grade
from tocsin.demo import demo_folder
from tocsin.results import Result

# Made up: an infusion with an end, one without, a rate nobody charted, a bolus without a duration, words, a limit, a death.
EVERYTHING = (
    "p/1,2024-01-01T10:00:00Z,body_temperature,38.5,Cel,,",
    "p/1,2024-01-01T10:00:00Z,weight,70,kg,,",
    "p/1,2024-01-01T11:00:00Z,systolic_bp,80,mm[Hg],,",
    "p/1,2024-01-01T11:10:00Z,iv_fluid_bolus,,,,",
    "p/1,2024-01-01T12:00:00Z,oxygen_device,,,nasal_cannula,",
    "p/1,2024-01-01T14:00:00Z,norepinephrine,8,ug/min,,2024-01-01T20:00:00Z",
    "p/1,2024-01-01T15:00:00Z,norepinephrine,12,ug/min,,2024-01-01T16:00:00Z",
    "p/1,2024-01-01T15:00:00Z,vasopressin,,,,",
    "p/1,2024-01-01T15:30:00Z,tocilizumab,560,mg,,",
    "p/1,2024-01-01T16:00:00Z,ice_score,8,{score},,",
    "p/1,2024-01-01T16:00:00Z,consciousness,,,awakens to voice,",
    "p/1,2024-01-01T17:00:00Z,seizure,,,,",
    "p/1,2024-01-01T18:00:00Z,attribution,,,intubation:airway_only,",
    "p/1,2024-01-01T18:30:00Z,oxygen_device,,,invasive_ventilation,2024-01-02T06:00:00Z",
    "p/1,2024-01-02T12:00:00.123456Z,death,,,crs,",
)


@pytest.fixture(scope="session")
def demo() -> Result:
    """The bundled made-up patients."""
    return grade(demo_folder())


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Made-up subjects of every kind."""
    return random_result(tmp_path_factory.mktemp("crowd"), 71, 60)


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """One made-up patient whose id FHIR cannot have."""
    folder: Path = tmp_path_factory.mktemp("everything")
    therapies = ["p/1,2024-01-01T00:00:00Z,car_t,axicabtagene_ciloleucel"]
    subjects = "subject_id,birth_date,sex\np/1,1980-05-01,female\n"
    return grade(csv_folder(folder, EVERYTHING, therapies, subjects=subjects), events="all")
