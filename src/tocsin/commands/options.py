"""The words that options take."""

from enum import StrEnum


class Format(StrEnum):
    """The formats of a source."""

    auto = "auto"
    fhir = "fhir"
    meds = "meds"
    omop = "omop"
    sdtm = "sdtm"
    csv = "csv"


class Events(StrEnum):
    """Whose events are kept."""

    episodes = "episodes"
    all = "all"
    none = "none"
