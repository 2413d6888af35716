"""Widths for each layer: fewest joules or cycles for an accuracy, or most accuracy for a budget.

With the simulator in the loop: greedy from sensitivities, and Optuna from there on.
"""

from accelsim.width_search.request import DEFAULT_TRIALS, SearchRequest
from accelsim.width_search.search import search_widths

__all__ = ["DEFAULT_TRIALS", "SearchRequest", "search_widths"]
