"""The number of a journal: the newest is undone first, so it must be above all that stand."""

from engine.kb.journal import next_sequence


def test_a_new_journal_comes_after_all_that_stand() -> None:
    """Also after quarantined ones; what has no number is no journal of ours."""
    standing = ("work/journal/000002-a.json", "work/quarantine/000007-b.json")

    assert next_sequence(()) == 1
    assert next_sequence(standing) == 8
    assert next_sequence((*standing, "work/journal/strange.json", "work/a.backup.0")) == 8
