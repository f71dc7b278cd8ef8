"""The tables of the store. Nothing in them is ever changed in place but what is named so here; history is kept."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

VERSION = "1"  # of this schema: a store of another one is not opened

metadata = MetaData()
# SQLite numbers rows only in a column of type INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")
# Instants are microseconds since 1970 in UTC: the same in both databases, and without a zone to get wrong.
_Instant = BigInteger


about = Table(
    "about", metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False)
)

# `version` goes up by one with every change to what is known of the patient.
patients = Table(
    "patients",
    metadata,
    Column("patient", String, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("created", _Instant, nullable=False),
    Column("updated", _Instant, nullable=False),
)

# Every version of every resource, in the order they came; `current` marks the one that counts.
resources = Table(
    "resources",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=True),
    Column("patient", String, ForeignKey("patients.patient"), nullable=False),
    Column("type", String, nullable=False),
    Column("id", String, nullable=False),
    Column("hash", String, nullable=False),
    Column("full_url", String),
    Column("last_updated", _Instant),
    Column("content", LargeBinary, nullable=False),
    Column("received", _Instant, nullable=False),
    Column("current", Boolean, nullable=False),
)
# The guard against doubling: one current version of a resource, whatever runs side by side.
Index(
    "one_current_version",
    resources.c.patient,
    resources.c.type,
    resources.c.id,
    unique=True,
    sqlite_where=resources.c.current,
    postgresql_where=resources.c.current,
)
Index("resources_of_patient", resources.c.patient, resources.c.seq)

# What clinicians said; append-only.
annotations = Table(
    "annotations",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=True),
    Column("patient", String, ForeignKey("patients.patient"), nullable=False, index=True),
    Column("time", _Instant, nullable=False),
    Column("kind", String, nullable=False),
    Column("value", Text, nullable=False),
    Column("unit", String, nullable=False),
    Column("author", String, nullable=False),
    Column("entered_at", _Instant, nullable=False),
)

# What the board shows of a patient; made anew whenever the patient changes or time has passed.
summaries = Table(
    "summaries",
    metadata,
    Column("patient", String, ForeignKey("patients.patient"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("at", _Instant, nullable=False),
    Column("body", Text, nullable=False),
)

# The cards that were sent to EHRs, each when it was sent first.
cards = Table(
    "cards",
    metadata,
    Column("card", String, primary_key=True),
    Column("service", String, nullable=False),
    Column("patient", String, nullable=False, index=True),
    Column("summary", Text, nullable=False),
    Column("sent", _Instant, nullable=False),
)

# Which cards are those of the state of a patient now, and since when; an override of before that no longer counts.
states = Table(
    "states",
    metadata,
    Column("service", String, primary_key=True),
    Column("patient", String, primary_key=True),
    Column("cards", Text, nullable=False),
    Column("since", _Instant, nullable=False),
)

# What users of CDS Hooks answered to a card; append-only.
feedback = Table(
    "feedback",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=True),
    Column("card", String, nullable=False, index=True),
    Column("service", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("client", String, nullable=False),
    Column("received", _Instant, nullable=False),
)

# Who read or changed what; append-only, each line holds the hash of the one before it.
audit = Table(
    "audit",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("time", _Instant, nullable=False),
    Column("who", String, nullable=False),
    Column("act", String, nullable=False),
    Column("patient", String, index=True),
    Column("detail", Text, nullable=False),
    Column("before", String, nullable=False),
    Column("hash", String, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("name", String, primary_key=True),
    Column("password", String, nullable=False),
    Column("role", String, nullable=False),
    Column("created", _Instant, nullable=False),
    Column("disabled", Boolean, nullable=False),
)

# Bearer tokens of programs, known by their hash alone.
tokens = Table(
    "tokens",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("created", _Instant, nullable=False),
)

# Wrong passwords in a row, by the hash of the name that was typed: it may be a password in the wrong field.
attempts = Table(
    "attempts",
    metadata,
    Column("name_hash", String, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last", _Instant, nullable=False),
    Column("until", _Instant, nullable=False),
)

# A session is known by the hash of its token: who reads the table cannot enter with it. `way` is the mode it was opened in.
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("way", String, nullable=False),
    Column("created", _Instant, nullable=False),
    Column("seen", _Instant, nullable=False),
    Column("expires", _Instant, nullable=False),
)

# Sign-ins that are on their way to an OpenID provider and back, each known by the hash of what its browser holds.
launches = Table(
    "launches",
    metadata,
    Column("secret_hash", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("nonce", String, nullable=False),
    Column("verifier", String, nullable=False),
    Column("back", Text, nullable=False),
    Column("expires", _Instant, nullable=False),
)

# Tokens of CDS Hooks clients that were used: one that comes again is refused.
used_tokens = Table(
    "used_tokens",
    metadata,
    Column("issuer", String, primary_key=True),
    Column("jti", String, primary_key=True),
    Column("expires", _Instant, nullable=False),
)

# How far a FHIR server was followed.
cursors = Table(
    "cursors",
    metadata,
    Column("name", String, primary_key=True),
    Column("body", Text, nullable=False),
    Column("updated", _Instant, nullable=False),
)
