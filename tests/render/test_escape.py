import pytest

from orgsync.render.escape import annotation, cell, markdown, printable, visible


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Größe · 日本", "Größe · 日本"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("\u202eevil", "\\u202eevil"),
        ("a\u200bb", "a\\u200bb"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b31m", "\\x9b31m"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_would_act_upon_is_shown(given: str, shown: str) -> None:
    assert visible(given) == shown


@pytest.mark.parametrize("given", ["`code`", "<img src=x>", "a|b", "[a](b)", "*b*", "https://evil.example"])
def test_markdown_has_no_markup_of_theirs(given: str) -> None:
    assert not set(markdown(given)) & set("`<>|[]*:")


def test_a_number_is_no_issue() -> None:
    assert markdown("see #12") == "see &#35;&#8203;12"


def test_a_mention_rings_no_bell() -> None:
    assert "@all" not in markdown("@all")


@pytest.mark.parametrize("sign", [*"=+-@|%", *"＝＋－＠"])
@pytest.mark.parametrize("before", ["", " ", "'", "\u00a0 '"])
def test_no_cell_begins_a_formula(sign: str, before: str) -> None:
    assert cell(f"{before}{sign}1") == f"'{before}{sign}1"
    assert cell(f"a;{before}{sign}1") == f"a;'{before}{sign}1"


@pytest.mark.parametrize(
    ("given", "shown"), [("\t=1", "\\t=1"), ("\r=1", "\\r=1"), ("\n=1", "\\n=1"), ("\x00=1", "\\x00=1")]
)
def test_no_cell_begins_with_what_a_spreadsheet_skips(given: str, shown: str) -> None:
    assert cell(given) == shown


@pytest.mark.parametrize("given", ["ana.kim@example.com", "a-b", "1 + 1", "", "unit/sales > role/r"])
def test_a_cell_that_begins_no_formula_is_left_alone(given: str) -> None:
    assert cell(given) == given


def test_annotations_keep_their_line_breaks_encoded() -> None:
    assert annotation("50%\nnext") == "50%25%0Anext"


@pytest.mark.parametrize("encoding", ["ascii", "no-such-encoding"])
def test_a_poor_stream_gets_ascii(encoding: str) -> None:
    assert printable("7b1e…c09 · é", encoding) == "7b1e...c09 - \\xe9"
