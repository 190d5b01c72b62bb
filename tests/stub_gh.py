"""Stands in for GitHub's command-line tool: answers from a JSON file, writes down every call, keeps what is written.

In: arguments, GH_STATE (a JSON file: comments, issues, merged, runs, artifacts). Out: what ``--jq`` would print. It
knows exactly the questions that the workflows ask; anything else fails, so that a new question needs a new answer.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

BOT = "github-actions[bot]"


def main(arguments: list[str]) -> int:
    if not os.environ.get("GH_TOKEN"):
        sys.stderr.write("gh: to use GitHub CLI in a workflow, set GH_TOKEN\n")
        return 4
    path = Path(os.environ["GH_STATE"])
    state = json.loads(path.read_text(encoding="utf-8"))
    state["calls"].append(arguments)
    code = answer(arguments, state)
    path.write_text(json.dumps(state), encoding="utf-8")
    return code


def answer(arguments: list[str], state: dict[str, Any]) -> int:
    match arguments:
        case ["run", "list", *rest] if option(rest, "--workflow") == "plan.yml":
            tell(run["id"] for run in state["runs"] if run["commit"] == option(rest, "--commit"))
        case ["run", "download", run, *rest]:
            shutil.copytree(state["artifacts"][run], option(rest, "--dir"))
        case ["api", *rest]:
            url = next(one for one in rest if one.startswith("repos/")).removeprefix("repos/northwind/organization/")
            return api(option(rest, "--method") or "GET", url.partition("?")[0], rest, state)
        case _:
            return unknown(arguments)
    return 0


def api(method: str, url: str, rest: list[str], state: dict[str, Any]) -> int:
    fields = dict(field(one) for name, one in pairwise(rest) if name == "--field")
    if method == "GET" and (found := re.fullmatch(r"commits/(\w+)/pulls", url)):
        tell(one["head"] for one in state["merged"] if one["merge"] == found[1])
    elif method == "GET" and url in {"issues", "issues/7/comments"}:
        marker = re.search(r'startswith\("(.*?)"\)', option(rest, "--jq"))
        of = state["issues"] if url == "issues" else state["comments"]
        tell(one["id"] for one in of if visible(one, marker[1] if marker else ""))
    elif method == "POST" and url in {"issues", "issues/7/comments"}:
        of = state["issues"] if url == "issues" else state["comments"]
        of.append({"id": 100 + len(of), "user": BOT, "state": "open", **fields})
    elif method == "PATCH" and (found := re.fullmatch(r"issues/(comments/)?(\d+)", url)):
        of = state["comments" if found[1] else "issues"]
        next(one for one in of if one["id"] == int(found[2])).update(fields)
    else:
        return unknown([method, url])
    return 0


def tell(lines: Iterable[object]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def visible(one: dict[str, Any], marker: str) -> bool:
    return bool(one["user"] == BOT) and one["body"].startswith(marker) and one.get("state", "open") == "open"


def field(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, Path(value[1:]).read_text(encoding="utf-8") if value.startswith("@") else value


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1] if name in arguments else ""


def unknown(arguments: list[str]) -> int:
    sys.stderr.write(f"gh: no answer to {arguments}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
