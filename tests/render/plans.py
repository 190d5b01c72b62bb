"""Plans to render: one of everything, a hostile one, and large ones."""

from orgsync.access import AccessDiff, AccessGroup, Shift
from orgsync.adapter import Changed, Foreign
from orgsync.change import Action, Change, Effect
from orgsync.finding import Finding, Position, Severity
from orgsync.plan import Guard, Plan, Target, seal
from orgsync.resources import Fields, Kind

TARGET = Target(name="production", adapter="dataverse", identity="https://crm.example.com")
HOSTILE = "Sales\x1b[31m\u202e| `x` <b>@all</b> [red]\n::error::"


def create(address: str, **after: object) -> Change:
    return Change(address=address, action=Action.CREATE, after=_fields(after))


def delete(address: str, reason: str = "") -> Change:
    return Change(address=address, action=Action.DELETE, before={}, reason=reason)


def update(address: str, before: Fields, after: Fields) -> Change:
    return Change(address=address, action=Action.UPDATE, before=before, after=after)


def _fields(values: dict[str, object]) -> Fields:
    return {name: str(value) for name, value in values.items()}


def of(*changes: Change, **members: object) -> Plan:
    values = {"target": TARGET, "revision": "3f2c1ab" + "0" * 33, "live": {"user": 1499, "unit": 766}, **members}
    return seal(Plan(changes=changes, **values))  # type: ignore[arg-type]


def group(
    *shifts: Shift | str,
    gain: bool = True,
    privileged: bool = False,
    users: tuple[str, ...] = ("ana.kim@example.com",),
    more: int = 0,
    units: tuple[str, ...] = ("sales",),
    role: str = "sales-manager",
    causes: tuple[str, ...] = (),
) -> AccessGroup:
    """``more``: users who are not listed; a text is the object of something that can be read."""
    listed = tuple(Shift(object=one, action="read", scope="unit") if isinstance(one, str) else one for one in shifts)
    return AccessGroup(
        gain=gain,
        privileged=privileged,
        roles=(role,),
        privileges=listed,
        privilege_count=len(listed),
        units=dict.fromkeys(units, 1),
        unit_count=len(units),
        users=users,
        user_count=len(users) + more,
        causes=causes,
    )


def access() -> AccessDiff:
    """Every kind of sentence."""
    delete = Shift(object="opportunity", action="delete", scope="organization", other="own")
    return AccessDiff(
        groups=(
            group(
                Shift(object="audit-log", action="read", scope="organization"),
                privileged=True,
                users=("carl@example.com",),
                units=("-",),
                role="administrator",
                causes=("grant/-/carl@example.com/administrator",),
            ),
            group(delete, users=("ana.kim@example.com", "bob@example.com"), more=40, causes=("role/sales-rep",)),
            group("account", "case", "contact", "lead", units=("sales", "west"), users=("a@x.org", "b@x.org")),
            group(Shift(object="?", action="seat", scope="unknown"), role="seat"),
            group(delete, gain=False, users=("dora@example.com",)),
            group(Shift(object="case", action="read", scope="subtree", over="west"), gain=False),
        ),
        gaining=46,
        losing=2,
        privileged=1,
        more_gains=3,
        as_declared=True,
    )


def everything() -> Plan:
    return of(
        delete("unit/benelux"),
        create("membership/sales/ana.kim@example.com"),
        create("grant/sales/ana.kim@example.com/sales-manager"),
        create("membership/sales/bob@example.com"),
        delete("membership/benelux/bob@example.com"),
        delete("grant/sales/dora@example.com/sales-manager", reason="ended on 2026-11-01"),
        create("grant/-/carl@example.com/administrator"),
        create("business-unit/commercial", name="Commercial"),
        update(
            "role/sales-rep",
            {"privileges": {"opportunity": {"read": "own"}}, "name": "Rep"},
            {"privileges": {"opportunity": {"read": "unit", "delete": "own"}}, "name": "Sales Rep"},
        ),
        withheld=(delete("unit/old", reason="prune does not name unit for this target"),),
        risky=frozenset(
            {
                "unit/benelux",
                "membership/benelux/bob@example.com",
                "grant/-/carl@example.com/administrator",
                "grant/sales/dora@example.com/sales-manager",
            }
        ),
        effects=(
            Effect(
                cause="membership/sales/bob@example.com", summary="moving bob drops his roles", drops=("grant/x/y/z",)
            ),
        ),
        guards=(
            Guard(name="unit-removals", text="removals 1 of 2 units (limit 25%, at most 50)", violated=True),
            Guard(name="role-holders", text="1 of 2 holders of sales-manager", violated=True, accepted=True),
            Guard(name="administrators", text="4 people hold a privileged role (at least 1)"),
        ),
        findings=(
            Finding(
                code="user-deactivated",
                severity=Severity.WARNING,
                summary="the user is deactivated",
                detail="eve@example.com",
                remedy="remove the assignment",
                position=Position(file="units/sales.yaml", line=9, column=5),
            ),
        ),
        origins={
            "membership/sales/ana.kim@example.com": "units/sales.yaml:12:5",
            "role/sales-rep": "roles/sales.yaml:3:1",
        },
        names={f"{Kind.UNIT}/sales": "Sales Team", "role/sales-rep": "Sales Rep"},
        seats=(119, 120),
        access=access(),
    )


def hostile() -> Plan:
    return of(
        create("membership/sales/ana@example.com"),
        update("role/rep", {"name": "Rep"}, {"name": HOSTILE}),
        names={"unit/sales": HOSTILE},
        access=AccessDiff(groups=(group(HOSTILE, users=(HOSTILE, "x"), more=1),), gaining=3),
        origins={"role/rep": f"roles/{HOSTILE}.yaml:1:1"},
    )


def large(units: int = 60, members: int = 50) -> Plan:
    return of(
        *(
            create(f"membership/unit-{unit:02}/person{member}-{unit}@example.com")
            for unit in range(units)
            for member in range(members)
        )
    )


def nothing() -> Plan:
    return of()


def changed() -> Changed:
    from datetime import UTC, datetime

    return Changed(by="j.doe", at=datetime(2026, 11, 21, 9, 14, tzinfo=UTC))


def foreign() -> Foreign:
    return Foreign(kind=Kind.UNIT, id="00G1", name="Shadow Team", changed=changed())
