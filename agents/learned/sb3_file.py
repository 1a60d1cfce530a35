"""What stable-baselines3 has saved, as an agent.

Such a file holds pickled Python: opening it can do anything that its writer wants. So it is no agent
with a name of its own; a suite's file names it as ``{ sb3 = "ppo.zip" }`` and has to be trusted.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from ...envs.core import InputError, shown, told


class SB3File:
    """Plays the policy in a file of stable-baselines3 or sb3-contrib, of whatever algorithm.

    It takes the likeliest action, so that a run repeats itself.

    Args:
        path: The file, ``ppo.zip``.

    Raises:
        InputError: The extra `learn` is not installed, or the file is none that holds a policy.
    """

    def __init__(self, path: str) -> None:
        try:
            from stable_baselines3.common.save_util import load_from_zip_file
        except ImportError:
            raise InputError(
                f"{path} needs stable-baselines3: pip install 'discovery-gym[learn]'."
            ) from None
        if not Path(path).is_file():
            raise InputError(f"There is no file {shown(path)}; name it as seen from this folder.")
        try:
            data, weights, _ = load_from_zip_file(path, device="cpu")
            more = {"use_sde": True} if data.get("use_sde") else {}
            self.policy = data["policy_class"](
                data["observation_space"],
                data["action_space"],
                lambda _: 0.0,  # it does not learn
                **data["policy_kwargs"],
                **more,
            )
            self.policy.load_state_dict(weights["policy"])
        except Exception as error:
            raise InputError(
                f"{path} holds no policy that stable-baselines3 has saved ({type(error).__name__}: "
                f"{told(error)})."
            ) from error
        self.policy.set_training_mode(False)
        self._masked = "action_masks" in inspect.signature(self.policy.predict).parameters

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
        action_masks: Any = None,
    ) -> tuple[Any, Any]:
        """Return the likeliest actions of B episodes, among the legal ones if it has learned these."""
        masks = {"action_masks": action_masks} if self._masked else {}
        found: tuple[Any, Any] = self.policy.predict(
            observation, state, episode_start, deterministic=True, **masks
        )
        return found
