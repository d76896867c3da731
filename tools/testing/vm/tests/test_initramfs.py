# SPDX-License-Identifier: GPL-2.0
"""The initramfs writer, read back by cpio."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from vm.initramfs import Archive


class ReadBack(unittest.TestCase):
    def test_cpio_lists_and_extracts(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            archive = Archive()
            archive.file("/a/b/odd", b"12345", 0o755)
            archive.file("/a/empty", b"")
            archive.link("/a/link", "b/odd")
            archive.write(folder / "out")
            plain = (folder / "out").read_bytes()
            subprocess.run(["cpio", "-id", "--quiet"], input=plain, cwd=folder, check=True)
            self.assertEqual((folder / "a/link").read_bytes(), b"12345")
            self.assertEqual((folder / "a/b/odd").stat().st_mode & 0o777, 0o755)
            self.assertEqual((folder / "a/empty").read_bytes(), b"")


if __name__ == "__main__":
    unittest.main()
