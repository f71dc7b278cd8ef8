"""What one round of following did, in numbers and in words without a patient."""

from dataclasses import dataclass, field


@dataclass
class Tally:
    """What one round did."""

    new: int = 0  # resources, new or in a new version
    gone: int = 0  # resources that the server has deleted
    aside: int = 0  # resources that could not be kept, from all rounds
    changed: int = 0  # patients
    is_cut: bool = False  # of something the first part was read, and not the rest
    troubles: dict[str, int] = field(default_factory=dict[str, int])
    # Of a trouble, what the server said: for a person only.
    said: dict[str, str] = field(default_factory=dict[str, str])

    def note(self, trouble: str, said: str = "") -> None:
        """Count something that went wrong."""
        self.troubles[trouble] = self.troubles.get(trouble, 0) + 1
        if said:
            self.said[trouble] = said
