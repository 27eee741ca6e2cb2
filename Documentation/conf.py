# SPDX-License-Identifier: GPL-2.0-only
"""The manual's configuration, for Debian 12's Sphinx (5.3).

Every cross reference must resolve (nitpicky); the exceptions are names of the kernel and of
the C library. Rejected: a theme from outside Debian.
"""
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "sphinx"))

project = "weft"
author = "the weft authors"
copyright = author
version = release = (HERE.parent / "VERSION").read_text().strip()

extensions = ["kerneldoc", "abi"]
kernel_doc = os.environ["KERNEL_DOC"]
kernel_doc_brief = ["scheduler/sched.h"]

primary_domain = "c"
highlight_language = "none"
exclude_patterns = ["ABI", "examples", "sphinx", "static"]
nitpicky = True
# Ours are weft_, drm_weft_, WEFT_ and DRM_WEFT_; all others are documented elsewhere.
nitpick_ignore_regex = [
    ("c:.*", r"(?!(drm_)?weft_|(DRM_)?WEFT_).*"),
    # private to the core: backends and the scheduler's callers only hold pointers to them
    ("c:.*", r"weft_device|weft_policy|weft_sched_group|weft_sched_entity|weft_sched_candidate|weft_tree\w*"),
]
suppress_warnings = ["epub"]

html_theme = "alabaster"
html_theme_options = {
    "description": "one pool of compute devices, whoever made them",
    "fixed_sidebar": True,
    "page_width": "66em",
    "sidebar_width": "15em",
}
html_static_path = ["static"]
html_css_files = ["weft.css"]
html_show_sourcelink = False
html_use_index = True
html_sidebars = {"**": ["about.html", "searchbox.html", "navigation.html"]}
