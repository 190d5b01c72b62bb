"""Single writes, and many of them in one request: each has an outcome of its own, since a bulk is not atomic.

In: jobs of operations. Out: what fits into one request, its body, and which answer belongs to which operation.
Never: calls anybody.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from orgsync.adapters.scim.discovery import Bulk
from orgsync.adapters.scim.values import entries, get, number, text
from orgsync.change import Step
from orgsync.resources import RemoteId

REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
MADE = "bulkId:"
"""``bulkId:<id>`` in a body stands for what an earlier operation of the same job creates."""
_ENVELOPE = 200
_COMMA = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """``path``: below the base, such as ``Groups/4711``. ``version``: what it must still be. ``bulk_id``: of a POST."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    version: str = ""
    bulk_id: str = ""

    @property
    def idempotent(self) -> bool:
        """Twice is as good as once: a patch names single values, and what is deleted stays so."""
        return self.method == "DELETE" or (self.method == "PATCH" and not self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What belongs together: its operations carry out all of its steps, or none of them counts as carried out."""

    steps: tuple[Step, ...]
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Of one operation. ``status``: 0 where nobody knows; ``id`` and ``version``: empty where none came."""

    status: int
    id: RemoteId = ""
    version: str = ""
    scim_type: str = ""
    detail: str = field(default="")

    @property
    def fine(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004


def entry(operation: Operation) -> dict[str, Any]:
    return {
        "method": operation.method,
        "path": f"/{operation.path}",
        **({"bulkId": operation.bulk_id} if operation.bulk_id else {}),
        **({"version": operation.version} if operation.version else {}),
        **({"data": operation.body} if operation.body is not None else {}),
    }


def request(operations: Sequence[Operation]) -> dict[str, Any]:
    return {"schemas": [REQUEST], "Operations": [entry(one) for one in operations]}


def packed(jobs: Sequence[Job], limits: Bulk) -> Iterator[list[Job]]:
    """Jobs that fit into one request together; one that is too large by itself stands alone."""
    waiting: list[Job] = []
    count, size = 0, _ENVELOPE
    for job in jobs:
        more = sum(len(json.dumps(entry(one))) + _COMMA for one in job.operations)
        if waiting and (count + len(job.operations) > limits.operations or size + more > limits.payload):
            yield waiting
            waiting, count, size = [], 0, _ENVELOPE
        waiting.append(job)
        count, size = count + len(job.operations), size + more
    if waiting:
        yield waiting


def fits(jobs: Sequence[Job], limits: Bulk) -> bool:
    """Whether it is worth a bulk, and allowed: more than one operation, and no more than may be."""
    operations = [one for job in jobs for one in job.operations]
    return 1 < len(operations) <= limits.operations and len(json.dumps(request(operations))) <= limits.payload


def results(operations: Sequence[Operation], answer: object) -> list[Result]:
    """One per operation; those that were not answered, or not clearly, have status 0."""
    answers = entries(get(answer, "Operations"))
    by_id = {text(get(one, "bulkId")): one for one in answers}
    in_order = len(answers) == len(operations) and all(
        text(get(one, "method")).upper() in {"", operation.method}
        for one, operation in zip(answers, operations, strict=True)
    )
    return [
        _result(by_id[operation.bulk_id])
        if operation.bulk_id and operation.bulk_id in by_id
        else _result(answers[index])
        if in_order
        else Result(status=0, detail="the provider did not answer this operation of a bulk")
        for index, operation in enumerate(operations)
    ]


def _result(answer: object) -> Result:
    """``status`` is a text, and was an object in drafts."""
    stated, response = get(answer, "status"), get(answer, "response")
    status = number(stated) or number(get(stated, "code")) or 0
    return Result(
        status=status,
        id=text(get(response, "id")) or id_in(text(get(answer, "location"))),
        version=text(get(answer, "version")),
        scim_type=text(get(response, "scimType")),
        detail=told(status, response),
    )


def id_in(location: str) -> RemoteId:
    try:
        return unquote(urlsplit(location).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        return ""


def told(status: int, response: object) -> str:
    """The provider's own words."""
    words = ": ".join(filter(None, (text(get(response, "scimType")), text(get(response, "detail")))))
    return f"answered {status}" + (f": {words[:300]}" if words else "")


def made(operation: Operation, ids: Mapping[str, RemoteId]) -> Operation:
    """With the ids of what was created before it, where it is sent by itself."""
    return Operation(
        method=operation.method,
        path=operation.path,
        body=_with_ids(operation.body, ids) if operation.body is not None else None,
        version=operation.version,
        bulk_id=operation.bulk_id,
    )


def _with_ids(value: Any, ids: Mapping[str, RemoteId]) -> Any:
    if isinstance(value, dict):
        return {name: _with_ids(one, ids) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_ids(one, ids) for one in value]
    if isinstance(value, str) and value.startswith(MADE):
        return ids.get(value.removeprefix(MADE), value)
    return value
