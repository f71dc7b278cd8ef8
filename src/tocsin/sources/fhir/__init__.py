"""The FHIR R4 source: one Bundle, a folder of Bundles, or a bulk export of NDJSON, as one flat table of rows."""

from tocsin.sources.fhir.bundle import read_bundle, read_resources
from tocsin.sources.fhir.files import looks_like_fhir
from tocsin.sources.fhir.folder import open_fhir

__all__ = ["looks_like_fhir", "open_fhir", "read_bundle", "read_resources"]
