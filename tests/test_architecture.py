"""Who may import whom: ``cli -> pipeline -> stages -> words``; every third-party package has its addresses."""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "orgsync"

WORDS = {
    "collector": set[str](),
    "access": {"resources"},
    "finding": set[str](),
    "resources": set[str](),
    "change": {"resources"},
    "errors": {"finding"},
    "homes": {"resources"},
    "index": {"change", "resources"},
    "freshness": {"adapter", "change", "resources"},
    "keeping": set[str](),
    "program": set[str](),
    "adapter": {"change", "finding", "index", "resources"},
    "plan": {"access", "change", "errors", "finding", "resources"},
    "watch": {"change"},
    "explain": {"change", "resources"},
    "references": {"errors"},
    "replay": {"keeping"},
}
DOORS = {
    "load": set[str](),
    "wording": set[str](),
    "documents": {"load", "wording"},  # a document's value comes with the place that it was read from
    "intake": {"documents", "load"},
    "settings": {"load", "wording"},  # the same words and findings for orgsync.yaml
}
STAGES = {
    "resolve": {"load"},
    "project": set[str](),
    "users": set[str](),
    "diff": set[str](),
    "order": set[str](),
    "effects": set[str](),
    "safety": {"settings"},
    "policy": {"settings"},
    "signing": set[str](),
    "undo": set[str](),
    "seal": set[str](),
    "apply": set[str](),
    "journal": set[str](),
    "revision": set[str](),
}
HOUSES = {
    "adapters": {"settings"},
    "render": set[str](),
    "pipeline": {*DOORS, *STAGES, "adapters"},
    "schema": {*DOORS},
    "cli": {"pipeline", "render", "settings", "schema"},
    "testing": {"pipeline", "adapters", "settings"},
    "__main__": {"cli"},
}
ALLOWED = WORDS | {name: {*WORDS, *more} for name, more in (DOORS | STAGES | HOUSES).items()}

LATE = {"deepdiff", "rich.console", "sqlalchemy.pool"}
LATE_IN = {  # sqlalchemy takes half the time of a validate that never needs it
    "journal.reading": {"orgsync.journal.book"},
    "pipeline": {  # its table of what to load when it is asked for
        *(f"orgsync.pipeline.{name}" for name in ("accessing", "applying", "declaring", "past", "planning")),
        *(f"orgsync.pipeline.{name}" for name in ("undoing", "values")),
        "orgsync.pipeline.target",
        "orgsync.intake",
        "orgsync.revision",
    },
    "pipeline.applying": {"orgsync.journal", "orgsync.journal.book", "orgsync.signing"},
    "pipeline.past": {"orgsync.journal"},
    "pipeline.weighing": {"orgsync.signing"},
    "intake": {"orgsync.documents"},  # building the models takes longer than a small plan needs for all the rest
    "intake.entries": {"orgsync.documents"},
    "settings": {"orgsync.settings.checking"},  # what is kept of an earlier run needs no models
    "policy": {"orgsync.policy.rules", "orgsync.policy.subjects"},
    "settings.policies": {"pydantic_core"},  # only where patterns are stated
    "adapters": {"pydantic"},
    "load": {"orgsync.load.composing", "orgsync.load.parsing"},  # what is kept needs no parser
    "references": {"keyring"},
    "adapters.scim.opener": {"orgsync.adapters.scim.adapter"},
    "adapters.hubspot.opener": {"orgsync.adapters.hubspot.adapter"},
    "adapters.salesforce.opener": {"orgsync.adapters.salesforce.adapter"},
    "adapters.salesforce.login": {"jwt"},
    "adapters.dataverse.opener": {"orgsync.adapters.dataverse.adapter"},
    "adapters.dataverse.login": {"msal"},
    "adapters.tryton.opener": {"orgsync.adapters.tryton.adapter"},
    "adapters.local.opener": {
        "orgsync.adapters.local.adapter",
        "orgsync.adapters.local.file",
        "orgsync.adapters.local.options",
    },
    "adapters.local.options": {"orgsync.adapters.local.connect"},
}

