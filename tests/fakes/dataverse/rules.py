"""What an environment holds, and the rules by which it takes and refuses writes.

In: checked writes of single rows and links. Out: nothing, or a Refusal. Never: knows HTTP or OData.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.dataverse.csdl import Refusal
from tests.fakes.dataverse.schema import (
    ACTIONS,
    ADMINISTRATION,
    LINKED,
    MISCELLANEOUS,
    OWNED,
    READING,
    SHARED,
    TABLES,
)
from tests.fakes.dataverse.store import Row, Store

_DUPLICATE, _FORBIDDEN, _GONE = "0x80040237", "0x80040220", "0x80040217"
_NAME_IN_USE, _LOOP, _DISABLED, _REQUIRED = "0x8004022a", "0x80041d21", "0x8004032c", "0x80040203"
_HAS_CHILD, _NOT_DISABLED, _ASSOCIATED = "0x80041d61", "0x80041d60", "0x80040227"
_DEFAULT_MEMBERS, _DEFAULT_DELETE, _DEFAULT_NAME, _ACCESS_TEAM = "0x8004830B", "0x80048307", "0x8004830A", "0x80048331"
_SUPPORT_USER, _RULE = "0x80041d51", "0x80048408"
"""From "Web service error codes"; ``_RULE`` stands for rules whose code is not known."""
_MASKS = {"Basic": 1, "Local": 2, "Deep": 4, "Global": 8}
_COLUMNS = {"Basic": "canbebasic", "Local": "canbelocal", "Deep": "canbedeep", "Global": "canbeglobal"}
_SUPPORT = 3
_HOLDING = ("systemuserrolescollection", "roleprivilegescollection")
LEAST = (
    *(f"prv{verb}BusinessUnit" for verb in ("Create", "Read", "Write", "Delete", "Append", "AppendTo")),
    *(f"prv{verb}Team" for verb in ("Create", "Read", "Write", "Delete", "Append", "AppendTo")),
    *(f"prv{verb}User" for verb in ("Read", "Write", "Append", "AppendTo")),
    *(f"prv{verb}Role" for verb in ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign")),
    "prvReadOrganization",
    "prvReparentBusinessUnit",
    "prvDisableBusinessUnit",
    "prvReparentTeam",
    "prvDisableUser",
    "prvReparentUser",
    "prvReadAuditSummary",
)
"""What the integration's own role gives here, beside what it hands on: every write is checked against it."""


def refused(code: str, message: str, status: int = 400) -> Refusal:
    return Refusal(status, code, message)


