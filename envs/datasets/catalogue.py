"""The named data sets: where each one comes from, which columns mean what, and who owns it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .files import ENDINGS, ending, expanded, is_file, stem

FOLDER_VARIABLE = "DISCOVERY_GYM_DATA"
"""Environment variable that names a folder with further tables."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A named data set.

    Args:
        about: What its items and labels are, in one line.
        origin: Publication.
        licence: Licence of the file.
        file: File in the folder of data sets; None for a set that an installed package ships.
        targets: Prefix of the label columns.
        categories: Text columns to encode as one indicator feature per value.
        drop: Columns that are neither features nor labels.
        scale: Factor from the column to the label, such as 0.01 for percent.
        unit: Unit of the label after scaling.
        conditions: What the conditions are that are tested on many substrates: "targets", its label
            columns; "rows"; or the categories whose levels together are one. None: nothing is.
    """

    about: str
    origin: str
    licence: str
    file: str | None = None
    targets: str = "yield"
    categories: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    scale: float = 0.01
    unit: str = "yield (fraction)"
    conditions: str | tuple[str, ...] | None = None


def catalogue() -> dict[str, Source]:
    """Return the named data sets, whether or not their file is there."""
    return dict(_CATALOGUE)


def folder() -> Path | None:
    """Return the folder of further data sets, if the user named one."""
    named = os.environ.get(FOLDER_VARIABLE)
    return expanded(named) if named else None


def files() -> dict[str, list[Path]]:
    """Return the user's own tables in the folder of data sets, by name: their files."""
    where, found = folder(), dict[str, list[Path]]()
    if where is None or not os.path.isdir(where):  # noqa: PTH112 - no error for a long name
        return found
    known = {source.file for source in _CATALOGUE.values()}
    for path in sorted(where.iterdir()):
        # Texts lie in a folder for other reasons, too, such as licences.
        table = ending(path) in ENDINGS and ending(path) != ".txt"
        if table and path.name not in known and path.is_file():
            found.setdefault(stem(path), []).append(path)
    return found


def available() -> list[str]:
    """Return the names that can be loaded now: embedded sets, known files, other tables."""
    where, sets = folder(), _CATALOGUE.items()
    named = [name for name, one in sets if not one.file or (where and is_file(where / one.file))]
    return [*named, *(name for name in files() if name not in named)]


_CATALOGUE = {
    "diabetes": Source(
        about="442 patients, 10 clinical variables; label: disease progression after a year",
        origin="Efron, Hastie, Johnstone, Tibshirani (2004), Annals of Statistics 32, 407",
        licence="BSD-3-Clause (shipped with scikit-learn)",
        targets="progression",
        unit="progression score / 100",
    ),
    "cncci": Source(
        about="330 C-N cross-couplings with isoxazoles, 10 descriptors; 9 ligand and base pairs",
        origin="Ahneman, Estrada, Lin, Dreher, Doyle (2018), Science 360, 186",
        licence="MIT",
        file="cncci_330x9.csv",
        conditions="targets",
        drop=("additive", "aryl_halide", "additive_smiles", "aryl_halide_smiles"),
    ),
    "pndc": Source(
        about="80 conditions of photoredox nickel dual catalysis, 5 descriptors; 11 molecules",
        origin="Dreher, Krska (2021), Accounts of Chemical Research 54, 1586",
        licence="MIT",
        file="pndc_80x11.csv",
        conditions="rows",
    ),
    "buchwald_hartwig": Source(
        about="3955 Buchwald-Hartwig reactions: ligand, base, aryl halide, additive; label: yield",
        origin="Ahneman, Estrada, Lin, Dreher, Doyle (2018), Science 360, 186",
        licence="MIT",
        file="buchwald_hartwig_3955.csv",
        conditions=("ligand", "base"),
        categories=("ligand", "base", "aryl_halide", "additive"),
        drop=("aryl_halide_smiles", "additive_smiles", "ligand_smiles", "base_smiles"),
    ),
}
