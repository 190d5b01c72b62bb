"""What an apply did: one line per step while it runs, and the summary with advice after it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.text import Text

from orgsync.change import Outcome, Status
from orgsync.finding import Finding
from orgsync.render.escape import visible
from orgsync.render.text.findings import findings
from orgsync.render.text.page import STYLES, Page, line, wrapped

LISTED = 50
_WORDS = {
    Status.APPLIED: ("done", "green"),
    Status.FAILED: ("FAILED", "bold red"),
    Status.SKIPPED: ("skipped", "yellow"),
    Status.UNKNOWN: ("UNKNOWN", "bold red"),
}
Sentences = Mapping[str, tuple[str, str]]
"""Change id -> (symbol, sentence)."""


def outcome(one: Outcome, number: int, total: int, sentences: Sentences, page: Page) -> list[Text]:
    """``[ 7/41] ~ ana@x moves to west                 done``."""
    symbol, sentence = sentences.get(one.id, ("~", one.address))
    word, style = _WORDS[one.status]
    counter = f"[{number:>{len(str(total))}}/{total}] "
    left = Text(counter, "dim").append(f"{symbol} ", STYLES.get(symbol, "") + " not dim")
    left.append(visible(sentence), "not dim")
    end = Text(word, style).append(f" {visible(one.detail)}" if one.detail else "", "not bold default")
    margin = max(2, page.width - len(left.plain) - len(end.plain))
    return list(wrapped(left.append(" " * margin).append_text(end), page, hanging=len(counter) + 2))


def report(
    run: str, outcomes: Sequence[Outcome], differences: Sequence[Finding], sentences: Sentences, page: Page
) -> list[Text]:
    """What did not go well, the summary line, and what to do next."""
    return [
        *_troubles(outcomes, sentences, page),
        *findings(differences, page, lambda _: ""),
        *wrapped(summary(run, outcomes), page, hanging=7),
        *(one for advice in _advice(outcomes, differences) for one in wrapped(Text(advice), page, hanging=6)),
    ]


def summary(run: str, outcomes: Iterable[Outcome]) -> Text:
    """``apply: 36 applied, 1 failed, 2 skipped, 0 unknown · run 7b1ec09``."""
    counted = Counter(one.status for one in outcomes)
    words = ", ".join(f"{counted[status]:,} {status}" for status in Status)
    well = not (counted[Status.FAILED] or counted[Status.UNKNOWN] or counted[Status.SKIPPED])
    return Text("apply: ", STYLES["good" if well else "error"]).append(
        f"{words} · run {visible(run)}", "not bold default"
    )


def _troubles(outcomes: Sequence[Outcome], sentences: Sentences, page: Page) -> Iterator[Text]:
    troubled = [one for one in outcomes if one.status in {Status.FAILED, Status.UNKNOWN}]
    shown = troubled if page.verbose else troubled[:LISTED]
    for one in shown:
        symbol, sentence = sentences.get(one.id, ("~", one.address))
        word, style = _WORDS[one.status]
        text = Text(f"{word} ", style).append(
            f"{symbol} {visible(sentence)}: {visible(one.detail)}", "not bold default"
        )
        yield from wrapped(text, page, hanging=4)
    if len(troubled) > len(shown):
        yield line(f"and {len(troubled) - len(shown):,} more  (-v for all)", "dim")


def _advice(outcomes: Sequence[Outcome], differences: Sequence[Finding]) -> Iterator[str]:
    statuses = {one.status for one in outcomes}
    if Status.FAILED in statuses:
        yield "next: fix the cause and run orgsync plan again; what was applied stays applied"
    elif Status.UNKNOWN in statuses:
        yield "next: run orgsync plan again; it reads the CRM and shows what is left"
    elif Status.SKIPPED in statuses:
        yield "next: run orgsync plan again; what was skipped is planned anew"
    elif differences:
        yield "next: run orgsync plan again; the CRM answered yes and holds something else"
