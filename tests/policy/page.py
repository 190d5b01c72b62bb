"""Writes the examples into the page of policies: what is declared, and what orgsync prints about it.

``python -m tests.policy.page`` writes them anew.
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.policy import examples

PAGE = Path(__file__).parent.parent.parent / "docs" / "policies.md"
_MARKS = re.compile(r"<!-- example: (\S+) -->\n.*?<!-- end -->", re.DOTALL)


def written(text: str) -> str:
    return _MARKS.sub(lambda found: f"<!-- example: {found[1]} -->\n{_example(found[1])}<!-- end -->", text)


def _example(code: str) -> str:
    example = examples.read(examples.FOLDER / f"{code}.yaml")
    with TemporaryDirectory() as folder:
        printed = examples.run(Path(folder), examples.lay_out(Path(folder), example))
    declared = "".join(f"```yaml\n# {name}\n{part}```\n\n" for name, part in example.parts.items())
    asked = f"$ orgsync {' '.join(example.command)}\n"
    shown = examples.shown(printed, code).partition("POLICIES  what lives in the CRM\n")
    return f"{declared}```console\n{asked}{shown[2] or shown[0]}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
