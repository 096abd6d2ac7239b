"""Two workloads of the log store, a short and a long one, whose cases should cost the same.

The long one is the short one twenty times over. So its log is as short at every moment, and opening
the store costs the same: what differs is what the harness does with a long workload. A log that
is never compacted would measure its own reading, four times a case.

They are apart from the store, so that whoever measures on it does not run them, too.
"""

from killpoint.bench.log_store import log_scenario

PUTS_COUNT = 4
ROUNDS_COUNT = 20

short = log_scenario("bench.short", PUTS_COUNT)
long = log_scenario("bench.long", PUTS_COUNT, rounds_count=ROUNDS_COUNT)
