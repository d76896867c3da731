# SPDX-License-Identifier: GPL-2.0
"""Sphinx: how this folder becomes HTML. Run by scripts/docs.

kernel-doc comments are taken out of the headers by the kernel's own extension, below $srctree.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.environ["srctree"], "Documentation/sphinx"))

project = "Compute accelerators"
author = "The accel developers"
copyright = author
extensions = ["kerneldoc"]
kerneldoc_srctree = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
primary_domain = "c"
highlight_language = "none"
html_theme = "sphinx_rtd_theme"
html_show_copyright = False
