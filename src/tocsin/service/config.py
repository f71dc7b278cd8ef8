"""What a site decides about the service: read from a TOML file and from the environment, checked before anything starts."""

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from tocsin.errors import UserError
from tocsin.sources.settings import Settings

PREFIX: Final = "TOCSIN_"
_TRUTH: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_LAST_PORT: Final = 65_535
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def key(default: Any, doc: str, *, secret: bool = False, low: int | None = None, shown: bool = True) -> Any:
    """Return a key of the configuration with what it means; a secret is never printed, and never taken from a command line."""
    metadata = {"doc": doc, "secret": secret, "low": low}
    return field(default=default, repr=shown and not secret, metadata=metadata)


@dataclass(frozen=True)
class Limits:
    """What one caller may ask of the service."""

    body_mib: int = key(32, "The largest body of a request, unpacked, in MiB.", low=1)
    json_depth: int = key(64, "How deep the JSON of a request may be nested.", low=4)
    requests_per_minute: int = key(
        6000, "How many requests one address may make in a minute, 0 for no limit.", low=0
    )
    body_seconds: int = key(30, "How long the body of a request may take to arrive.", low=1)
    answer_seconds: int = key(60, "How long a request may wait for its answer.", low=1)


@dataclass(frozen=True)
class Access:
    """Who may enter."""

    mode: Literal["loopback", "accounts", "proxy", "oidc"] = key(
        "loopback", "Who may enter: loopback (anyone on this machine), accounts, proxy or oidc."
    )
    public_url: str = key(
        "", "The address that people type, such as https://tocsin.example.org; https makes cookies secure."
    )
    proxies: tuple[str, ...] = key(
        (), "Addresses or networks of your reverse proxies: only what they say of a caller is believed."
    )
    user_header: str = key("X-Forwarded-User", "Mode proxy: the header with the name of the user.")
    groups_header: str = key("X-Forwarded-Groups", "Mode proxy: the header with the groups, between commas.")
    readers: tuple[str, ...] = key((), "Modes proxy and oidc: groups whose members may read; * is everyone.")
    writers: tuple[str, ...] = key((), "Modes proxy and oidc: groups whose members may also write.")
    admins: tuple[str, ...] = key(
        (), "Modes proxy and oidc: groups whose members may also read the audit log."
    )
    idle_minutes: int = key(30, "A session ends after so long without a request.", low=1)
    session_hours: int = key(12, "A session ends after so long in any case.", low=1)
    fhir_base: str = key("", "Mode oidc: the FHIR base address of a SMART server, for its standalone launch.")
    issuer: str = key("", "Mode oidc: the OpenID issuer, where there is no SMART server.")
    client_id: str = key("", "Mode oidc: the name under which Tocsin is registered there.")
    client_secret: str = key("", "Mode oidc: its secret, where it was given one.", secret=True)
    scope: str = key(
        "", "Mode oidc: what to ask for, where `openid fhirUser` (SMART) or `openid profile` is wrong."
    )
    name_claim: str = key(
        "sub", "Mode oidc: the claim with the name of the user, as the audit log writes it."
    )
    role_claim: str = key("groups", "Mode oidc: the claim with the groups; a dot goes into an inner object.")


@dataclass(frozen=True)
class Follow:
    """Who `tocsin follow` is to the FHIR server: a token, or a client with a key (SMART backend services)."""

    token: str = key("", "The bearer token; best in the environment.", secret=True)
    token_file: str = key("", "A file with the bearer token, read again when the server refuses it.")
    client_id: str = key("", "The id under which the server knows us as a SMART backend client.")
    key_file: str = key("", "Our private key (PEM: RSA, or the curve P-384), for its owner's eyes only.")
    key_id: str = key("", "The kid of that key, where the server knows several.")
    scope: str = key("", "What to ask for; without it, system/*.rs.")


@dataclass(frozen=True)
class Cds:
    """Which CDS Hooks clients may call, and from where a browser may."""

    clients: str = key(
        "", "A TOML file of the CDS clients that are trusted; without it only this machine may call."
    )
    origins: tuple[str, ...] = key((), "Origins whose pages may call the CDS routes from a browser (CORS).")
    leeway_seconds: int = key(10, "How far the clock of a CDS client may be off.", low=0)
    processes: int = key(
        0, "How many processes answer hooks; 0: one a core, at most 4; 1: none beside the service.", low=0
    )


