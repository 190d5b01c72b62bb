"""Pictures: the organization chart, which roles include which, and what a plan moves.

In: resources, plans. Out: a Picture; then Mermaid, DOT or SVG. Never: leaves something out without saying how much, or
lets a name act in the language that it is drawn in.

    Picture     boxes and arrows, in words that no format knows
    Detail      how much of it is drawn
"""

from orgsync.render.picture.chart import chart
from orgsync.render.picture.dot import dot
from orgsync.render.picture.mermaid import fitting, mermaid
from orgsync.render.picture.moves import moves
from orgsync.render.picture.roles import inclusions
from orgsync.render.picture.svg import svg
from orgsync.render.picture.values import Detail, Picture

__all__ = ["Detail", "Picture", "chart", "dot", "fitting", "inclusions", "mermaid", "moves", "svg"]
