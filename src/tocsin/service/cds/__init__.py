"""CDS Hooks 2.0: discovery, services, cards, feedback, and who may call."""

from tocsin.service.cds.routes import add_graders, end_graders, install, router
from tocsin.service.cds.rules import router as _rules

router.include_router(_rules)

__all__ = ["add_graders", "end_graders", "install", "router"]
