"""Find the packages: the repository root is `discovery_gym`. All else is in pyproject.toml."""

from setuptools import find_packages, setup

FOLDERS = ["envs*", "agents*", "experiments*", "studies*", "testing*"]

setup(
    script_name="setup.py",  # left out of the package; pip gives setuptools another name
    package_dir={"discovery_gym": "."},
    packages=["discovery_gym", *(f"discovery_gym.{p}" for p in find_packages(include=FOLDERS))],
)
