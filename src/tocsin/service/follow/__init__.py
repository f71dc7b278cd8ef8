"""Following a FHIR R4 server: a group's patients, kept current in the store by what changed since the last look."""

from tocsin.service.follow.auth import Bearer, Credentials, SmartBackend, credentials_of
from tocsin.service.follow.client import FhirClient, Patience, Stop, Stopped
from tocsin.service.follow.patient import Habits
from tocsin.service.follow.rounds import Follower, Round

__all__ = [
    "Bearer",
    "Credentials",
    "FhirClient",
    "Follower",
    "Habits",
    "Patience",
    "Round",
    "SmartBackend",
    "Stop",
    "Stopped",
    "credentials_of",
]
