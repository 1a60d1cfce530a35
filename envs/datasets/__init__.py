"""Datasets: where real tables come from."""

from .catalogue import available, catalogue
from .options import Reading
from .table import Table, load

__all__ = ["Reading", "Table", "available", "catalogue", "load"]
