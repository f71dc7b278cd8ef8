"""A search of a FHIR server, page after page, and what each page holds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tocsin.service.follow.client import Answer, Cut, FhirClient, Refused
from tocsin.sources.fhir.concepts import Json, as_list, as_object, as_text

PER_PAGE: Final = 500
_MOST_PAGES: Final = 5000


class Expired(Exception):
    """The server has forgotten the search whose next page was asked for."""


@dataclass(slots=True)
class Page:
    """One page: the resources that match, those that came along, and how many entries were neither."""

    matches: list[Json] = field(default_factory=list[Json])
    others: list[Json] = field(default_factory=list[Json])
    strange: int = 0
    next: str | None = None


def pages(client: FhirClient, kind: str, parameters: Mapping[str, str]) -> Iterator[Page]:
    """Yield the pages of a search.

    Raises FhirError: Cut where the first pages came and the others do not. Raises Expired when the server lets go of the search
    on the way.
    """
    answer, seen = client.search(kind, {**parameters, "_count": str(PER_PAGE)}), set[str]()
    if answer.is_absent:
        raise Refused(f"{kind}: the server has no such search ({answer.status}); check the address")
    while True:
        page = _page(answer, kind)
        yield page
        if page.next is None:
            return
        if page.next in seen or len(seen) >= _MOST_PAGES:
            raise Cut(f"{kind}: the server's pages have no end; this is a fault of the server")
        seen.add(page.next)
        client.stop.check()
        try:
            answer = client.follow(page.next, kind)
        except Refused as error:
            raise Cut(str(error), error.said) from None
        if answer.is_absent:
            raise Expired


def _page(answer: Answer, kind: str) -> Page:
    bundle = answer.body
    if bundle.get("resourceType") != "Bundle":
        raise Refused(
            f"{kind}: the server answers a search with no Bundle; check that the address is that of FHIR R4"
        )
    page = Page(next=_next(bundle))
    for entry in map(as_object, as_list(bundle.get("entry"))):
        resource = as_object(entry.get("resource"))
        mode = as_object(entry.get("search")).get("mode")
        if mode == "outcome" or resource.get("resourceType") == "OperationOutcome":
            continue  # a remark about the search
        if resource.get("resourceType") == kind:
            page.matches.append(resource)
        elif mode == "include":
            page.others.append(resource)
        else:
            page.strange += 1
    return page


def _next(bundle: Json) -> str | None:
    links = (as_object(link) for link in as_list(bundle.get("link")))
    return next((as_text(link.get("url")) or "" for link in links if link.get("relation") == "next"), None)


def version(resource: Json) -> tuple[str | None, str | None]:
    """Return what tells one version of a resource from another, as the server writes it."""
    meta = as_object(resource.get("meta"))
    return as_text(meta.get("versionId")), as_text(meta.get("lastUpdated"))