@dataclass(frozen=True)
class Config:
    """Every key of the configuration, with what holds when it is not set."""

    store: str = key("", "The store: a file for SQLite, or postgresql://user@host/database.", shown=False)
    host: str = key("127.0.0.1", "The address to listen on.")
    port: int = key(8420, "The port to listen on.", low=0)
    zone: str = key("UTC", "The time zone of the ward: pages show it, times without a zone are read in it.")
    log: Literal["info", "warning", "off"] = key(
        "info", "What the log says of requests: all, only what failed, nothing."
    )
    limits: Limits = field(default_factory=Limits)
    access: Access = field(default_factory=Access)
    follow: Follow = field(default_factory=Follow)
    cds: Cds = field(default_factory=Cds)

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return self.host in LOOPBACK

    @property
    def place(self) -> str:
        """Where the store is: the one that is named, else the file in the user's data folder."""
        return self.store or str(default_store())

    @property
    def address(self) -> str:
        """The origin that people type, as far as it is known; empty otherwise."""
        if self.access.public_url:
            return self.access.public_url.rstrip("/")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}" if self.on_loopback else ""

    @property
    def secure(self) -> bool:
        """Whether people reach the service by https: then cookies travel by nothing else."""
        return self.access.public_url.startswith("https://") or not self.on_loopback


def has_password(store: str) -> bool:
    """Whether the address of a store holds a password."""
    if "://" not in store:
        return False
    address, _, query = store.split("://", 1)[1].partition("?")
    return ":" in address.rpartition("@")[0] or "password" in query.lower()


def default_store() -> Path:
    """Return the file of the store where none is named: in the user's data folder."""
    root = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(root) / "tocsin" / "tocsin.db"


def read_config(
    file: Path | None, environment: Mapping[str, str], overrides: Mapping[str, Any] | None = None
) -> Config:
    """Return the configuration: the file, over it the environment, over it what the command line said.

    Raises UserError for an unknown key, an impossible value, a password on the command line, and a file with secrets that others
    may read.
    """
    if has_password((overrides or {}).get("store") or ""):
        raise UserError(
            "--store: a password here is seen by everyone on this machine; put it into PGPASSWORD"
        )
    found = _from_file(file) if file is not None else {}
    found |= _from_environment(environment)
    found |= {(name,): (value, f"--{name}") for name, value in (overrides or {}).items() if value is not None}
    return checked(_built(Config, found, ()))


def checked(config: Config) -> Config:
    """Return a configuration that can be started. Raises UserError where its parts do not go together."""
    Settings.from_overrides({"zone": config.zone})
    if config.port > _LAST_PORT:
        raise UserError(f"port {config.port}: must be 0 to {_LAST_PORT}")
    if not config.on_loopback and config.access.mode == "loopback":
        raise UserError(
            f"host {config.host}: open to other machines, but access.mode is loopback; set access.mode to accounts, proxy or oidc"
        )
    _check_access(config.access, config.on_loopback)
    if config.cds.clients and not config.address:
        raise UserError(
            "cds.clients: set access.public_url, the address that clients write as aud and that links on cards lead to"
        )
    if not config.address:  # cookies travel by https alone, so nobody could sign in by the plain address
        raise UserError(
            f"host {config.host}: open to other machines; set access.public_url to the https address that people type"
        )
    return config


def _check_access(access: Access, on_loopback: bool) -> None:
    """Refuse a way in that would let in nobody, or that nobody could trust."""
    for name in access.proxies:
        try:
            ip_network(name)
        except ValueError:
            raise UserError(
                f"access.proxies: {name} is no address or network; write 10.1.2.3 or 10.1.2.0/24"
            ) from None
    if access.public_url:
        _check_address("access.public_url", access.public_url, bare=True)
    if access.mode == "proxy" and not access.proxies:
        raise UserError("access.mode is proxy: name the addresses of the proxy in access.proxies")
    if access.mode in ("proxy", "oidc") and not (access.readers or access.writers or access.admins):
        raise UserError(
            f"access.mode is {access.mode}: nobody may enter; name groups in access.readers, access.writers or access.admins"
        )
    if access.mode == "oidc":
        _check_oidc(access, on_loopback)


def _check_oidc(access: Access, on_loopback: bool) -> None:
    if not access.client_id:
        raise UserError("access.mode is oidc: set access.client_id, as it is registered at the provider")
    if bool(access.fhir_base) == bool(access.issuer):
        raise UserError(
            "access.mode is oidc: set access.fhir_base for a SMART server, or access.issuer, not both"
        )
    if not access.public_url and not on_loopback:
        raise UserError("access.mode is oidc: set access.public_url, where the provider sends people back to")
    for name in ("fhir_base", "issuer"):
        if getattr(access, name):
            _check_address(f"access.{name}", getattr(access, name))


