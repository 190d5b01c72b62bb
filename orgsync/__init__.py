"""orgsync: the organizational structure of a CRM, declared in YAML, planned, reviewed and applied."""

__version__ = "0.1.0"
