"""Datasets: where real tables come from."""

from .catalogue import available, catalogue
from .crossed import crossed
from .loading import column, load
from .options import Reading
from .table import Table

__all__ = ["Reading", "Table", "available", "catalogue", "column", "crossed", "load"]
