"""The benchmark's command line: ``python -m bench --help``."""

import argparse
import json
import sys
from collections.abc import Sequence

from bench import page
from bench.chart import draw
from bench.measure import CommandFailed
from bench.page import RESULTS
from bench.prepare import Shape, write
from bench.report import text
from bench.run import Options, Result, UnequalWork, run


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except (CommandFailed, UnequalWork) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="orgsync beside its peers, on equal work")
    commands = parser.add_subparsers(required=True)
    full = commands.add_parser("run", help="measure all contestants in turns and hold the ratios against the targets")
    full.set_defaults(command=_run)
    full.add_argument(
        "--size", type=int, action="append", metavar="N", help="assignments; repeatable (10000, 100000 and 1000000)"
    )
    _shape_options(full)
    full.add_argument("--rounds", type=int, default=3, help="of each size up to 100,000; two above")
    full.add_argument("--terraform", action="store_true", help="above 10,000 too: minutes, and 10 GiB at 100,000")
    full.add_argument("--network", type=int, default=10_000, metavar="N", help="assignments over a wire; 0: none")
    full.add_argument("--name", default="targets", help="of the files in bench/results; the page shows targets*")
    wire = commands.add_parser("network", help="reading, planning and applying over a wire with latency and limits")
    wire.set_defaults(command=_network)
    wire.add_argument("--size", type=int, default=10_000, metavar="N")
    wire.add_argument("--rounds", type=int, default=3)
    wire.add_argument("--name", default="latest", help="of the files in bench/results")
    access = commands.add_parser("access", help="effective access and the access diff, beside a cold plan")
    access.set_defaults(command=_access, per_file=100, variant="regular", seed=1, rounds=3, name="latest")
    access.add_argument("--size", type=int, default=100_000, metavar="N")
    check = commands.add_parser("quick", help="only what noise cannot touch, for CI")
    check.set_defaults(command=_quick)
    calls = commands.add_parser("calls", help="calls to real servers, beside the fewest that their batches allow")
    calls.set_defaults(command=_calls)
    figures = commands.add_parser("page", help="write the kept figures into docs/performance.md")
    figures.set_defaults(command=_page)
    generate = commands.add_parser("generate", help="write the files of one size below .bench/ and stop")
    generate.set_defaults(command=_generate)
    generate.add_argument("--size", type=int, default=1_000, metavar="N")
    _shape_options(generate)
    return parser


def _shape_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--variant", choices=["regular", "messy"], default="regular")
    parser.add_argument("--per-file", type=int, default=100, metavar="N", help="assignments per file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="orgsync and the floors alone")


def _shape(options: argparse.Namespace, size: int) -> Shape:
    return Shape(size=size, variant=options.variant, per_file=options.per_file, seed=options.seed)


def _run(options: argparse.Namespace) -> int:
    shapes = [_shape(options, size) for size in sorted(set(options.size or (10_000, 100_000, 1_000_000)))]
    chosen = Options(
        rounds=options.rounds,
        peers=options.peers,
        all_terraform=options.terraform,
        start_up=True,
        network=options.network,
    )
    return _shown(run(shapes, chosen), options.name)


def _network(options: argparse.Namespace) -> int:
    return _shown(run([], Options(rounds=options.rounds, network=options.size)), options.name)


def _access(options: argparse.Namespace) -> int:
    return _shown(run([_shape(options, options.size)], Options(rounds=options.rounds, peers=False)), options.name)


def _shown(result: Result, name: str) -> int:
    print(text(result), end="")
    path = RESULTS / name
    path.parent.mkdir(exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(result.to_json(), indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".txt").write_text(text(result), encoding="utf-8")
    path.with_suffix(".svg").write_text(draw(result.targets), encoding="utf-8")
    page.write()
    return 0


def _page(_: argparse.Namespace) -> int:
    page.write()
    return 0


def _calls(_: argparse.Namespace) -> int:
    from bench import calls  # noqa: PLC0415

    found = list(calls.rows())
    print(calls.text(found), end="")
    return 0 if all(row.ratio <= calls.MOST for row in found) else 1


def _quick(_: argparse.Namespace) -> int:
    from bench.quick import quick  # noqa: PLC0415  # needs orgsync's own modules, which the rest does not

    return 0 if quick() else 1


def _generate(options: argparse.Namespace) -> int:
    shape = _shape(options, options.size)
    print(f"{shape.folder}: {write(shape, peers=options.peers)} changes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
