"""Where engines and harness meet: the only code that knows both sides, found, never imported."""
