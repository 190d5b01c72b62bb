"""From the files to the desired organization, and findings with their places."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from orgsync.collector import collector_paused
from orgsync.errors import InvalidInput
from orgsync.finding import Finding, Severity, has_errors
from orgsync.intake import Intake, check
from orgsync.load import Repository, load
from orgsync.pipeline.judging import judged, terms_of
from orgsync.policy import declared_state
from orgsync.resolve import resolve
from orgsync.resources import Organization, Place
from orgsync.settings.values import Policies
from orgsync.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the YAML says: the files, the organization they declare, and all findings (errors too)."""

    repository: Repository
    desired: Organization
    findings: tuple[Finding, ...]


def validate(
    root: Path,
    *,
    today: date,
    watch: Watch,
    cache: Path | None = None,
    policies: Policies | None = None,
    hints: bool = False,
) -> Declared:
    """No CRM, no credentials. Raises nothing for content: errors are among the findings.

    cache      the folder that holds what was read of the same files earlier, None for nothing of the sort
    policies   what must hold; None where nobody asks, as for an older commit
    hints      hints at less privilege, too
    """
    with collector_paused():
        with watch.stage("load"):
            repository = load(root, Intake(root, cache).ready)
        with watch.stage("validate"):
            checked, invalid = check(repository)
        with watch.stage("resolve"):
            desired, unresolved = resolve(checked, repository, today=today)
        found = [*repository.findings, *invalid, *unresolved]
        if policies is None:
            return Declared(repository=repository, desired=desired, findings=by_place(found))
        with watch.stage("policies"):
            sound = not repository.unread and len(checked) == len(repository.documents)
            state = declared_state(desired, repository.position, sound=sound, today=today)
            found = judged(state, found, terms_of(root, policies, today), ask_hints=hints)
    return Declared(repository=repository, desired=desired, findings=by_place(found))


def stop_at_errors(findings: Sequence[Finding]) -> None:
    if has_errors(list(findings)):
        raise InvalidInput(by_place(findings))


def placed(findings: Iterable[Finding], declared: Declared) -> list[Finding]:
    """Findings about resources, at the place in the YAML that states them."""
    sources = declared.desired.sources
    return [
        replace(one, position=declared.repository.position(_field(one, place)))
        if one.position is None and (place := sources.get(one.address)) is not None
        else one
        for one in findings
    ]


def _field(finding: Finding, place: Place) -> Place:
    """Of a whole document the field that the finding is about, else the key by which others know it."""
    index, path = place
    return index, path or (_FIELDS.get(finding.code, "key"),)


_FIELDS = {"name-taken": "name", "bound-role-missing": "bind"}


def by_place(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those without a place last; errors before warnings in one place."""
    ranks = {severity: rank for rank, severity in enumerate(Severity)}
    return tuple(
        sorted(
            findings,
            key=lambda one: (
                one.position is None,
                (one.position.file, one.position.line, one.position.column) if one.position else ("", 0, 0),
                ranks[one.severity],
                one.code,
                one.detail,
            ),
        )
    )
