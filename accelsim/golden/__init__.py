"""A slow, exact, obvious numpy executor of an integer network: the oracle of every run."""

from accelsim.golden.executor import GoldenRun, execute

__all__ = ["GoldenRun", "execute"]
