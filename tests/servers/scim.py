"""scim2-server: a SCIM 2.0 service provider that keeps everything in memory, an organization per path.

In: how to start it. Out: its address; the bodies and numbers of calls, through a proxy that can misbehave. It ends by
its process id.
"""

import itertools
import json
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.faults.acts import Act, Reply
from tests.faults.server import Request, Server, serving
from tests.servers import install, program

TOKEN = "test-token"
GROUP, USER = (f"urn:ietf:params:scim:schemas:core:2.0:{name}" for name in ("Group", "User"))
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_numbers = itertools.count(1)


def build() -> None:
    install("scim")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


TRIAL_PORT = 18400


@contextmanager
def trial() -> Iterator[str]:
    """What to do next; it forgets everything when it ends."""
    with started(port=TRIAL_PORT) as origin:
        yield (
            f"A SCIM 2.0 provider answers at {origin}. In another terminal:\n"
            f"  SCIM_TOKEN={TOKEN} .venv/bin/orgsync apply --target scim"
        )


@contextmanager
def started(*arguments: str, port: int | None = None) -> Iterator[str]:
    """The origin, such as http://127.0.0.1:18400; each path below it is an organization of its own."""
    command = [str(program("scim", "scim2-server")), "--port", str(port or _free_port()), "--bearer-token", TOKEN]
    process = subprocess.Popen(
        [*command, "--dynamic-tenants", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://[\d.]+:\d+", process.stdout.readline())
        if found is None:
            raise RuntimeError("scim2-server did not start")
        yield found[0]
    finally:
        process.kill()
        process.communicate()


@contextmanager
def announcing(folder: Path, **changes: Any) -> Iterator[str]:
    """One that announces, and offers, something else than the default."""
    config = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": True, "maxOperations": 1000, "maxPayloadSize": 1048576},
        "filter": {"supported": True, "maxResults": 1000},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [],
        **changes,
    }
    file = folder / "provider.json"
    file.write_text(json.dumps(config))
    with started("--service-provider-config", str(file)) as origin:
        yield origin


def fresh(origin: str) -> str:
    """The address of an empty organization."""
    return f"{origin}/t{next(_numbers)}/v2"


@dataclass(frozen=True, slots=True)
class Somebody:
    """Another client, who knows nothing of orgsync."""

    url: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = requests.request(
            method,
            f"{self.url}/{path}",
            json=body,
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json", **headers},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def all(self, endpoint: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", f"{endpoint}?count=1000").get("Resources", [])
        return found

    def group(self, key: str) -> dict[str, Any]:
        return next(one for one in self.all("Groups") if one.get("externalId") == f"orgsync:{key}")

    def user(self, login: str) -> dict[str, Any]:
        return next(one for one in self.all("Users") if one["userName"] == login)

    def create_group(self, name: str, key: str = "", members: Sequence[str] = ()) -> str:
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": one} for one in members]}
        found: str = self.call("POST", "Groups", body | ({"externalId": key} if key else {}))["id"]
        return found

    def create_user(self, login: str, **attributes: Any) -> str:
        found: str = self.call("POST", "Users", {"schemas": [USER], "userName": login, **attributes})["id"]
        return found

    def patch(self, path: str, *operations: Mapping[str, Any]) -> None:
        self.call("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})

    def join(self, group: str, member: str, **more: str) -> None:
        value = [{"value": member, **more}]
        self.patch(f"Groups/{group}", {"op": "add", "path": "members", "value": value})

    def leave(self, group: str, member: str) -> None:
        self.patch(f"Groups/{group}", {"op": "remove", "path": f'members[value eq "{member}"]'})

    def delete(self, path: str) -> None:
        self.call("DELETE", path)


@contextmanager
def watched(origin: str, at: Mapping[int, Act] | None = None) -> Iterator[Server]:
    """A proxy that writes every request down, and does with the answers what ``at`` says."""

    def forward(request: Request) -> Reply:
        answer = requests.request(
            request.method,
            origin + request.path,
            params=dict(request.query),
            data=request.body or None,
            headers={name: value for name, value in request.headers.items() if name not in {"host", "content-length"}},
            timeout=30,
        )
        kept = {name: value for name, value in answer.headers.items() if name in {"ETag", "Location", "Content-Type"}}
        return Reply(status=answer.status_code, headers=kept, body=answer.content)

    with serving(at=at or {}, app=forward) as server:
        yield server


def writes(requests_: Sequence[Request]) -> list[Request]:
    return [one for one in requests_ if one.method != "GET"]


def faults_in(requests_: Sequence[Request]) -> str:
    """What scim2-models says of the bodies, in the provider's own environment; empty where all is well."""
    bodies = [(one.method, one.path, one.json) for one in requests_ if one.body]
    script = Path(__file__).with_name("scim_models.py")
    done = subprocess.run(
        [str(program("scim", "python")), str(script)],
        input=json.dumps(bodies),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def conformance(url: str) -> tuple[int, str]:
    """scim2-tester against the provider: (exit code, what it says)."""
    command = [str(program("scim", "scim2")), "-u", url, "-h", f"Authorization: Bearer {TOKEN}", "test"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr
