"""The site, by Sphinx: `make site` builds it from docs/, without a network."""

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
DOCS = HERE.parent
sys.path[:0] = [str(HERE), str(DOCS)]
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.environ |= {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}

project = "discovery_gym"
author = "the contributors of discovery_gym"
copyright = f"{author}, MIT licence"  # noqa: A001 - Sphinx wants this name
version = release = version_of("discovery-gym")

extensions = [
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "pages_of_site",
]
root_doc = "index"
exclude_patterns = ["results", "site", "own/**/__pycache__"]
default_role = "code"  # docstrings put code between single backticks, as Markdown does

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "dollarmath", "attrs_block", "attrs_inline"]
myst_url_schemes = {"http": None, "https": None, "board": "{{path}}"}  # the kept leaderboard
nb_execution_mode = "cache"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300  # of one block; a machine that is busy is slow
nb_output_stderr = "remove"
nb_merge_streams = True
copybutton_exclude = ".linenos, .gp, .go"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = "pydata_sphinx_theme"
html_title = "discovery_gym"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_search_summary = False  # a browser may not read other pages from the disk
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"index": [], "leaderboard": [], "environments/README": []}
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "back_to_top_button": True,
}
html_context = {"default_mode": "auto"}
