"""Rules of one's own, in CEL: evaluated by a process of its own, within limits of time and memory.

In: rules, what they are asked of, where they stand. Out: findings. Never: starts the process where there is nothing to
ask; takes a rule that could not be evaluated for one that holds.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orgsync.finding import Finding
from orgsync.policy.subjects import Subject, Subjects
from orgsync.policy.waivers import Terms
from orgsync.settings.policies import asked_for, fill
from orgsync.settings.values import Rule

_CHILD = str(Path(__file__).with_name("child.py"))
_PASSED_ON = ("HOME", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "SYSTEMROOT")
"""Without them an interpreter may not find its packages; nothing else of the environment is any of its business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """For all rules together. ``evaluations``: so many more take a second more."""

    seconds: int = 20
    evaluations: int = 5_000
    bytes: int = 2 * 1024**3


BOUNDS = Bounds()


def broken(
    rules: Sequence[tuple[int, Rule]], subjects: Subjects, terms: Terms, *, actor: str = "", bounds: Bounds = BOUNDS
) -> Iterator[Finding]:
    """``rules``: with their numbers in the settings."""
    if not rules:
        return
    wanted: dict[str, set[str]] = {}
    for _, rule in rules:
        wanted.setdefault(rule.each, set()).update(asked_for(rule))
    subjects.tabulates = any("access" in names for names in wanted.values())
    asked_of = {each: subjects.of(each) for each in wanted}
    common = {"today": terms.today.isoformat(), "actor": actor}
    values = {
        each: [{name: one.fields[name] for name in wanted[each]} for one in listed] for each, listed in asked_of.items()
    }
    question = {"subjects": values, "shared": subjects.shared, "common": common, "bytes": bounds.bytes}
    seconds = bounds.seconds + sum(len(asked_of[rule.each]) for _, rule in rules) // bounds.evaluations
    answers = _evaluate([rule for _, rule in rules], question, seconds)
    for (number, rule), answer in zip(rules, answers, strict=True):
        yield from _told(rule, number, answer, asked_of[rule.each], terms)


def _told(
    rule: Rule, number: int, answer: Mapping[str, Any], subjects: Sequence[Subject], terms: Terms
) -> Iterator[Finding]:
    if "fault" in answer:
        where = f", of {_name(subjects[answer['of']])}" if "of" in answer else ""
        yield Finding(
            code="unusable-rule",
            summary="a rule cannot be evaluated",
            detail=f"{rule.id}: {answer['fault']}{where}",
            remedy="correct the expression; docs/policies.md lists what a rule can ask for",
            position=terms.where(("rules", number, "require")),
        )
    broken = answer.get("broken", ())
    stands = f"the rule stands at {terms.where(('rules', number))}" if broken else ""
    for index in broken:
        yield _finding(rule, stands, subjects[index])


def _finding(rule: Rule, stands: str, subject: Subject) -> Finding:
    return Finding(
        code=rule.id,
        summary="a rule of this repository does not hold",
        detail=fill(rule.message, subject.fields) if rule.message else _name(subject),
        remedy="\n".join(filter(None, (rule.remedy, stands))),
        position=subject.place(),
        address=subject.address,
    )


def _name(subject: Subject) -> str:
    return subject.address or ", ".join(subject.fields["users"][:3])


def _evaluate(rules: Sequence[Rule], question: Mapping[str, Any], seconds: int) -> list[Mapping[str, Any]]:
    """An answer per rule. One that ends the process is named, and the others are asked again while there is time."""
    answers: list[Mapping[str, Any]] = []
    ends = time.monotonic() + seconds
    while len(answers) < len(rules):
        left = ends - time.monotonic()
        if left <= 0:
            answers += [{"fault": f"the rules before it took all of the {seconds} seconds"}] * (
                len(rules) - len(answers)
            )
            break
        waiting = [
            {"each": rule.each, "require": rule.require, "fields": asked_for(rule)} for rule in rules[len(answers) :]
        ]
        found, fault = _ask({**question, "rules": waiting, "seconds": seconds}, left)
        answers += found[: len(waiting)]
        if len(found) < len(waiting):
            answers.append({"fault": fault})
    return answers


def _ask(question: Mapping[str, Any], seconds: float) -> tuple[list[Mapping[str, Any]], str]:
    """The answers that came, and what happened to the one that did not."""
    environment = {name: value for name in _PASSED_ON if (value := os.environ.get(name))}
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-P", _CHILD],
            input=json.dumps(question).encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired as expired:
        return _lines(expired.output or b""), f"it takes longer than {question['seconds']} seconds"
    if b"No module named" in done.stderr:
        return [], "the package common-expression-language is not installed"
    return _lines(done.stdout), "it needs too much memory or too much depth"


def _lines(output: bytes) -> list[Mapping[str, Any]]:
    """Whole lines only."""
    return [json.loads(line) for line in output.splitlines(keepends=True) if line.endswith(b"\n")]
