"""How bad each finding is, and which ones somebody agreed to.

In: findings of policies, the settings. Out: the findings as they are to be told. Never: drops what is waived; it is
told as information, with the reason.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase

from orgsync.finding import Finding, Position, Severity
from orgsync.policy.state import finding
from orgsync.settings.policies import OF_A_PLAN, POLICIES, Asked
from orgsync.settings.values import Policies, Waiver

Where = Callable[[Sequence[str | int]], Position]
"""The place of a setting below ``policies``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a policy is judged by. ``live``: the findings are about what lives, not about what is declared."""

    policies: Policies
    today: date
    where: Where
    live: bool = False


def settle(found: Iterable[Finding], terms: Terms) -> tuple[list[Finding], set[int]]:
    """The findings with their severities and waivers, and the numbers of the waivers that were used."""
    severities, waivers = severities_of(terms.policies), _Waivers(terms)
    used: set[int] = set()
    told: list[Finding] = []
    for one in found:
        if one.code not in severities:
            told.append(one)
        elif (severity := severities[one.code]) is not None:
            number = waivers.of(one)
            if number is None:
                told.append(replace(one, severity=severity))
            else:
                used.add(number)
                told.append(_as_waived(one, terms.policies.waivers[number]))
    return told, used


def severities_of(policies: Policies) -> Mapping[str, Severity | None]:
    """Code -> severity, None where it is off; of every policy and every rule."""
    stated = {code: str(policy.severity) for code, policy in POLICIES.items()} | dict(policies.severities)
    stated |= {rule.id: rule.severity for rule in policies.rules}
    return {code: None if word == "off" else Severity(word) for code, word in stated.items()}


class _Waivers:
    """Those in force. Most name one address: these are looked up, whatever their number."""

    def __init__(self, terms: Terms) -> None:
        self._exact: dict[tuple[str, str], int] = {}
        self._patterns: dict[str, list[tuple[str, int]]] = {}
        for number, waiver in enumerate(terms.policies.waivers):
            if _is_in_force(waiver, terms):
                self._exact.setdefault((waiver.code, waiver.address), number)
                if not {*waiver.address}.isdisjoint("*?["):
                    self._patterns.setdefault(waiver.code, []).append((waiver.address, number))

    def of(self, one: Finding) -> int | None:
        if (number := self._exact.get((one.code, one.address))) is not None:
            return number
        patterns = self._patterns.get(one.code, ())
        return next((number for pattern, number in patterns if fnmatchcase(one.address, pattern)), None)


def _is_in_force(waiver: Waiver, terms: Terms) -> bool:
    return terms.today.isoformat() <= waiver.until and (terms.live or not waiver.live)


def _as_waived(one: Finding, waiver: Waiver) -> Finding:
    return replace(one, severity=Severity.INFO, waiver=f"until {waiver.until}: {waiver.reason}")


def about_waivers(terms: Terms, used: set[int]) -> Iterator[Finding]:
    """Waivers that have ended, end soon, or have nothing to waive. ``used``: what ``settle`` answered."""
    today = terms.today.isoformat()
    for number, waiver in enumerate(terms.policies.waivers):
        what = f"{waiver.code} of {waiver.address}"
        if waiver.until < today:
            if not terms.live:
                yield _about("waiver-expired", f"{what} ended on {waiver.until}", terms, number, "until")
        elif number not in used and waiver.live == terms.live and _is_of_state(waiver, terms.policies):
            yield _about("unused-waiver", what, terms, number, "code")
        elif not terms.live and (date.fromisoformat(waiver.until) - terms.today) <= terms.policies.warn_before:
            yield _about("waiver-ends-soon", f"{what} ends on {waiver.until}", terms, number, "until")


def _is_of_state(waiver: Waiver, policies: Policies) -> bool:
    """Whether it can be known that nothing needs it: what a plan does or a hint says is not always asked."""
    if waiver.code in POLICIES:
        return POLICIES[waiver.code].asked is Asked.STATE
    return all(rule.each not in OF_A_PLAN for rule in policies.rules if rule.id == waiver.code)


def _about(code: str, detail: str, terms: Terms, number: int, field: str) -> Finding:
    return finding(code, detail, "", terms.where(("waivers", number, field)))
