"""Pictures: the organization chart, which roles include which, and what a plan moves.

In: resources, plans. Out: a Picture, in words that no format knows; then Mermaid, DOT or SVG. Never: leaves something
out without saying how much, or lets a name act in the language that it is drawn in.
"""
