"""A Salesforce org on 127.0.0.1, written from the documented contract alone; what is not documented is refused."""

from tests.fakes.salesforce.server import Service, started
from tests.fakes.salesforce.store import Org
from tests.fakes.salesforce.tokens import CLIENT, REFRESH, SECRET

__all__ = ["CLIENT", "REFRESH", "SECRET", "Org", "Service", "started"]
