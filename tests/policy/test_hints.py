from orgsync.policy import hints
from tests.policy.test_state import state_of


def test_no_hint_makes_a_privileged_role_one_of_all_who_ever_join() -> None:
    people = ("ana@example.com", "ben@example.com")
    state = state_of(
        {
            "role/boss": {"privileged": True},
            "role/chief": {"includes": ["boss"]},
            "role/rep": {},
            "unit/sales": {"name": "Sales"},
            **{f"membership/sales/{user}": {} for user in people},
            **{f"grant/sales/{user}/{role}": {} for user in people for role in ("boss", "chief", "rep")},
        }
    )
    found = [one.detail for one in hints(state) if one.code == "role-of-all-members"]
    assert found == ["all 2 members of sales hold rep"]
