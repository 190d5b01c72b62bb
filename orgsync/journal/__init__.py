"""What was done to which CRM, and who may do something now."""

from orgsync.journal.book import Journal, open_journal, read_journal
from orgsync.journal.values import Head, Lease, Run, Taken

__all__ = ["Head", "Journal", "Lease", "Run", "Taken", "open_journal", "read_journal"]
