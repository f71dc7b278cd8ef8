"""The pages that cards link to: each rule with its source and how sure it is. No patient data: anyone may read them."""

from fastapi import APIRouter, Request, Response

from tocsin.knowledge.explain import explain
from tocsin.knowledge.rules import rules
from tocsin.service.errors import Problem
from tocsin.service.pages.render import page

router = APIRouter(include_in_schema=False)


@router.get("/rules")
async def every_rule(request: Request) -> Response:
    """Return the page that lists the rules."""
    return page("rules.html", request, rules=list(rules().values()))


@router.get("/rules/{id}")
async def one_rule(id: str, request: Request) -> Response:
    """Return the page of a rule."""
    known = rules().get(id)
    if known is None:
        raise Problem(404, "unknown_rule", f"no rule {id[:100]}; /rules lists them")
    return page("rule.html", request, rule=known, told=explain(id))
