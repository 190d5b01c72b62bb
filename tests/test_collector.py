"""What is held to the end of a process, and what is not."""

from weakref import ref

from orgsync.collector import hold


class Tree:
    """Anything that can be referred to weakly."""


def test_the_last_that_was_held_stays_and_no_other() -> None:
    first, second = Tree(), Tree()
    one, two = ref(first), ref(second)
    hold(first)
    del first
    assert one() is not None
    hold(second)
    del second
    assert (one() is None, two() is None) == (True, False)
    hold()
    assert two() is None
