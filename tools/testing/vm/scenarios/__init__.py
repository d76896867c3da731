# SPDX-License-Identifier: GPL-2.0
"""One boot per file; scenario.py says what a file holds."""
