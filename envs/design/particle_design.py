"""Design problems whose posterior has no closed form and no grid: it is kept by particles."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.checks import integer
from .design import DesignModel
from .posteriors import Particles


@dataclass(frozen=True, kw_only=True, eq=False)
class ParticleDesign(DesignModel[Particles]):
    """A problem that keeps its posterior by tempered sequential Monte Carlo.

    ## Arguments
    - `num_particles`, `num_moves`: particles of the posterior that pays the reward, and about how many
      Metropolis steps follow each resampling. The stated errors are those of 1000 particles.
    """

    num_particles: int = 1000
    num_moves: int = 10

    def __post_init__(self) -> None:
        self._set(
            num_particles=integer("num_particles", self.num_particles, low=10, high=1_000_000),
            num_moves=integer("num_moves", self.num_moves, low=1, high=10_000),
        )
        super().__post_init__()

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself: particles, scores, weights, likelihoods."""
        return super().size + 2 * self.num_particles * (len(self.unknown_parameters) + 1)

    @property
    def shared(self) -> int:
        """About how many numbers all episodes have in common: one restarts at a time."""
        return 16 * self.num_particles * len(self.unknown_parameters)

    def new_posterior(self, num_episodes: int) -> Particles:
        """Return the posterior of a number of episodes, to be reset before use."""
        return Particles(self, num_episodes, self.num_particles, self.num_moves)
