"""Two workloads of the log store, a short and a long one, whose cases should cost the same.

They are apart from the store, so that whoever measures on it does not run them, too. They never
differ in anything but their length.
"""

from killpoint.bench.log_store import log_scenario

SHORT_COUNT = 5
LONG_COUNT = 100

short = log_scenario("bench.short", SHORT_COUNT - 1)
long = log_scenario("bench.long", LONG_COUNT - 1)
