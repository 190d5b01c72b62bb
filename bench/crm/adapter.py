"""The adapter ``bench``: whole pages at once, whole batches in one call, as fast as the shared client allows.

In: options. Out: snapshots and outcomes. Never: filters, compares, or knows anything of the server but its four calls.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from orgsync.adapter import Adapter, Capabilities, Scope, Snapshot
from orgsync.adapters.http import Client, Page, numbered
from orgsync.adapters.rules import FULL
from orgsync.change import Batch, Outcome, Status, Step
from orgsync.errors import UnknownOutcome
from orgsync.resources import Address, Kind, RemoteId


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    url: str
    page: int = Field(default=500, ge=1)
    batch: int = Field(default=10, ge=1)
    at_once: int = Field(default=16, alias="atOnce", ge=1)


class BenchAdapter:
    def __init__(self, client: Client, options: Settings) -> None:
        self._client, self._options = client, options

    @property
    def capabilities(self) -> Capabilities:
        kinds = {kind: replace(can, max_batch=self._options.batch) for kind, can in FULL.kinds.items()}
        return replace(FULL, kinds=kinds, max_concurrency=self._options.at_once, attribution="none")

    @property
    def identity(self) -> str:
        return "bench"

    def begin(self) -> Callable[[Scope], Snapshot]:
        found = numbered(self._page, what="records", at_once=self._options.at_once, key=_id)
        resources = {address: fields for address, _, fields in found}
        ids = {address: id_ for address, id_, _ in found}
        return lambda scope: Snapshot(resources=_of_interest(resources, scope), ids=ids)

    def read(self, scope: Scope) -> Snapshot:
        return self.begin()(scope)

    def _page(self, at: str | int | None) -> Page[Any]:
        offset, limit = int(at or 0), self._options.page
        value = self._client.call("GET", "records", params={"offset": str(offset), "limit": str(limit)}).value
        records, after = value["records"], offset + len(value["records"])
        more = bool(records) and after < value["total"]
        return Page(items=records, after=after if more else None, total=value["total"])

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        records = [
            {"address": step.address, "id": step.remote_id or ids.get(step.address), "fields": dict(step.after)}
            for step in batch.steps
        ]
        try:
            value = self._client.call("POST", "records", json={"action": batch.action, "records": records}).value
        except UnknownOutcome as problem:
            return [_outcome(step, Status.UNKNOWN, None, str(problem)) for step in batch.steps]
        return [
            _outcome(step, Status.FAILED if "error" in one else Status.APPLIED, one.get("id"), one.get("error", ""))
            for step, one in zip(batch.steps, value["results"], strict=True)
        ]


def _id(record: Any) -> str:
    return str(record[1])


def _of_interest(resources: Mapping[Address, Any], scope: Scope) -> Mapping[Address, Any]:
    if scope.logins is None:
        return resources
    prefix = f"{Kind.USER}/"
    return {a: f for a, f in resources.items() if not a.startswith(prefix) or a.removeprefix(prefix) in scope.logins}


def _outcome(step: Step, status: Status, remote_id: RemoteId | None, detail: str) -> Outcome:
    return Outcome(
        id=step.id, address=step.address, action=step.action, status=status, remote_id=remote_id, detail=detail
    )


class BenchOpener:
    Options: type[Any] = Settings
    CREDENTIALS: Sequence[str] = ()
    CAPABILITIES = FULL

    @contextmanager
    def open(
        self,
        options: Settings,
        *,
        root: Path,  # noqa: ARG002
        credentials: Mapping[str, str],  # noqa: ARG002
        writable: bool,
        actor: str,  # noqa: ARG002
        clock: Callable[[], datetime],  # noqa: ARG002
    ) -> Iterator[Adapter]:
        with Client(options.url, authorization=None, writable=writable) as client:
            yield BenchAdapter(client, options)


opener = BenchOpener()
