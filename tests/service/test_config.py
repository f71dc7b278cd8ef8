"""The configuration: where each key is read from, and what is refused."""

from pathlib import Path

import pytest

from scripts import reference_service
from tocsin.errors import UserError
from tocsin.service.config import Config, default_store, has_password, keys, read_config, variable


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "tocsin.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_without_anything_it_listens_on_loopback_over_a_file_of_the_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = read_config(None, {})
    assert config == Config()
    assert config.on_loopback
    assert config.access.mode == "loopback"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_store() == Path("/data/tocsin/tocsin.db")


def test_the_command_line_stands_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'port = 1\nzone = "Europe/Berlin"\n[limits]\nbody_mib = 3\njson_depth = 9\n')
    config = read_config(file, {"TOCSIN_PORT": "2", "TOCSIN_LIMITS_BODY_MIB": "4"}, {"port": 5, "host": None})
    assert (config.port, config.zone, config.limits.body_mib, config.limits.json_depth) == (
        5,
        "Europe/Berlin",
        4,
        9,
    )
    assert config.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prot = 1", "unknown key prot; did you mean port?"),
        ("[limits]\nbody = 1", "unknown key limits.body; did you mean limits.body_mib?"),
        ("port = 'x'", "port = x: write a whole number"),
        ("port = -1", "port = -1: must be 0 or more"),
        ("port = 1.5", "port = 1.5: write a whole number"),
        ("port = true", "port = True: write a whole number"),
        ("log = 'loud'", "log = loud: write one of info, warning, off"),
        ("host = 7", "host: write a text"),
        ("zone = 'Mars/North'", "zone=Mars/North: no such time zone"),
        ("port = ", "not TOML"),
        ("[limits]\nbody_mib = 0", "limits.body_mib = 0: must be 1 or more"),
        ("host = '0.0.0.0'", "open to other machines, but access.mode is loopback"),
        (
            "host = '0.0.0.0'\naccess.mode = 'accounts'\ncds.clients = 'x.toml'",
            "cds.clients: set access.public_url",
        ),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError) as raised:
        read_config(written(tmp_path, text), {})
    assert says in raised.value.message
    assert "\n" not in raised.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read \(No such file"):
        read_config(tmp_path / "none.toml", {})


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("TOCSIN_PROT", "did you mean TOCSIN_PORT"),
        ("TOCSIN_LIMITS_BODY", "did you mean TOCSIN_LIMITS_BODY_MIB"),
        ("TOCSIN_ACCESS_ANYTHING", "unknown key"),
    ],
)
def test_a_misspelt_variable_does_not_go_unnoticed(name: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_config(None, {name: "1"})


def test_variables_of_others_are_left_alone() -> None:
    assert read_config(None, {"TOCSIN_DEBUG": "1", "TOCSIN_SHARED": "/x", "PATH": "/bin"}) == Config()


@pytest.mark.parametrize(("mode", "refused"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_file_with_a_password_is_for_its_owner_only(tmp_path: Path, mode: int, refused: bool) -> None:
    file = written(tmp_path, 'store = "postgresql://u:hidden@localhost/d"', mode)
    if refused:
        with pytest.raises(UserError, match="chmod 600") as raised:
            read_config(file, {})
        assert "hidden" not in raised.value.message
    else:
        assert read_config(file, {}).store.endswith("hidden@localhost/d")


def test_a_configuration_never_shows_its_secrets() -> None:
    assert "hidden" not in repr(Config(store="postgresql://u:hidden@localhost/d"))
    secret = [".".join(path) for path, one, _ in keys() if one.metadata["secret"] and one.repr]
    assert not secret


@pytest.mark.parametrize(
    ("store", "has"),
    [
        ("postgresql://u:p@h/d", True),
        ("postgresql://u@h:5432/d", False),
        ("postgresql://h/d", False),
        ("postgresql://u@h/d?password=p", True),
        ("postgresql://u@h/d?sslmode=require", False),
        ("/srv/a:b@c.db", False),
        ("C:\\store.db", False),
    ],
)
def test_a_password_in_an_address_is_seen(store: str, has: bool) -> None:
    assert has_password(store) is has


def test_every_key_says_what_it_means_and_is_in_the_reference() -> None:
    page = reference_service.pages()["reference/service.md"]
    variables = [variable(path) for path, _, _ in keys()]
    assert len(set(variables)) == len(variables), "two keys of one variable"
    for path, one, _ in keys():
        assert one.metadata["doc"].endswith(".")
        assert f"| `{'.'.join(path)}` | `{variable(path)}` |" in page
