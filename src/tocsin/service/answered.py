"""What users of CDS Hooks answered to a card, as the API and the pages show it."""

from dataclasses import dataclass
from typing import Any

from tocsin.knowledge.cds import reasons
from tocsin.service.store.cards import SentCard
from tocsin.service.store.feedback import Feedback
from tocsin.sources.fhir.concepts import as_list, as_object


@dataclass(frozen=True, slots=True)
class Answered:
    """A card and an answer to it."""

    card: SentCard
    said: Feedback

    @property
    def words(self) -> str:
        """The answer in words, with its reason, or with how many suggestions were taken."""
        if self.said.outcome == "accepted":
            count = len(as_list(self.said.body.get("acceptedSuggestions")))
            return f"accepted, {count} suggestion{'' if count == 1 else 's'} taken"
        said = as_object(self.said.body.get("overrideReason"))
        reason = as_object(said.get("reason"))
        known = {one.code: one.display for one in reasons()}
        named = known.get(str(reason.get("code")), reason.get("display") or reason.get("code"))
        why = [str(one) for one in (named, said.get("userComment")) if one]
        return f"overridden{': ' if why else ''}{'; '.join(why)}"

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "received": self.said.received,
            "patient": self.card.patient,
            "card": self.card.card,
            "summary": self.card.summary,
            "service": self.said.service,
            "outcome": self.said.outcome,
            "reason": self.said.body.get("overrideReason"),
            "client": self.said.client,
        }


def answered(found: list[tuple[SentCard, Feedback]]) -> list[Answered]:
    """Return cards and answers as they are shown."""
    return [Answered(card, said) for card, said in found]
