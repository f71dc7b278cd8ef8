"""The shapes of CDS Hooks in the OpenAPI document."""

from typing import Any

from pydantic import BaseModel, Field


class Offered(BaseModel):
    """One service."""

    hook: str
    title: str
    description: str
    id: str
    prefetch: dict[str, str]
    usageRequirements: str


class Discovery(BaseModel):
    """The services."""

    services: list[Offered]


class Answer(BaseModel):
    """The cards; none where there is nothing to say."""

    cards: list[dict[str, Any]]


class Kept(BaseModel):
    """How many answers were kept."""

    kept: int = Field(description="How many entries were kept.")
    note: str


def body_of(what: str, required: tuple[str, ...]) -> dict[str, Any]:
    """Return how OpenAPI describes a body that is read by hand."""
    schema = {"type": "object", "required": list(required)}
    return {
        "requestBody": {
            "required": True,
            "description": what,
            "content": {"application/json": {"schema": schema}},
        }
    }
