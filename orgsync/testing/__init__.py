"""The conformance kit: what every adapter has to stand, for whoever writes one.

In: one fixture, ``crm``, that yields a ``Crm``. Out: a suite of tests, inherited from ``Conformance``. Never: touches
anything but the CRM that it is given. It needs pytest: ``pip install 'orgsync[testing]'``.
"""

from orgsync.testing.conformance import Conformance
from orgsync.testing.crm import PEOPLE, Beside, Crm
from orgsync.testing.overhttp import HttpConformance

__all__ = ["PEOPLE", "Beside", "Conformance", "Crm", "HttpConformance"]
