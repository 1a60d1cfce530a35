"""Tasks on experimental design: settings are chosen, information is paid."""

from __future__ import annotations

from .task import task


def _design(fixed: str, *, settings: str = "", ahead: str | None = None) -> dict[str, str]:
    """Return the agents of experimental design.

    Args:
        fixed: The setting that is best if it is repeated, on the tuning seeds 0 to 299.
        settings: Settings of the greedy agent and of Thompson's, in brackets.
        ahead: The agent that looks two steps ahead; ``None``: it would take too long.
    """
    return {
        "random": "random",
        "fixed setting": f"fixed({fixed})",
        "greedy": f"greedy_eig{settings}",
        "Thompson": f"thompson_eig{settings}",
        "Bayesian optimisation": "bayes_opt_eig",
    } | ({} if ahead is None else {"two steps ahead": ahead})


ENERGIES = (34.0, 60.0, 80.0, 88.0, 90.0, 91.19, 92.5, 94.0, 100.0, 150.0, 200.0)
POLARISATIONS = ((-0.8, 0.3), (0.0, 0.0), (0.8, -0.3))
DESIGNERS = {"random": "random", "greedy": "greedy_eig", "Thompson": "thompson_eig"}

# fmt: off
DESIGN = (
    task("LinearGaussianDesign", "Linear, 2 parameters",
         "Estimate two parameters from six noisy projections.",
         _design("xi_0=1, xi_1=1", ahead="look_ahead_eig") | {"optimal": "optimal"}, horizon=6),
    task("WeinbergToy", "Toy of the robot physicist",
         "At which energy to take 20 events, five times.",
         _design("phi=40", ahead="look_ahead_eig"), horizon=5),
    task("Weinberg", "Weak mixing, 1000 events",
         "Energy and polarisations of an e+ e- collider, five times 1000 events.",
         _design("sqrt_s=90, P_minus=0.8, P_plus=-0.3", ahead="look_ahead_eig"), horizon=5),
    task("Weinberg", "Weak mixing, 0.5 pb^-1",
         "The same with a fixed luminosity, so that the number of events informs, too, and a list of "
         "settings, among them the narrow peak.",
         _design("sqrt_s=91.19, P_minus=-0.8, P_plus=0.3"), horizon=5, luminosity=0.5,
         settings=[[energy, *beams] for energy in ENERGIES for beams in POLARISATIONS]),
    task("DeathProcess", "Death process", "When to count the infected, four times.",
         _design("time=1.2", ahead="look_ahead_eig"), horizon=4),
    task("PreyPopulation", "Prey population",
         "With how many prey to begin, five times, to learn how a predator hunts.",
         _design("prey=300"), horizon=5, settings=60, grid_size=(20, 240)),
    task("TemporalDiscounting", "Temporal discounting",
         "Which of two offers, ten times, to learn how someone discounts the future.",
         _design("reward_now=30, log_delay=4.25", ahead="look_ahead_eig(candidates=64)"), horizon=10),
    task("LocationFinding", "Location finding",
         "Where to measure, eight times, to find two hidden sources in the plane.",
         _design("xi_0=0, xi_1=0", settings="(candidates=50)"), horizon=8, num_particles=500),
)

SMALL_DESIGN = (
    task("LinearGaussianDesign", "Linear, 2 measurements",
         "Estimate two parameters from two noisy projections.",
         DESIGNERS | {"optimal": "optimal"}, horizon=2),
    task("WeinbergToy", "Toy of the robot physicist, 2 energies",
         "At which energy to take 20 events, twice.", DESIGNERS, horizon=2),
    task("Weinberg", "Weak mixing, 27 settings",
         "Energy and polarisations of an e+ e- collider, twice.", DESIGNERS, horizon=2, settings=3),
    task("SimulatorDesign", "Simulator, 11 settings",
         "The toy of the robot physicist as a black box, twice.", DESIGNERS, horizon=2),
    task("DeathProcess", "Death process, 2 counts",
         "When to count the infected, twice.", DESIGNERS, horizon=2, settings=20),
    task("PreyPopulation", "Prey population, 10 settings",
         "With how many prey to begin, twice, to learn how a predator hunts.",
         DESIGNERS, horizon=2, settings=10, grid_size=(10, 20)),
    task("TemporalDiscounting", "Temporal discounting, 36 offers",
         "Which of two offers, twice, to learn how someone discounts the future.",
         DESIGNERS, horizon=2, settings=6, grid_size=(32, 8)),
    task("LocationFinding", "Location finding, 36 places",
         "Where to measure, twice, to find two hidden sources in the plane.",
         DESIGNERS, horizon=2, settings=6, num_particles=100),
    task("ConstantElasticity", "Constant elasticity, 64 pairs",
         "Which baskets of goods to compare, twice, to learn what someone prefers.",
         DESIGNERS, horizon=2, settings=2, num_particles=100),
)
# fmt: on
