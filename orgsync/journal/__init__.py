"""What was done to which CRM, and who may do something now: ``book`` writes, ``reading`` reads."""

from orgsync.journal.entries import Entries
from orgsync.journal.reading import read_journal
from orgsync.journal.values import Head, Lease, Run, Taken, head_of

__all__ = ["Entries", "Head", "Lease", "Run", "Taken", "head_of", "read_journal"]
