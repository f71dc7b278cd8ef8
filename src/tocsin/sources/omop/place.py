"""Where a CDM is: a folder, a DuckDB file or a PostgreSQL URL, with the schema behind a question mark."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from tocsin.errors import UserError

_SCHEMES = ("postgresql", "postgres")
_OURS = ("schema", "vocabulary")
# What libpq reads from a URL and anybody may see; a password or a key may stand in any other.
_SHOWN = ("host", "port", "dbname", "user", "sslmode")
_NO_URL = (
    "the PostgreSQL URL is no postgresql://user:password@host:port/database; write / ? # @ inside a password as "
    "%2F %3F %23 %40, or give it in PGPASSWORD"
)
_DUCK = b"DUCK"  # stands at byte 8 of every DuckDB file


@dataclass(frozen=True, slots=True)
class Place:
    """One place. `address` opens it (a URL may hold a password), `name` is what people and files may see."""

    address: str
    name: str
    schema: str | None = None
    vocabulary: str | None = None


def is_url(place: str | Path) -> bool:
    """Return whether a source is the URL of a PostgreSQL database."""
    return isinstance(place, str) and place.partition("://")[0].casefold() in _SCHEMES


def is_duckdb(path: Path) -> bool:
    """Return whether a file is a DuckDB database."""
    try:
        with path.open("rb") as file:
            return file.read(12)[8:] == _DUCK
    except OSError:
        return False


def file_of(place: str | Path) -> Path:
    """Return the path without what stands behind a question mark, unless a file has just that name."""
    path = Path(place)
    return path if path.exists() or "?" not in path.name else path.with_name(path.name.rpartition("?")[0])


def read_place(place: str | Path) -> Place:
    """Read where a source is.

    Raises UserError on an option that is none of ours.
    """
    if is_url(place):
        return _read_url(str(place))
    path = file_of(place)
    options = dict(parse_qsl(Path(place).name.rpartition("?")[2])) if path != Path(place) else {}
    unknown = [key for key in options if key not in _OURS]
    if unknown:
        raise UserError(f"{place}: {unknown[0]} is no option of a source; write ?schema=NAME")
    return Place(str(path), str(place), options.get("schema"), options.get("vocabulary"))


def _read_url(url: str) -> Place:
    parts = _parts(url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    ours = {key: value for key, value in options if key in _OURS}
    theirs = [(key, value) for key, value in options if key not in _OURS]
    shown = [(key, value) for key, value in options if key in _OURS or key in _SHOWN]
    address = urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(theirs, quote_via=quote), ""))
    named = urlunsplit(
        ("postgresql", _without_password(parts.netloc), parts.path, urlencode(shown, safe="/"), "")
    )
    return Place(_whole(address), _whole(named), ours.get("schema"), ours.get("vocabulary"))


def _parts(url: str) -> SplitResult:
    """Return the parts of a URL.

    Raises UserError where a mark inside a password breaks it, without a word of it: what looks like a host may be the password.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UserError(_NO_URL) from None
    login, _, hosts = parts.netloc.rpartition("@")
    ports = (host.rpartition("]")[2].rpartition(":")[2] for host in hosts.split(",") if ":" in host)
    elsewhere = parts.path + parts.fragment + ("" if login else parts.query)
    if "@" in login + elsewhere or not all(port == "" or port.isdecimal() for port in ports):
        raise UserError(_NO_URL)
    return parts


def _without_password(netloc: str) -> str:
    user, at, host = netloc.rpartition("@")
    return user.partition(":")[0] + at + host


def _whole(url: str) -> str:
    """Put back the two slashes that a URL without a host loses."""
    return url if url.startswith("postgresql://") else url.replace("postgresql:", "postgresql://", 1)


def secrets_of(address: str) -> tuple[str, ...]:
    """Return what must never be shown of an address, as it stands there and as it reads."""
    parts = urlsplit(address)
    password = parts.netloc.rpartition("@")[0].partition(":")[2]
    hidden = [value for key, value in parse_qsl(parts.query) if key not in _SHOWN]
    return tuple(text for text in {password, unquote(password), *hidden} if text)
