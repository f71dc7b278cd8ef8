"""The durable store: one schema for SQLite and PostgreSQL."""

from tocsin.service.store.database import open_database
from tocsin.service.store.store import Annotation, Incoming, Kept, Patient, Saved, Store, Stored

__all__ = ["Annotation", "Incoming", "Kept", "Patient", "Saved", "Store", "Stored", "open_store"]


def open_store(place: str) -> Store:
    """Open the store at a file or a postgresql:// address; tables that are not there are made.

    Raises UserError when it cannot be opened.
    """
    return Store(open_database(place))
