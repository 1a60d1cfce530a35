"""Datasets: where real tables come from."""

from .catalogue import available, catalogue
from .table import Table, load

__all__ = ["Table", "available", "catalogue", "load"]