BY_WAY_OF_EXCEPTION = {
    ("cli.history", "journal"),  # the type of a run
    ("cli.doctor", "adapters"),  # asks an adapter without a plan
    ("cli.validate", "adapters"),  # what they say about their options
    ("cli.session", "adapters"),  # whether they are content with the settings that are kept
    ("cli.targets", "adapters"),  # what they can do, without a target
}

ADDRESSES = {
    "yaml": ("load",),
    "pydantic": ("documents", "wording", "settings", "schema", "adapters"),
    "cel": ("policy.child",),  # a program of its own
    "jwt": ("adapters.salesforce.login",),
    "msal": ("adapters.dataverse.login",),
    "pydantic_core": ("documents", "wording", "settings"),
    "typing_extensions": ("documents",),  # pydantic asks for its TypedDict before Python 3.12
    "jinja2": ("render.html", "render.markdown"),
    "deepdiff": ("explain",),
    "click": ("cli",),
    "graphviz": ("render.picture.dot",),
    "rich": ("cli", "render.text"),
    "requests": ("adapters.http",),
    "urllib3": ("adapters.http",),
    "sqlalchemy": ("journal", "adapters.local"),
    "cryptography": ("signing",),
    "keyring": ("references",),
    "pytest": ("testing",),
}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def imported(tree: ast.Module, *, when_loaded: bool = False) -> Iterator[str]:
    """Dotted names; ``when_loaded`` leaves out what functions and type checkers import."""
    nodes = tree.body if when_loaded else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                yield inside if inside.removeprefix("orgsync.") in MODULES else node.module or ""


def ours(tree: ast.Module, *, when_loaded: bool = False) -> set[str]:
    names = (name for name in imported(tree, when_loaded=when_loaded) if name.partition(".")[0] == "orgsync")
    return {name.removeprefix("orgsync").removeprefix(".") for name in names} - {""}


def house(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("module", sorted(set(MODULES) - {""}))
def test_a_module_is_listed_and_imports_only_what_it_may(module: str) -> None:
    assert house(module) in ALLOWED, f"say in this table what {module} may import"
    for target in ours(MODULES[module]):
        fine = house(target) == house(module) or house(target) in ALLOWED[house(module)]
        assert fine or (module, target) in BY_WAY_OF_EXCEPTION, f"{module} must not import {target}"


def test_no_stage_imports_another() -> None:
    for stage in STAGES:
        assert not ours(MODULES[stage]) & set(STAGES), stage


def test_every_entry_of_the_tables_is_needed() -> None:
    assert {house(module) for module in MODULES} - {""} == set(ALLOWED)
    for module, target in BY_WAY_OF_EXCEPTION:
        assert target in ours(MODULES[module])


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_third_party_package_is_imported_at_its_address_alone(module: str) -> None:
    for name in {name.partition(".")[0] for name in imported(MODULES[module])} - {"orgsync"}:
        if name in sys.stdlib_module_names:
            continue
        assert name in ADDRESSES, f"{module} imports {name}, which has no address"
        assert any(module == place or module.startswith(f"{place}.") for place in ADDRESSES[name]), (module, name)


def test_nothing_imports_in_a_ring_while_it_is_loaded() -> None:
    graph = {module: ours(tree, when_loaded=True) - {module} for module, tree in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_engine_has_no_rings_and_no_hidden_imports_at_all() -> None:
    """Only the command table (start-up time), the registry, deepdiff and what needs the database library come late."""
    engine = {module: tree for module, tree in MODULES.items() if house(module) not in {"cli", "__main__", ""}}
    TopologicalSorter({module: ours(tree) - {module} for module, tree in engine.items()}).prepare()
    for module, tree in engine.items():
        late = set(imported(tree)) - set(imported(tree, when_loaded=True))
        hidden = {name for name in late if house(name) not in sys.stdlib_module_names}
        assert hidden <= LATE | LATE_IN.get(module, set()), (module, hidden)


def test_what_a_package_offers_late_is_what_its_table_finds() -> None:
    from orgsync import pipeline

    table = {name: module for module, names in pipeline._HOUSES.items() for name in names}
    assert sorted(table) == sorted(pipeline.__all__)
    for name, module in table.items():
        assert getattr(pipeline, name) is getattr(sys.modules[module], name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pipeline.nothing
