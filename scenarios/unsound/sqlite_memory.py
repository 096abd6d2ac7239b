"""SQLite with its rollback journal in memory: its manual says that a kill may corrupt the file.

It is here to be found to fail. It never counts as a bug of SQLite.
"""

from scenarios.external.sqlite import sqlite

SCENARIOS = (sqlite("memory"),)
