"""Whom we ask by https: a certificate that nobody vouches for is refused, and a hospital may name its own authority."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.followed import QUICK
from tests.support.tls import https
from tocsin.service.access.discovery import Discovery
from tocsin.service.cds.clients import fetched
from tocsin.service.config import Access
from tocsin.service.follow import FhirClient


def ask_fhir(url: str) -> None:
    """As `tocsin follow` asks."""
    client = FhirClient(url, patience=QUICK)
    try:
        client.read("Group", "ward")
    finally:
        client.close()


def ask_provider(url: str) -> None:
    """As the sign-in asks an OpenID provider."""
    asyncio.run(Discovery(Access()).fetch(f"{url}/.well-known/openid-configuration"))


def ask_client(url: str) -> None:
    """As the keys of a CDS client are fetched."""
    fetched(f"{url}/jwks.json")


@pytest.mark.parametrize("ask", [ask_fhir, ask_provider, ask_client])
def test_a_hospital_may_name_its_own_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[str], None]
) -> None:
    with https(tmp_path, {"resourceType": "Group", "keys": []}) as (url, authority):
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        with pytest.raises(Exception, match=r"certificate|cannot be reached"):
            ask(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        ask(url)


def test_a_follower_says_at_once_what_to_do(tmp_path: Path) -> None:
    with (
        https(tmp_path, {}) as (url, _),
        pytest.raises(
            Exception,
            match=r"its certificate is not trusted \(.*\); name the file of your own authority in SSL_CERT_FILE",
        ),
    ):
        ask_fhir(url)
