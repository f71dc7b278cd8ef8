"""HealthChain's CDS Hooks service that does nothing but answer: run by the Python of its own environment, never by ours."""

# pyright: basic, reportMissingImports=false, reportUnknownVariableType=false
import sys

import uvicorn
from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.models.responses.cdsresponse import CDSResponse

app = HealthChainAPI()
service = CDSHooksService()


@service.hook("patient-view", id="nothing")
def nothing(request: object) -> CDSResponse:
    """Answer without looking."""
    return CDSResponse(cards=[])


app.register_service(service)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
