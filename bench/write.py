"""Writes a company as each contestant's files: YAML for orgsync, the same as JSON, octoDNS zones, Terraform blocks.

In: values of `generate`. Out: files below a folder. Never measures, never runs anything.
"""

import json
import random
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from bench.generate import Assignment, Company, Role, Unit

Value = str | Sequence["Value"] | Mapping[str, "Value"]
Document = dict[str, Value]
Files = Iterator[tuple[str, list[Document]]]

LIVE, JOURNAL = "sqlite:///.orgsync/bench.db", "sqlite:///.orgsync/journal.db"
SETTINGS = f"""\
apiVersion: orgsync/v1
kind: Settings
organization: Northwind
defaultTarget: bench
targets:
  bench:
    adapter: local
    url: {LIVE}
    missingUsers: create
journal: {JOURNAL}
"""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ./@_-]*[A-Za-z0-9]|[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SURPRISES = {"no", "yes", "on", "off", "true", "false", "null", "none", "y", "n"}


def files(company: Company, *, per_file: int) -> Files:
    """Path in the organization repository -> its documents; a file has about ``per_file`` assignments."""
    yield "units/business-units.yaml", [business_unit_document(key) for key in company.business_units]
    yield "roles/functions.yaml", [function_document(key) for key in company.functions]
    for start in range(0, len(company.roles), 50):
        yield f"roles/roles-{start:05}.yaml", [role_document(role) for role in company.roles[start : start + 50]]
    yield from _unit_files(company, per_file)


def write_repository(company: Company, folder: Path, *, per_file: int, messy: bool, seed: int) -> None:
    _put(folder / "orgsync.yaml", SETTINGS)
    for path, documents in files(company, per_file=per_file):
        texts = [_text(document, seed if messy else None) for document in documents]
        _put(folder / path, "---\n".join(texts))


def write_json(company: Company, folder: Path, *, per_file: int) -> None:
    for path, documents in files(company, per_file=per_file):
        _put((folder / path).with_suffix(".json"), json.dumps(documents))


def write_octodns(desired: Company, live: Company, folder: Path) -> None:
    """One zone per unit, one TXT record per assignment; the live side is a JSON file that the target loads."""
    zones = {"class": "octodns.provider.yaml.YamlProvider", "directory": str(folder / "zones")}
    config = {
        "providers": {
            "config": {**zones, "enforce_order": False},  # sorting is work that we spare it
            "live": {"class": "bench.peers.octodns_target.LiveRecords", "file": str(folder / "live.json")},
        },
        "manager": {"plan_outputs": {"json": {"class": "octodns.provider.plan.PlanJson"}}},
        "zones": {"*": {"sources": ["config"], "targets": ["live"]}},
    }
    _put(folder / "config.yaml", json.dumps(config))
    for unit, members in _by_unit(desired):
        _put(folder / "zones" / f"{unit}.example.yaml", "".join(map(_record_text, members)) or "{}\n")
    records = {f"{unit}.example.": {_label(one): _record(one) for one in members} for unit, members in _by_unit(live)}
    _put(folder / "live.json", json.dumps(records))


def write_terraform(desired: Company, live: Company, folder: Path) -> None:
    """One ``terraform_data`` block per assignment; the live side is the state file."""
    for unit, members in _by_unit(desired):
        _put(folder / f"{unit}.tf", "".join(_block(one) for one in members))
    state = {
        "version": 4,
        "terraform_version": "1.15.5",
        "serial": 1,
        "lineage": "00000000-0000-0000-0000-000000000001",
        "outputs": {},
        "resources": [_in_state(one) for one in live.assignments.values()],
    }
    _put(folder / "terraform.tfstate", json.dumps(state))


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _by_unit(company: Company) -> Iterator[tuple[str, list[Assignment]]]:
    """Every unit, also one that nobody is left in."""
    members: dict[str, list[Assignment]] = {unit.key: [] for unit in company.units}
    for one in company.assignments.values():
        members[one.unit].append(one)
    for unit, group in members.items():
        yield unit, sorted(group, key=lambda one: one.user)


def _unit_files(company: Company, per_file: int) -> Files:
    documents: list[Document] = []
    held = number = 0
    for unit, (_, members) in zip(company.units, _by_unit(company), strict=True):
        documents.append(unit_document(unit, [_assignment(one) for one in members]))
        held += len(members)
        # Counted with slack: a few people who join or leave must not move a unit to another file.
        if held >= per_file * 0.95 or unit is company.units[-1]:
            yield f"units/part-{number // 100:03}/units-{number:06}.yaml", documents
            documents, held, number = [], 0, number + 1


def _document(kind: str, **fields: Value) -> Document:
    return {"apiVersion": "orgsync/v1", "kind": kind, **fields}


def business_unit_document(key: str) -> Document:
    return _document("BusinessUnit", key=key, name=f"Northwind {key}")


def function_document(key: str) -> Document:
    privileges = {key.removesuffix("-management"): ["create", "read", "update"]}
    return _document("Function", key=key, name=f"Work on {key}", privileges=privileges)


def role_document(role: Role) -> Document:
    includes: Document = {"includes": [role.includes]} if role.includes else {}
    functions = {role.function: "unit"}
    return _document("Role", key=role.key, name=role.name, **includes, functions=functions, privileges=role.privileges)


def unit_document(unit: Unit, assignments: list[Document]) -> Document:
    parent: Document = {"parent": unit.parent} if unit.parent else {}
    return _document(
        "Unit",
        key=unit.key,
        name=unit.name,
        description=f"People who work on {unit.name.lower()}, from first call to renewal",
        type="functional",
        businessUnit=unit.business_unit,
        **parent,
        owner=unit.owner,
        roles=[unit.role],
        assignments=assignments,
    )


def _assignment(one: Assignment) -> Document:
    roles: Document = {"roles": [one.role]} if one.role else {}
    until: Document = {"until": one.until} if one.until else {}
    return {"user": one.user, **roles, **until, "reason": one.reason}


def _text(document: Document, messy: int | None) -> str:
    head = {name: value for name, value in document.items() if name != "assignments"}
    style = None if messy is None else random.Random(f"style/{messy}/{document['key']}")
    lines = _head(head) if style is None else _messy_head(head, style)
    members = cast("list[Document] | None", document.get("assignments"))
    if members:
        lines.append("assignments:")
        lines += [line for one in members for line in (_messy_member(one) if style else _member(one))]
    elif members is not None:
        lines.append("assignments: []")
    return "\n".join(lines) + "\n"


def _head(fields: Mapping[str, Value]) -> list[str]:
    return [f"{name}: {_flow(value)}" for name, value in fields.items()]


def _messy_head(fields: Mapping[str, Value], style: random.Random) -> list[str]:
    """As many hands would write it: own order, remarks, quotes, folded text."""
    names = list(fields)[2:]
    style.shuffle(names)
    lines = ["# kept by the team, ask before editing", *_head({name: fields[name] for name in list(fields)[:2]})]
    for name in names:
        value = fields[name]
        if name == "description":
            lines += [f"{name}: >-", f"    {value}", ""]
        elif isinstance(value, str) and style.random() < 0.3:
            lines.append(f"{name}: {json.dumps(value)}   # quoted")
        else:
            lines.append(f"{name}: {_flow(value)}")
    return lines


def _member(one: Document) -> list[str]:
    first, *rest = (f"{name}: {_flow(value)}" for name, value in one.items())
    return [f"  - {first}", *(f"    {line}" for line in rest)]


def _messy_member(one: Document) -> list[str]:
    """The style hangs on the user, so that a change elsewhere leaves these lines as they are."""
    match zlib.crc32(str(one["user"]).encode()) % 5:
        case 0:
            return [f"  - {_flow(one)}"]
        case 1:
            return ["", "  # asked for by the regional lead", *_member(dict(reversed(one.items())))]
        case 2:
            return _member({**one, "user": str(one["user"]).upper()})
        case 3:
            first, *rest = _member({name: value for name, value in one.items() if name != "reason"})
            return [f"{first}   # see ticket", *rest, "    reason: >-", f"      {one['reason']}"]
        case _:
            return _member(one)


def _flow(value: Value) -> str:
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _SURPRISES
        return value if plain else json.dumps(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_flow(one)}" for name, one in value.items()) + "}"
    return "[" + ", ".join(map(_flow, value)) + "]"