@dataclass
class Environment(Store):
    """``root``: the root business unit; ``mine``: the role of the application user; ``rows``: of a page, at most;
    ``tracked``: tables that have change tracking."""

    root: str = ""
    organization: str = ""
    mine: str = ""
    rows: int = 5000
    tracked: set[str] = field(default_factory=lambda: {"businessunits", "teams", "roles", "systemusers"})
    _held: dict[tuple[object, ...], dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        usual: dict[str, Any] = {"isauditenabled": False, "expirechangetrackingindays": 7}
        self.organization = self.put("organizations", orgdborgsettings="<OrgSettings/>", **usual)
        self.root = self.put("businessunits", name="Contoso", isdisabled=False)
        self._default_team(self.root, "Contoso")
        self._define_privileges()
        upsert: dict[str, Any] = {"_sdkmessageid_value": self.put("sdkmessages", name="Upsert")}
        for name in ("businessunit", "role", "systemuser", "team"):
            self.put("sdkmessagefilters", primaryobjecttypecode=name, **upsert)
        self.me = self.person("orgsync-app", applicationid=self.new_id(), accessmode=4)
        names = [*LEAST, *(f"prv{verb}{table}" for table in (*OWNED, *SHARED) for verb in ACTIONS)]
        self.mine = self.role("Organization sync", {name: "Global" for name in names if self.privilege(name)})
        self.put("systemuserrolescollection", systemuserid=self.me, roleid=self.mine)

    def _define_privileges(self) -> None:
        for table in OWNED:
            for verb in ACTIONS:
                self._privilege(f"prv{verb}{table}", *_COLUMNS)
        for table in SHARED:
            for verb in ACTIONS[:-2]:
                self._privilege(f"prv{verb}{table}", "Global")
        for table in ADMINISTRATION:
            for verb in ACTIONS[:-1]:
                self._privilege(f"prv{verb}{table}", "Local", "Deep", "Global")
        for name in MISCELLANEOUS:
            self._privilege(name, "Global")

    def _privilege(self, name: str, *depths: str) -> None:
        can: dict[str, Any] = {column: depth in depths for depth, column in _COLUMNS.items()}
        self.put("privileges", name=name, **can)

    def privilege(self, name: str) -> str | None:
        return next((row["privilegeid"] for row in self.where("privileges", name=name)), None)

    # what administrators make by hand

    def person(self, login: str, place: str = "", **more: Any) -> str:
        usual = {"domainname": login, "internalemailaddress": login, "isdisabled": False, "accessmode": 0}
        return self.put("systemusers", **{**usual, "_businessunitid_value": place or self.root, **more})

    def part(self, name: str, above: str = "") -> str:
        id_ = self.new_id()
        self._make_part(id_, {"name": name, "_parentbusinessunitid_value": above or self.root})
        return id_

    def team(self, name: str, place: str = "", **more: Any) -> str:
        usual = {"teamtype": 0, "isdefault": False, "_administratorid_value": self.me}
        return self.put("teams", name=name, **{**usual, "_businessunitid_value": place or self.root, **more})

    def role(self, name: str, given: Mapping[str, str] | None = None) -> str:
        id_ = self.new_id()
        self._make_role(id_, {"name": name, "_businessunitid_value": self.root, "isinherited": 0})
        wanted = [{"PrivilegeId": self.privilege(one), "Depth": depth} for one, depth in (given or {}).items()]
        self._set_privileges(id_, wanted)
        return id_

    def also(self, *names: str) -> None:
        """What our own role gives besides."""
        for name in names:
            given: dict[str, Any] = {"privilegeid": self.privilege(name), "privilegedepthmask": _MASKS["Global"]}
            self.put("roleprivilegescollection", roleid=self.mine, **given)

    def setting(self, name: str, value: str) -> None:
        text = self.tables["organizations"][self.organization]["orgdborgsettings"]
        text = text.replace("<OrgSettings/>", "<OrgSettings></OrgSettings>")
        text = text.replace("</OrgSettings>", f"<{name}>{value}</{name}></OrgSettings>")
        self.change("organizations", self.organization, orgdborgsettings=text)

    def is_set(self, name: str) -> bool:
        return f"<{name}>true</{name}>" in self.tables["organizations"][self.organization]["orgdborgsettings"]

    # rows

    def create(self, table: str, id_: str, values: Mapping[str, Any]) -> None:
        makers: Mapping[str, Callable[[str, Row], None]] = {
            "businessunits": self._make_part,
            "teams": self._make_team,
            "roles": self._make_role,
        }
        if table not in makers:
            raise refused(_FORBIDDEN, f"The 'Create' method does not support entities of type '{table}'.", 405)
        self._may("Create", table)
        if missing := TABLES[table].required - {_lookup(name) for name in values}:
            raise refused(_REQUIRED, f"A required field is missing: {min(missing)}")
        makers[table](id_, dict(values))

    def update(self, table: str, id_: str, values: Mapping[str, Any]) -> None:
        self._may("Write", table)
        changers: Mapping[str, Callable[[Row, Row], None]] = {
            "businessunits": self._change_part,
            "teams": self._change_team,
            "roles": self._change_role,
            "systemusers": self._change_user,
        }
        changers[table](self.row(table, id_), dict(values))

    def delete(self, table: str, id_: str) -> None:
        self._may("Delete", table)
        removers: Mapping[str, Callable[[Row], None]] = {
            "businessunits": self._remove_part,
            "teams": self._remove_team,
            "roles": self._remove_role,
        }
        if table not in removers:
            raise refused(_FORBIDDEN, f"The 'Delete' method does not support entities of type '{table}'.", 405)
        removers[table](self.row(table, id_))

    def _may(self, verb: str, table: str) -> None:
        titles = {"businessunits": "BusinessUnit", "teams": "Team", "roles": "Role", "systemusers": "User"}
        self.need(f"prv{verb}{titles[table]}")

    def need(self, name: str) -> None:
        if name not in self.held(str(self.me)):
            raise refused(_FORBIDDEN, f"Principal user (Id={self.me}) is missing {name} privilege", 403)

    def seen(self, table: str) -> list[Row]:
        """Who may not read everything gets fewer rows, and no word about it (Security concepts: access levels)."""
        rows = [*self.tables[table].values()]
        wanted = READING.get(table)
        if wanted is None or self.held(str(self.me)).get(wanted, "Global") == "Global":
            return rows
        place = self.tables["systemusers"][str(self.me)]["_businessunitid_value"]
        return [row for row in rows if place in (row.get("_businessunitid_value"), row.get("businessunitid"))]

    def held(self, user: str) -> dict[str, str]:
        """Name -> deepest depth, by the roles that the user has."""
        state = (user, *(self.written[table] for table in _HOLDING))
        if state not in self._held:
            self._held = {state: self._sum(user)}
        return self._held[state]

    def _sum(self, user: str) -> dict[str, str]:
        names = {row["privilegeid"]: row["name"] for row in self.tables["privileges"].values()}
        depths = {mask: depth for depth, mask in _MASKS.items()}
        found: dict[str, int] = {}
        for link in self.where("systemuserrolescollection", systemuserid=user):
            for row in self.where("roleprivilegescollection", roleid=link["roleid"]):
                name = names[row["privilegeid"]]
                found[name] = max(found.get(name, 0), row["privilegedepthmask"])
        return {name: depths[mask] for name, mask in found.items()}

    # business units

    def _make_part(self, id_: str, values: Row) -> None:
        above = self.row("businessunits", values["_parentbusinessunitid_value"])
        if above["isdisabled"]:
            raise refused(_DISABLED, "The parent business unit is disabled.")
        self._free_name("businessunits", id_, values["name"])
        self.put("businessunits", id_, isdisabled=False, **values)
        self._default_team(id_, values["name"])
        for role in [*self.where("roles", _businessunitid_value=self.root)]:
            self._copy(role, id_)

    def _free_name(self, table: str, id_: str, name: object, **among: Any) -> None:
        key = TABLES[table].key
        same = str(name or "").lower()
        if not same:
            raise refused(_REQUIRED, "A name is required.")
        if any(row[key] != id_ and row["name"].lower() == same for row in self.where(table, **among)):
            raise refused(_NAME_IN_USE, f"The name '{name}' is used by another record of {table}.")

    def _default_team(self, part: str, name: str) -> None:
        self.put(
            "teams", name=name, teamtype=0, isdefault=True, _businessunitid_value=part, _administratorid_value=self.me
        )

    def _change_part(self, row: Row, values: Row) -> None:
        id_ = row["businessunitid"]
        if id_ == self.root and values.keys() & {"isdisabled", "_parentbusinessunitid_value"}:
            raise refused(_RULE, "The root business unit can be neither disabled nor moved.")
        if "_parentbusinessunitid_value" in values:
            self.need("prvReparentBusinessUnit")
            self._no_circle(id_, values["_parentbusinessunitid_value"])
        if "isdisabled" in values:
            self.need("prvDisableBusinessUnit")
        if values.get("isdisabled"):
            self._disable_below(id_)
        if "name" in values:
            self._free_name("businessunits", id_, values["name"])
            for team in self.where("teams", _businessunitid_value=id_, isdefault=True):
                self.change("teams", team["teamid"], name=values["name"])
        self.change("businessunits", id_, **values)

    def _disable_below(self, id_: str) -> None:
        """All business units below are disabled with it (Disable and delete a business unit)."""
        for part in self.where("businessunits", _parentbusinessunitid_value=id_):
            self.change("businessunits", part["businessunitid"], isdisabled=True)
            self._disable_below(part["businessunitid"])

    def _no_circle(self, id_: str, above: str | None) -> None:
        while above is not None:
            if above == id_:
                raise refused(_LOOP, "A business unit cannot be its own ancestor.")
            above = self.row("businessunits", above)["_parentbusinessunitid_value"]

    def _remove_part(self, row: Row) -> None:
        """Its teams, whose ever they are, and its roles go with it (Disable and delete a business unit)."""
        id_ = row["businessunitid"]
        if id_ == self.root:
            raise refused(_RULE, "The root business unit cannot be deleted.")
        if not row["isdisabled"]:
            raise refused(_NOT_DISABLED, "A business unit has to be disabled before it is deleted.")
        if [*self.where("businessunits", _parentbusinessunitid_value=id_)]:
            raise refused(_HAS_CHILD, "The business unit still has business units below it.")
        if [*self.where("systemusers", _businessunitid_value=id_)]:
            raise refused(_ASSOCIATED, "The business unit still has users or teams.")
        for team in [*self.where("teams", _businessunitid_value=id_)]:
            self._drop_team(team)
        for role in [*self.where("roles", _businessunitid_value=id_)]:
            self._drop_role(role)
        self.drop("businessunits", id_)

    # roles

    def _make_role(self, id_: str, values: Row) -> None:
        place = values["_businessunitid_value"]
        self._free_name("roles", id_, values["name"], _businessunitid_value=place)
        self.put("roles", id_, _parentrootroleid_value=id_, ismanaged=False, **{"isinherited": 1, **values})
        if place == self.root:
            for part in [*self.tables["businessunits"]]:
                if part != self.root:
                    self._copy(self.tables["roles"][id_], part)

    def _copy(self, role: Row, part: str) -> None:
        kept = {name: role[name] for name in ("name", "description", "isinherited", "ismanaged")}
        root = role["roleid"]
        copy = self.put(
            "roles", _businessunitid_value=part, _parentrootroleid_value=root, _parentroleid_value=root, **kept
        )
        for row in [*self.where("roleprivilegescollection", roleid=root)]:
            given = {name: row[name] for name in ("privilegeid", "privilegedepthmask")}
            self.put("roleprivilegescollection", roleid=copy, **given)

    def _family(self, root: str) -> list[Row]:
        """The role and its copies."""
        return [*self.where("roles", _parentrootroleid_value=root)]

    def _own_role(self, row: Row) -> None:
        if row["_parentrootroleid_value"] != row["roleid"]:
            raise refused(_RULE, "Only the role of the root business unit can be changed.")
        if row["ismanaged"]:
            raise refused(_RULE, "The role is part of a managed solution.")

    def _change_role(self, row: Row, values: Row) -> None:
        self._own_role(row)
        if "name" in values:
            place = row["_businessunitid_value"]
            self._free_name("roles", row["roleid"], values["name"], _businessunitid_value=place)
        for one in self._family(row["roleid"]):
            self.change("roles", one["roleid"], **values)

    def _remove_role(self, row: Row) -> None:
        self._own_role(row)
        family = {one["roleid"] for one in self._family(row["roleid"])}
        for table in ("systemuserrolescollection", "teamrolescollection"):
            if any(link["roleid"] in family for link in self.tables[table].values()):
                raise refused(_ASSOCIATED, "The role is assigned to users or teams.")
        for one in self._family(row["roleid"]):
            self._drop_role(one)

    def _drop_role(self, row: Row) -> None:
        id_ = row["roleid"]
        for table in ("roleprivilegescollection", "systemuserrolescollection", "teamrolescollection"):
            for link in [*self.where(table, roleid=id_)]:
                self.drop(table, link[TABLES[table].key])
        self.drop("roles", id_)

    def replace_privileges(self, id_: str, given: list[dict[str, Any]]) -> None:
        self.need("prvWriteRole")
        self._own_role(self.row("roles", id_))
        held = self.held(str(self.me))
        for one in given:
            privilege, depth = self.row("privileges", one.get("PrivilegeId")), one.get("Depth")
            if one.get("BusinessUnitId") not in self.tables["businessunits"]:
                raise refused(_GONE, f"Business unit with Id = {one.get('BusinessUnitId')} does not exist")
            if not privilege[_COLUMNS[str(depth)]]:
                raise refused(_RULE, f"The depth {depth} is not valid for {privilege['name']}.")
            if held.get(privilege["name"]) != "Global":
                raise refused(_FORBIDDEN, f"The caller does not have {privilege['name']} itself.", 403)
        if len({one["PrivilegeId"] for one in given}) < len(given):
            raise refused(_DUPLICATE, "A privilege is given twice.")
        self._set_privileges(id_, given)

    def _set_privileges(self, id_: str, given: list[dict[str, Any]]) -> None:
        for one in self._family(id_):
            for row in [*self.where("roleprivilegescollection", roleid=one["roleid"])]:
                self.drop("roleprivilegescollection", row["roleprivilegeid"])
            for wanted in given:
                mask = _MASKS[wanted["Depth"]]
                values = {"privilegeid": wanted["PrivilegeId"], "privilegedepthmask": mask, "roleid": one["roleid"]}
                self.put("roleprivilegescollection", **values)
        self.touch("roles", id_)

    # teams

    def _make_team(self, id_: str, values: Row) -> None:
        self.row("systemusers", values["_administratorid_value"])
        if values.get("teamtype", 0) not in {0, 1}:
            raise refused(_REQUIRED, "A team of an Entra group needs its object id.")
        self._free_name("teams", id_, values["name"], _businessunitid_value=values["_businessunitid_value"])
        self.put("teams", id_, **{"teamtype": 0, "isdefault": False, **values})

    def _change_team(self, row: Row, values: Row) -> None:
        id_ = row["teamid"]
        if row["isdefault"]:
            raise refused(_DEFAULT_NAME, "The default team of a business unit cannot be changed.")
        place = str(values.get("_businessunitid_value", row["_businessunitid_value"]))
        self._free_name("teams", id_, values.get("name", row["name"]), _businessunitid_value=place)
        if place != row["_businessunitid_value"]:
            self.need("prvReparentTeam")
            self._strip("teamrolescollection", "teamid", id_, place)
        self.change("teams", id_, **values)

    def _strip(self, table: str, column: str, holder: str, place: str) -> None:
        """Whoever moves to another business unit loses their roles, or keeps those that have a copy there."""
        kept = self.is_set("DoNotRemoveRolesOnChangeBusinessUnit")
        for link in [*self.where(table, **{column: holder})]:
            root = self.tables["roles"][link["roleid"]]["_parentrootroleid_value"]
            self.drop(table, link[TABLES[table].key])
            copies = [*self.where("roles", _parentrootroleid_value=root, _businessunitid_value=place)]
            if kept and copies:
                self.put(table, **{column: holder, "roleid": copies[0]["roleid"]})

    def _remove_team(self, row: Row) -> None:
        if row["isdefault"]:
            raise refused(_DEFAULT_DELETE, "The default team of a business unit cannot be deleted.")
        self._drop_team(row)

    def _drop_team(self, row: Row) -> None:
        for table in ("teammemberships", "teamrolescollection"):
            for link in [*self.where(table, teamid=row["teamid"])]:
                self.drop(table, link[TABLES[table].key])
        self.drop("teams", row["teamid"])

    # people

    def _change_user(self, row: Row, values: Row) -> None:
        id_ = row["systemuserid"]
        if row["accessmode"] == _SUPPORT or row["applicationid"] is not None:
            raise refused(_FORBIDDEN, "Application and support users are not changed this way.", 403)
        if "isdisabled" in values:
            self.need("prvDisableUser")
        place = str(values.get("_businessunitid_value", row["_businessunitid_value"]))
        if place != row["_businessunitid_value"]:
            self.need("prvReparentUser")
            self._strip("systemuserrolescollection", "systemuserid", id_, place)
        self.change("systemusers", id_, **values)

    # links

    def associate(self, table: str, id_: str, link: str, other: str) -> None:
        rows, one, two = LINKED[table, link]
        self.row(table, id_)
        self._check_link(table, id_, link, other)
        if [*self.where(rows, **{one: id_, two: other})]:
            raise refused(_DUPLICATE, "Cannot insert duplicate key.")
        self.put(rows, **{one: id_, two: other})
        self._audit(link, id_, given=True)

    def disassociate(self, table: str, id_: str, link: str, other: str) -> None:
        rows, one, two = LINKED[table, link]
        self._check_link(table, id_, link, other, new=False)
        found = [*self.where(rows, **{one: id_, two: other})]
        if not found:
            raise refused(_GONE, f"{rows} With Ids = {id_}, {other} Does Not Exist", 404)
        self.drop(rows, found[0][TABLES[rows].key])
        self._audit(link, id_, given=False)

    def _audit(self, link: str, id_: str, *, given: bool) -> None:
        codes = {"teammembership_association": (36, 35), "teamroles_association": (54, 53)}
        if self.tables["organizations"][self.organization]["isauditenabled"] and link in codes:
            self.trace(codes[link][given], id_)

    def trace(self, action: int, id_: str) -> None:
        who: dict[str, Any] = {"_objectid_value": id_, "_userid_value": self.me}
        self.put("audits", action=action, operation=2, createdon=self.now(), **who)

    def _check_link(self, table: str, id_: str, link: str, other: str, *, new: bool = True) -> None:
        holder = self.row(table, id_)
        if link == "teammembership_association":
            self.row("systemusers", other)
            self._may_link("Team", "User")
            if holder["isdefault"] or holder["teamtype"] not in {0, 1}:
                raise refused(_DEFAULT_MEMBERS, "Members of this team cannot be changed.")
            return
        role = self.row("roles", other)
        self._may_link("Team" if table == "teams" else "User", "Role")
        self.need("prvAssignRole")
        if new:
            self._no_more_than_ours(other)
        if table == "teams" and holder["teamtype"] == 1:
            raise refused(_ACCESS_TEAM, "An access team has no roles.")
        if table == "systemusers" and holder["accessmode"] == _SUPPORT:
            raise refused(_SUPPORT_USER, "A support user has no other roles.")
        matrix = self.is_set("EnableOwnershipAcrossBusinessUnits")
        if new and role["_businessunitid_value"] != holder["_businessunitid_value"] and not matrix:
            raise refused(_RULE, "The role belongs to another business unit than the user or team.")
        if new and table == "systemusers" and holder["isdisabled"]:
            raise refused(_RULE, "Roles cannot be assigned to a disabled user.")

    def _may_link(self, one: str, other: str) -> None:
        """Associate message privileges."""
        for name in (f"prvWrite{one}", f"prvAppend{one}", f"prvAppendTo{other}"):
            self.need(name)

    def _no_more_than_ours(self, role: str) -> None:
        """Nobody assigns a role that has more than they have themselves (Assign a security role to a user)."""
        names = {row["privilegeid"]: row["name"] for row in self.tables["privileges"].values()}
        ours = self.held(str(self.me))
        for row in self.where("roleprivilegescollection", roleid=role):
            name = names[row["privilegeid"]]
            if _MASKS.get(ours.get(name, ""), 0) < row["privilegedepthmask"]:
                raise refused(_FORBIDDEN, f"The role has more privileges than its assigner: {name}", 403)


def _lookup(name: str) -> str:
    return name[1 : -len("_value")] if name.startswith("_") and name.endswith("_value") else name
