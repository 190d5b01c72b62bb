"""Nothing changed on either side: the answer of the last plan, given again before anything dear is loaded.

In: the command's words, the environment, everything that went into an earlier answer. Out: that answer to the byte, or
nothing: on any doubt the plan is made anew. Never: passes over the live side, whose bytes are read each time; believes
names or times of what is declared or lives; keeps what a failing run said.
"""