def _label(one: Assignment) -> str:
    return one.user.partition("@")[0].replace(".", "-")


def _values(one: Assignment) -> list[str]:
    return [f"role={one.role or ''}", f"until={one.until or ''}", f"reason={one.reason}"]


def _record(one: Assignment) -> dict[str, object]:
    return {"ttl": 3600, "type": "TXT", "values": _values(one)}


def _record_text(one: Assignment) -> str:
    values = "".join(f"  - {value}\n" for value in _values(one))
    return f"{_label(one)}:\n  ttl: 3600\n  type: TXT\n  values:\n{values}"


def _inputs(one: Assignment) -> dict[str, str]:
    return {"user": one.user, "role": one.role or "", "until": one.until or "", "reason": one.reason}


def _block(one: Assignment) -> str:
    inputs = "".join(f"    {name} = {json.dumps(value)}\n" for name, value in _inputs(one).items())
    return f'resource "terraform_data" "{one.unit}_{_label(one)}" {{\n  input = {{\n{inputs}  }}\n}}\n'


def _in_state(one: Assignment) -> dict[str, object]:
    inputs = _inputs(one)
    value = {"value": inputs, "type": ["object", dict.fromkeys(inputs, "string")]}
    name = f"{one.unit}_{_label(one)}"
    return {
        "mode": "managed",
        "type": "terraform_data",
        "name": name,
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [
            {
                "schema_version": 0,
                "attributes": {"id": name, "input": value, "output": value, "triggers_replace": None},
                "sensitive_attributes": [],
                "identity_schema_version": 0,
            }
        ],
    }
