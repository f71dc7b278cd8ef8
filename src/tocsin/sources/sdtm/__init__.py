"""SDTM datasets (XPT, Dataset-JSON, CSV, parquet) to flat rows; and the CRS grades that a site reported in them."""

from tocsin.sources.sdtm.files import looks_like_sdtm
from tocsin.sources.sdtm.reported import reported_grades
from tocsin.sources.sdtm.study import open_sdtm

__all__ = ["looks_like_sdtm", "open_sdtm", "reported_grades"]
