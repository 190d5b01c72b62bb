"""``python -m orgsync``, and ``orgsync``: what was answered already is answered before the commands are loaded."""

import sys


def main() -> None:
    question = None
    if "plan" in sys.argv:
        from orgsync.replay.asking import answer_to, asked, say  # noqa: PLC0415  (no other command is answered that way)

        question = asked(sys.argv[1:])
        record = None if question is None else answer_to(question)
        if record is not None:
            try:
                code = say(record)
            except BaseException as error:  # noqa: BLE001  (from the first word on there is no other way)
                from orgsync.cli.boundary import leave  # noqa: PLC0415

                code = leave(error)
            sys.exit(code)
    from orgsync.cli import main as run  # noqa: PLC0415

    run(question=question)


if __name__ == "__main__":
    main()
