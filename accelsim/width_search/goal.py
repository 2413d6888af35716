"""Which of two networks a search wants more."""

from __future__ import annotations

from accelsim.report.mixed_widths import SearchStep
from accelsim.width_search.request import SearchRequest

__all__ = ["Goal"]


class Goal:
    """Least cost at an accuracy, or most accuracy within a budget, measured with ``images``."""

    def __init__(self, request: SearchRequest, images: int) -> None:
        self._request, self._images = request, images

    def cost(self, step: SearchStep) -> float:
        """Return what is to be small: microjoules or cycles of an image."""
        if self._request.cost == "energy":
            return step.energy_uj_per_image
        return step.cycles_per_image

    def is_met(self, step: SearchStep) -> bool:
        """Whether a network keeps the bound."""
        if self._request.budget is not None:
            return self.cost(step) <= self._request.budget
        return step.accuracy_pct >= (self._request.keep_accuracy_pct or 0.0)

    def badness(self, step: SearchStep) -> float:
        """Return a number that is the smaller the better; networks that break the bound come last.

        Only the order of these numbers means something. Of networks that are equally accurate
        within a budget, the one with less noise is better: less than one image decides.
        """
        if self._request.budget is not None:
            if not self.is_met(step):
                return 100.0 + self.cost(step)
            noise = step.output_mse / (1.0 + step.output_mse)
            return 100.0 / self._images * noise - step.accuracy_pct
        if not self.is_met(step):
            return (self._request.keep_accuracy_pct or 0.0) - step.accuracy_pct
        return -1.0 / self.cost(step)

    def narrows(self, step: SearchStep) -> bool:
        """Whether narrower operands than this network's can be wanted more.

        Not where it is too inaccurate already, nor where it meets a budget.
        """
        return self.is_met(step) == (self._request.budget is None)