def _check_address(name: str, url: str, bare: bool = False) -> None:
    """Refuse what is no https address; plain http only on this machine."""
    try:
        parts = urlsplit(url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        whole = bool(parts.hostname) and not (
            parts.username or parts.query or parts.fragment or parts.port == 0
        )
    except ValueError:
        safe = whole = False
    if not safe or not whole:
        raise UserError(f"{name} = {url}: write an https address without a query; http only for this machine")
    if bare and urlsplit(url).path not in ("", "/"):
        raise UserError(f"{name} = {url}: write it without a path; Tocsin lives at the root of its address")


def keys(of: type = Config, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Field[Any], Any]]:
    """Yield the path, the field and the type of every key."""
    hints = get_type_hints(of)
    for one in fields(of):
        here = (*path, one.name)
        if is_dataclass(hints[one.name]):
            yield from keys(hints[one.name], here)
        else:
            yield here, one, hints[one.name]


Found = dict[tuple[str, ...], tuple[Any, str]]  # the value of a key, and where it stands


def _from_file(file: Path) -> Found:
    try:
        text = file.read_bytes().decode("utf-8")
        found = dict(_flat(tomllib.loads(text), (), str(file)))
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); give the path of a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not TOML ({error}); correct it") from None
    known = {path: one for path, one, _ in keys()}
    for path in found:
        _refuse_unknown(".".join(path), [".".join(one) for one in known], str(file))
    secrets = [
        ".".join(path)
        for path, (value, _) in found.items()
        if known[path].metadata["secret"] or (path == ("store",) and has_password(str(value)))
    ]
    if secrets and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"{file}: holds {secrets[0]} and others may read it; run chmod 600 {file}")
    return found


def _flat(
    table: Mapping[str, Any], path: tuple[str, ...], where: str
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(cast("dict[str, Any]", value), (*path, name), where)
        else:
            yield (*path, name), (value, f"{where}: {'.'.join((*path, name))}")


def variable(path: tuple[str, ...]) -> str:
    """Return the environment variable of a key."""
    return PREFIX + "_".join(path).upper()


def _from_environment(environment: Mapping[str, str]) -> Found:
    known = {variable(path): path for path, _, _ in keys()}
    sections = {variable(path[:-1]) + "_" for path, _, _ in keys() if len(path) > 1}
    found: Found = {}
    for name, value in environment.items():
        # Others may have variables of this prefix; what is meant for a key and misspelt must not go unnoticed.
        if name.startswith(tuple(sections)) or (
            name.startswith(PREFIX) and get_close_matches(name, known, 1, 0.85)
        ):
            _refuse_unknown(name, list(known), "environment")
        if name in known:
            found[known[name]] = value, name
    return found


def _refuse_unknown(name: str, known: list[str], where: str) -> None:
    if name not in known:
        near = get_close_matches(name, known, n=1)
        raise UserError(
            f"{where}: unknown key {name}; "
            + (f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}")
        )


def _built(of: type, found: Found, path: tuple[str, ...]) -> Any:
    """Return a section with what was found of it."""
    hints = get_type_hints(of)
    values: dict[str, Any] = {}
    for one in fields(of):
        here = (*path, one.name)
        if is_dataclass(hints[one.name]):
            values[one.name] = _built(hints[one.name], found, here)
        elif here in found:
            values[one.name] = _read(hints[one.name], *found[here], one.metadata.get("low"))
    return replace(of(), **values) if _has_defaults(of) else of(**values)


def _has_defaults(of: type) -> bool:
    return all(one.default is not MISSING or one.default_factory is not MISSING for one in fields(of))


def _read(kind: Any, value: Any, where: str, low: int | None) -> Any:
    """Return a value as its key holds it."""
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise UserError(f"{where} = {value}: write one of {', '.join(get_args(kind))}")
        return value
    if get_origin(kind) is tuple:
        items: list[Any] = value.split(",") if isinstance(value, str) else value
        if not isinstance(value, str | list) or not all(isinstance(item, str) for item in items):
            raise UserError(f"{where}: write a list of texts")
        return tuple(str(item).strip() for item in items if str(item).strip())
    if kind is bool:
        truth = value if isinstance(value, bool) else _TRUTH.get(str(value).strip().lower())
        if truth is None:
            raise UserError(f"{where} = {value}: write true or false")
        return truth
    if kind is int:
        return _whole(value, where, low)
    if not isinstance(value, str):
        raise UserError(f"{where}: write a text")
    return value


def _whole(value: Any, where: str, low: int | None) -> int:
    try:
        if isinstance(value, bool | float):
            raise ValueError
        number = int(value)
    except (TypeError, ValueError):
        raise UserError(f"{where} = {value}: write a whole number") from None
    if low is not None and number < low:
        raise UserError(f"{where} = {number}: must be {low} or more")
    return number
