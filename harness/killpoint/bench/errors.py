"""The errors of a measurement.

    HarnessError
    `-- MeasureError, MeasurementLostError

It never carries a figure: a ratio that misses its target is a result.
"""

from __future__ import annotations

from killpoint.errors import HarnessError


class MeasureError(HarnessError):
    """A side of a comparison did not do its work, so its time says nothing."""

    def __init__(self, scenario: str, why: str) -> None:
        """Name the scenario and what went wrong."""
        super().__init__(
            f"{scenario} cannot be measured: {why}. "
            "It must pass `killpoint run` first, without a failure."
        )


class MeasurementLostError(HarnessError):
    """The measuring process died before it had an answer."""

    def __init__(self, scenario: str, exit_code: int | None) -> None:
        """Name the scenario and how the process ended."""
        super().__init__(
            f"measuring {scenario} ended with exit code {exit_code} and no figure. "
            "Run it again with --quick and nothing else on the machine."
        )
