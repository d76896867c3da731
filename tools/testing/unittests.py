# SPDX-License-Identifier: GPL-2.0
"""Runs every Python test below a folder; the last line is `N passed, N failed`.

A skipped test counts as failed.
"""

import os
import sys
import unittest


def main() -> int:
    """Discover, run, count."""
    top = os.path.abspath(sys.argv[1])
    os.chdir(top)
    suite = unittest.defaultTestLoader.discover(top, top_level_dir=top)
    result = unittest.TextTestRunner(stream=sys.stdout).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.skipped)
    failed += len(result.unexpectedSuccesses) + len(result.expectedFailures)
    passed = max(result.testsRun - failed, 0)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
