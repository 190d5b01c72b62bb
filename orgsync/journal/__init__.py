"""What was done to which CRM, and who may do something now."""

from orgsync.journal.book import Journal, open_journal, read_journal
from orgsync.journal.values import Head, Lease, Run, Taken, head_of

__all__ = ["Head", "Journal", "Lease", "Run", "Taken", "head_of", "open_journal", "read_journal"]
