"""What YAML is turned into."""

from collections.abc import Sequence

Value = None | str | list["Value"] | dict[str, "Value"]
Marks = Sequence[int]
"""Line << 32 | column, both from 0: where each mapping and list and each text in a list begins, in the order of the
text."""
Path_ = tuple[str | int, ...]
"""From the top of a document to a value."""
MAX_DEPTH = 50
"""Levels of mappings and lists in one document."""
