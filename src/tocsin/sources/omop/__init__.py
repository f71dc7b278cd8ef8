"""The OMOP source: a CDM 5.4 (or 5.3) in a DuckDB file, a folder of parquet or text files, or a PostgreSQL database."""

from tocsin.sources.omop.open import looks_like_omop, open_omop
from tocsin.sources.omop.place import file_of, is_url

__all__ = ["file_of", "is_url", "looks_like_omop", "open_omop"]
