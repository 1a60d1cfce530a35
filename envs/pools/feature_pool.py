"""Pools whose items have features."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from gymnasium import spaces
from numpy.typing import NDArray

from ..core import box
from ..core.arrays import Single
from .labels import FeatureLabels
from .pool import Pool


@dataclass(frozen=True, kw_only=True, eq=False)
class FeaturePool(Pool[FeatureLabels]):
    """A pool whose items have features, which stand in the observation.

    ## Observation space
    - `features`: float32, `(n * d,)`, row by row; constant within an episode.
    """

    beliefs: ClassVar[tuple[str, ...]] = "logistic", "neighbours", "linear", "gp"

    @property
    @abstractmethod
    def num_features(self) -> int:
        """The number d of features of an item."""

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself."""
        return super().size + self.num_items * self.num_features

    @property
    def outcomes(self) -> tuple[float, float] | None:
        """The two values of labels that are failures or successes, which are public; None: others."""
        return None

    @property
    def binary(self) -> bool:
        """Whether all labels are failures or successes, which is public."""
        return self.outcomes is not None

    def feature_matrix(self, observation: dict[str, NDArray[Any]]) -> Single:
        """Return the features in observations of B episodes as a view of shape ``(B, n, d)``."""
        flat = observation["features"]
        return flat.reshape(*flat.shape[:-1], self.num_items, self.num_features)

    @property
    @abstractmethod
    def feature_range(self) -> tuple[float, float]:
        """Finite bounds of the features."""

    def extra_spaces(self) -> dict[str, spaces.Box]:
        """Return the space of the features."""
        shape = (self.num_items * self.num_features,)
        return {"features": box(*self.feature_range, shape)}

    def extra(self, state: FeatureLabels) -> dict[str, NDArray[Any]]:
        """Return the features."""
        return {"features": state.features.view()}

    def places(self, observation: dict[str, NDArray[Any]]) -> NDArray[Any]:
        """Return the features."""
        return self.feature_matrix(observation)
