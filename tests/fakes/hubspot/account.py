"""What an account holds, and the rules by which it takes and refuses users, teams and members.

In: one write. Out: a record, or a Refusal in the platform's words. Never: knows HTTP.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Record = dict[str, Any]
ACCOUNT, TOKEN = 4242, "pat-na1-the-token-0001"
SCOPES = (
    "settings.users.read",
    "settings.users.write",
    "settings.users.teams.read",
    "settings.users.teams.write",
)
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


class Refusal(Exception):
    """``named``: what the error's context names."""

    def __init__(self, status: int, category: str, message: str, **named: list[str]) -> None:
        super().__init__(message)
        self.status, self.category, self.message, self.named = status, category, message, named


def invalid(message: str, **named: list[str]) -> Refusal:
    return Refusal(400, "VALIDATION_ERROR", message, **named)


@dataclass
class Account:
    """
    enterprise   nested teams and an audit log
    lag          lists in which something new is not there yet
    daily, used  calls of the day
    most         calls within the rolling interval
    """

    scopes: tuple[str, ...] = SCOPES
    enterprise: bool = True
    has_roles: bool = True
    tells_tokens: bool = True
    lag: int = 0
    daily: int = 650_000
    used: int = 0
    most: int = 1_000_000
    users: dict[str, Record] = field(default_factory=dict)
    teams: dict[str, Record] = field(default_factory=dict)
    sets: dict[str, Record] = field(default_factory=dict)
    brands: list[Record] = field(default_factory=list)
    events: list[Record] = field(default_factory=list)
    unseen: dict[str, int] = field(default_factory=dict)
    admin: str = ""
    _count: int = 1000

    def __post_init__(self) -> None:
        self.admin = self.person("admin@acme.example", superAdmin=True)

    def new_id(self) -> str:
        self._count += 1
        return str(self._count)

    def person(self, email: str, **more: Any) -> str:
        """Past all rules: what HubSpot or an administrator made."""
        id_ = self.new_id()
        self.users[id_] = {"id": id_, "email": email, "roleIds": [], "superAdmin": False, "secondaryTeamIds": []} | more
        return id_

    def team(self, name: str, parent: str = "") -> str:
        id_ = self.new_id()
        self.teams[id_] = {"id": id_, "name": name, **({"parentTeamId": parent} if parent else {})}
        return id_

    def permission_set(self, name: str, *, paid: bool = False) -> str:
        id_ = self.new_id()
        self.sets[id_] = {"id": id_, "name": name, "requiresBillingWrite": paid}
        return id_

    def happened(self, who: str, category: str, target: str, minutes: int = 0) -> None:
        """Somebody did something in the app; HubSpot logs no calls of its API."""
        self.events.append(
            {
                "id": self.new_id(),
                "category": category,
                "subCategory": "SETTINGS",
                "action": "UPDATE",
                "targetObjectId": target,
                "occurredAt": (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="milliseconds"),
                "actingUser": {"userId": int(who), "userEmail": self.users[who]["email"]},
            }
        )

    def seen(self, records: Mapping[str, Record]) -> list[Record]:
        """What a list shows; what is new comes later."""
        found = [deepcopy(one) for id_, one in records.items() if not self.unseen.get(id_)]
        for id_ in records:
            if self.unseen.get(id_):
                self.unseen[id_] -= 1
        return found

    def create_user(self, asked: Record) -> Record:
        if any(one["email"].lower() == asked["email"].lower() for one in self.users.values()):
            raise Refusal(409, "CONFLICT", f"a user with the email {asked['email']} exists already")
        if "@" not in asked["email"]:
            raise invalid("not a valid email address", email=[asked["email"]])
        user = {"id": "", "email": asked["email"], "roleIds": [], "superAdmin": False, "secondaryTeamIds": []}
        self._write_user(user, asked)
        user["id"] = self.new_id()
        self.users[user["id"]], self.unseen[user["id"]] = user, self.lag
        return {**user, "sendWelcomeEmail": asked["sendWelcomeEmail"]}

    def update_user(self, id_: str, asked: Record) -> Record:
        user = dict(self._user(id_))
        self._write_user(user, asked)
        self.users[id_] = user
        return user

    def _user(self, id_: str) -> Record:
        if id_ not in self.users:
            raise Refusal(404, "OBJECT_NOT_FOUND", f"no user {id_}", userId=[id_])
        return self.users[id_]

    def _team(self, id_: str) -> Record:
        if id_ not in self.teams:
            raise Refusal(404, "OBJECT_NOT_FOUND", f"no team {id_}", teamId=[id_])
        return self.teams[id_]

    def _write_user(self, user: Record, asked: Record) -> None:
        for name in ("firstName", "lastName"):
            if name in asked:
                user[name] = asked[name]
        if "roleId" in asked:
            self._give(user, asked["roleId"])
        user |= {name: asked[name] for name in ("primaryTeamId", "secondaryTeamIds") if name in asked}
        together = user["secondaryTeamIds"] + ([user["primaryTeamId"]] if user.get("primaryTeamId") else [])
        if unknown := {*together} - {*self.teams}:
            raise invalid("no such team", teamId=[*unknown])
        if len(set(together)) < len(together):
            raise invalid("a team is the user's main team or an additional one, and once", teamId=together)

    def _give(self, user: Record, role: str) -> None:
        if role not in self.sets:
            raise invalid(f"no role {role}", roleId=[role])
        if user["superAdmin"]:
            raise invalid("the permissions of a super admin cannot be changed", userId=[user["id"]])
        if self.sets[role]["requiresBillingWrite"] and "settings.billing.write" not in self.scopes:
            raise Refusal(403, "MISSING_SCOPES", "a paid seat", requiredGranularScopes=["settings.billing.write"])
        user["roleId"], user["roleIds"] = role, [role]

    def create_team(self, asked: Record) -> Record:
        team = {"id": "", "name": asked["name"]}
        self._place(team, asked["name"], asked.get("parentTeamId"))
        for member in asked["members"]:
            self._user(member["userId"])
        team["id"] = self.new_id()
        self.teams[team["id"]], self.unseen[team["id"]] = team, self.lag
        for member in asked["members"]:
            self.join(team["id"], member)
        return team

    def update_team(self, id_: str, asked: Record) -> Record:
        team = dict(self._team(id_))
        self._place(team, asked["name"], asked["parentTeamId"])
        self.teams[id_] = team
        return team

    def _place(self, team: Record, name: str, parent: str | None) -> None:
        if not name.strip() or name != name.strip():
            raise invalid("a team has a name", name=[name])
        if any(one["name"].lower() == name.lower() and one["id"] != team["id"] for one in self.teams.values()):
            raise invalid("a team with this name exists already", name=[name])
        if parent and not self.enterprise:
            raise Refusal(403, "FORBIDDEN", "nested teams need an Enterprise subscription")
        above = parent
        while above:
            if above == team["id"]:
                raise invalid("a team cannot be below itself", parentTeamId=[str(parent)])
            above = self._team(above).get("parentTeamId")
        team["name"] = name
        team.pop("parentTeamId", None)
        team |= {"parentTeamId": parent} if parent else {}

    def delete_team(self, id_: str) -> None:
        self._team(id_)
        if any(one.get("parentTeamId") == id_ for one in self.teams.values()):
            raise invalid("the team has teams below it", teamId=[id_])
        del self.teams[id_]
        for user in self.users.values():
            user["secondaryTeamIds"] = [one for one in user["secondaryTeamIds"] if one != id_]
            if user.get("primaryTeamId") == id_:
                del user["primaryTeamId"]

    def join(self, team: str, asked: Record) -> Record:
        user = self._user(asked["userId"])
        if team in {*user["secondaryTeamIds"], user.get("primaryTeamId")}:
            raise invalid("the user is in this team already", userId=[user["id"]])
        if asked["type"] == "EXTRA":
            user["secondaryTeamIds"] = [*user["secondaryTeamIds"], team]
        elif user.get("primaryTeamId"):
            raise invalid("the user has another main team", userId=[user["id"]])
        else:
            user["primaryTeamId"] = team
        return {"userId": user["id"], "type": asked["type"]}

    def leave(self, team: str, id_: str, sort: str) -> None:
        self._team(team)
        user = self._user(id_)
        if sort == "EXTRA" and team in user["secondaryTeamIds"]:
            user["secondaryTeamIds"] = [one for one in user["secondaryTeamIds"] if one != team]
        elif sort == "DEFAULT" and user.get("primaryTeamId") == team:
            del user["primaryTeamId"]
        else:
            raise Refusal(404, "OBJECT_NOT_FOUND", f"the user is no {sort} member of the team", userId=[id_])

    def with_members(self, team: Record) -> Record:
        """As the list of every API version shows it: with its members, and without its parent."""
        users = self.users.values()
        return {
            "id": team["id"],
            "name": team["name"],
            "userIds": [one["id"] for one in users if one.get("primaryTeamId") == team["id"]],
            "secondaryUserIds": [one["id"] for one in users if team["id"] in one["secondaryTeamIds"]],
        }
