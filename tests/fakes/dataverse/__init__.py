"""A Dataverse environment on 127.0.0.1, written from the documented contract alone; what is not in it is refused."""

from tests.fakes.dataverse.rules import Environment
from tests.fakes.dataverse.server import Service, started
from tests.fakes.dataverse.tokens import CLIENT, OIDC_TOKEN, SECRET, TENANT

__all__ = ["CLIENT", "OIDC_TOKEN", "SECRET", "TENANT", "Environment", "Service", "started"]
