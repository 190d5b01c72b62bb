"""Roles that exclude each other, and somebody who gives them out behind orgsync's back."""

from pathlib import Path

from tests.repository import sql

PAYER = """---
apiVersion: orgsync/v1
kind: Role
key: payer
name: Payer
conflictsWith: [approver]
---
apiVersion: orgsync/v1
kind: Role
key: approver
name: Approver
"""


def by_hand(root: Path, login: str, role: str) -> None:
    """A grant that nobody declared."""
    sql(
        root,
        "INSERT INTO crm_grant (membership_id, role_id, created_by, created_at, changed_by, changed_at) "
        "SELECT m.id, r.id, 'eve', m.created_at, 'eve', m.changed_at FROM crm_membership m, crm_role r, crm_user u "
        f"WHERE u.id = m.user_id AND u.login = '{login}' AND r.external_id = '{role}'",
    )
