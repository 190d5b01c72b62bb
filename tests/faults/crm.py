"""The strict CRM in memory behind HTTP, and the smallest adapter that speaks to it as a real one would."""

from collections.abc import Mapping, Sequence
from typing import Any

from orgsync.adapter import Capabilities, Scope, Snapshot
from orgsync.adapters.http import Client, Page, carry_out, pages
from orgsync.adapters.memory import MemoryCrm
from orgsync.change import Action, Batch, Outcome, Status, Step
from orgsync.resources import KEY, Address, Json, RemoteId, kind_of, same
from tests.faults.acts import Reply
from tests.faults.server import Request

SECRET = "cl1ent-s3cret"
_PAGE = 8
_ACTIONS = {"POST": Action.CREATE, "PATCH": Action.UPDATE, "DELETE": Action.DELETE}


class HttpCrm:
    """The server's side.

    doubled   addresses that were to be created although they were there already
    tokens    how many tokens were given out; only the last one is taken
    """

    def __init__(self, crm: MemoryCrm) -> None:
        self.crm, self.tokens = crm, 0
        self.doubled: list[Address] = []

    @property
    def token(self) -> str:
        return f"t0ken-{self.tokens}-of-ours"

    def __call__(self, request: Request) -> Reply:
        if request.path == "/token":
            return self._login(request)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Reply.of({"message": "the session has expired"}, 401)
        if request.method == "GET":
            return self._read(request.query)
        return self._write(_ACTIONS[request.method], request)

    def _login(self, request: Request) -> Reply:
        if f"client_secret={SECRET}" not in request.body.decode():
            return Reply.of({"error": "invalid_client"}, 400)
        self.tokens += 1
        return Reply.of({"access_token": self.token})

    def _read(self, query: Mapping[str, str]) -> Reply:
        live = self.crm.snapshot(Scope())
        records: list[Any] = [[address, live.ids[address], fields] for address, fields in live.resources.items()]
        if "address" in query:
            return Reply.of([one for one in records if one[0] == query["address"]])
        start = int(query.get("after", 0))
        end = start + _PAGE
        after = end if end < len(records) else None
        return Reply.of({"records": records[start:end], "after": after, "total": len(records)})

    def _write(self, action: Action, request: Request) -> Reply:
        body = request.json
        address = body["address"]
        if action is Action.CREATE and address in self.crm.resources:
            self.doubled.append(address)
        step = Step(
            id=address,
            address=address,
            action=action,
            before=body["before"],
            after=body["after"],
            remote_id=request.path.rpartition("/")[2] if action is not Action.CREATE else None,
        )
        batch = Batch(kind=kind_of(address), action=action, steps=(step,))
        (outcome,) = self.crm.carry_out(batch, {}, "orgsync")
        if outcome.status is not Status.APPLIED:
            return Reply.of({"message": outcome.detail}, 422)
        return Reply(status=204) if action is Action.DELETE else Reply.of({"id": outcome.remote_id})


class HttpAdapter:
    """``unique``: trust in the CRM to refuse a second resource with one key."""

    def __init__(self, client: Client, capabilities: Capabilities, *, unique: bool) -> None:
        self._client, self._capabilities, self._unique = client, capabilities, unique

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    @property
    def identity(self) -> str:
        return "http"

    def read(self, scope: Scope) -> Snapshot:
        assert scope == Scope()
        found = pages(self._page, what="records", key=lambda record: str(record[0]))
        return Snapshot(
            resources={address: fields for address, _, fields in found}, ids={address: id_ for address, id_, _ in found}
        )

    def _page(self, cursor: str | int | None) -> Page[list[Any]]:
        value = self._client.call("GET", "records", params={} if cursor is None else {"after": str(cursor)}).value
        return Page(items=value["records"], after=value["after"], total=value["total"])

    def apply(self, batch: Batch, ids: Mapping[Address, RemoteId]) -> Sequence[Outcome]:
        return [self._step(step, ids) for step in batch.steps]

    def _step(self, step: Step, ids: Mapping[Address, RemoteId]) -> Outcome:
        return carry_out(
            step, lambda: self._send(step, ids), lambda: self._look(step), unique=self._unique or bool(step.remote_id)
        )

    def _send(self, step: Step, ids: Mapping[Address, RemoteId]) -> RemoteId | None:
        body = {"address": step.address, "before": dict(step.before), "after": dict(step.after)}
        if step.action is Action.CREATE:
            return str(self._client.call("POST", "records", json=body).value["id"])
        path = f"records/{step.remote_id or ids[step.address]}"
        method = "PATCH" if step.action is Action.UPDATE else "DELETE"
        value = self._client.call(method, path, json=body, idempotent=True).value
        return str(value["id"]) if value is not None else None

    def _look(self, step: Step) -> tuple[bool, RemoteId | None]:
        found = self._client.call("GET", "records", params={"address": step.address}).value
        if step.action is Action.DELETE:
            return not found, None
        return any(as_wanted(fields, step.after) for _, _, fields in found), found[0][1] if found else None


def as_wanted(fields: Mapping[str, Json], after: Mapping[str, Json]) -> bool:
    return all(same(fields.get(name), value) for name, value in after.items() if name != KEY)
