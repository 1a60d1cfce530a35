"""Tasks on experimental design: settings are chosen, information is paid."""

from __future__ import annotations

from .task import Task


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


DESIGN = (
    Task(
        name="Linear, 2 parameters",
        about="Estimate two parameters from six noisy projections.",
        env_id="discovery/LinearGaussianDesign-v0",
        env_kwargs={"horizon": 6},
        agents=_design("xi_0=1, xi_1=1", ahead="look_ahead_eig") | {"optimal": "optimal"},
    ),
    Task(
        name="Toy of the robot physicist",
        about="At which energy to take 20 events, five times.",
        env_id="discovery/WeinbergToy-v0",
        env_kwargs={"horizon": 5},
        agents=_design("phi=40", ahead="look_ahead_eig"),
    ),
    Task(
        name="Weak mixing, 1000 events",
        about="Energy and polarisations of an e+ e- collider, five times 1000 events.",
        env_id="discovery/Weinberg-v0",
        env_kwargs={"horizon": 5},
        agents=_design("sqrt_s=90, P_minus=0.8, P_plus=-0.3", ahead="look_ahead_eig"),
    ),
    Task(
        name="Weak mixing, 0.5 pb^-1",
        about="The same with a fixed luminosity, so that the number of events informs, too, and "
        "a list of settings, among them the narrow peak.",
        env_id="discovery/Weinberg-v0",
        env_kwargs={
            "horizon": 5,
            "luminosity": 0.5,
            "settings": [
                [energy, minus, plus]
                for energy in (34.0, 60.0, 80.0, 88.0, 90.0, 91.19, 92.5, 94.0, 100.0, 150.0, 200.0)
                for minus, plus in ((-0.8, 0.3), (0.0, 0.0), (0.8, -0.3))
            ],
        },
        agents=_design("sqrt_s=91.19, P_minus=-0.8, P_plus=0.3"),
    ),
    Task(
        name="Death process",
        about="When to count the infected, four times.",
        env_id="discovery/DeathProcess-v0",
        env_kwargs={"horizon": 4},
        agents=_design("time=1.2", ahead="look_ahead_eig"),
    ),
    Task(
        name="Prey population",
        about="With how many prey to begin, five times, to learn how a predator hunts.",
        env_id="discovery/PreyPopulation-v0",
        env_kwargs={"horizon": 5, "settings": 60, "grid_size": (20, 240)},
        agents=_design("prey=300"),
    ),
    Task(
        name="Temporal discounting",
        about="Which of two offers, ten times, to learn how someone discounts the future.",
        env_id="discovery/TemporalDiscounting-v0",
        env_kwargs={"horizon": 10},
        agents=_design("reward_now=30, log_delay=4.25", ahead="look_ahead_eig(candidates=64)"),
    ),
    Task(
        name="Location finding",
        about="Where to measure, eight times, to find two hidden sources in the plane.",
        env_id="discovery/LocationFinding-v0",
        env_kwargs={"horizon": 8, "num_particles": 500},
        agents=_design("xi_0=0, xi_1=0", settings="(candidates=50)"),
    ),
)

DESIGNERS = {"random": "random", "greedy": "greedy_eig", "Thompson": "thompson_eig"}

SMALL_DESIGN = (
    Task(
        name="Linear, 2 measurements",
        about="Estimate two parameters from two noisy projections.",
        env_id="discovery/LinearGaussianDesign-v0",
        env_kwargs={"horizon": 2},
        agents=DESIGNERS | {"optimal": "optimal"},
    ),
    Task(
        name="Toy of the robot physicist, 2 energies",
        about="At which energy to take 20 events, twice.",
        env_id="discovery/WeinbergToy-v0",
        env_kwargs={"horizon": 2},
        agents=DESIGNERS,
    ),
    Task(
        name="Weak mixing, 27 settings",
        about="Energy and polarisations of an e+ e- collider, twice.",
        env_id="discovery/Weinberg-v0",
        env_kwargs={"horizon": 2, "settings": 3},
        agents=DESIGNERS,
    ),
    Task(
        name="Simulator, 11 settings",
        about="The toy of the robot physicist as a black box, twice.",
        env_id="discovery/SimulatorDesign-v0",
        env_kwargs={"horizon": 2},
        agents=DESIGNERS,
    ),
    Task(
        name="Death process, 2 counts",
        about="When to count the infected, twice.",
        env_id="discovery/DeathProcess-v0",
        env_kwargs={"horizon": 2, "settings": 20},
        agents=DESIGNERS,
    ),
    Task(
        name="Prey population, 10 settings",
        about="With how many prey to begin, twice, to learn how a predator hunts.",
        env_id="discovery/PreyPopulation-v0",
        env_kwargs={"horizon": 2, "settings": 10, "grid_size": (10, 20)},
        agents=DESIGNERS,
    ),
    Task(
        name="Temporal discounting, 36 offers",
        about="Which of two offers, twice, to learn how someone discounts the future.",
        env_id="discovery/TemporalDiscounting-v0",
        env_kwargs={"horizon": 2, "settings": 6, "grid_size": (32, 8)},
        agents=DESIGNERS,
    ),
    Task(
        name="Location finding, 36 places",
        about="Where to measure, twice, to find two hidden sources in the plane.",
        env_id="discovery/LocationFinding-v0",
        env_kwargs={"horizon": 2, "settings": 6, "num_particles": 100},
        agents=DESIGNERS,
    ),
    Task(
        name="Constant elasticity, 64 pairs",
        about="Which baskets of goods to compare, twice, to learn what someone prefers.",
        env_id="discovery/ConstantElasticity-v0",
        env_kwargs={"horizon": 2, "settings": 2, "num_particles": 100},
        agents=DESIGNERS,
    ),
)
