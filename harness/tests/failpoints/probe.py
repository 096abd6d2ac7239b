"""Points of no engine, for the tests of failpoints; child processes load them as well.

It never injects anything by itself.
"""

from __future__ import annotations

from killpoint.failpoints import CRASHES, DEFAULT_ALLOWED, REPLACES, declare

EVERYTHING = DEFAULT_ALLOWED | REPLACES

FIRST = declare("probe.first", durable="nothing", pending="all", allows=EVERYTHING)
SECOND = declare("probe.second", durable="nothing", pending="all", allows=EVERYTHING)
MORTAL = declare("mortal.one", durable="nothing", pending="all", allows=CRASHES)
FAR = declare("distant.one", durable="nothing", pending="all", allows=EVERYTHING)
