# SPDX-License-Identifier: GPL-2.0
"""Writes an initramfs: a cpio archive in the "newc" format (usr/gen_init_cpio.c).

It is not compressed: under emulation, unpacking takes longer than loading.
"""

import stat
from pathlib import Path, PurePosixPath


class Archive:
    """Collects entries in memory; folders appear by themselves."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._inode = 0
        self._folders = {PurePosixPath("/")}

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Add a regular file."""
        self._parents(path)
        self._entry(path, stat.S_IFREG | mode, content)

    def copy(self, path: str, source: Path) -> None:
        """Add a file of the host, executable if it is there, or a folder with all in it."""
        if source.is_dir():
            for child in sorted(source.iterdir()):
                self.copy(f"{path}/{child.name}", child)
        else:
            self.file(path, source.read_bytes(), source.stat().st_mode & 0o777)

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self._parents(path)
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def folder(self, path: str) -> None:
        """Add a folder, once."""
        if PurePosixPath(path) not in self._folders:
            self._parents(path)
            self._folders.add(PurePosixPath(path))
            self._entry(path, stat.S_IFDIR | 0o755, b"")

    def device(self, path: str, major: int, minor: int) -> None:
        """Add a character device node."""
        self._parents(path)
        self._entry(path, stat.S_IFCHR | 0o600, b"", (major, minor))

    def write(self, destination: Path) -> None:
        """Close the archive and write it."""
        self._entry("TRAILER!!!", 0, b"")
        destination.write_bytes(self._data)

    def _parents(self, path: str) -> None:
        parent = PurePosixPath(path).parent
        if parent not in self._folders:
            self.folder(str(parent))

    def _entry(self, path: str, mode: int, content: bytes, rdev: tuple[int, int] = (0, 0)) -> None:
        name = path.lstrip("/").encode() + b"\0"
        self._inode += 1
        # inode, mode, uid, gid, links, mtime, size, device, rdev, name size, checksum
        fields = (self._inode, mode, 0, 0, 1, 0, len(content), 0, 0, *rdev, len(name), 0)
        self._data += b"070701" + b"".join(b"%08X" % number for number in fields) + name
        self._pad()
        self._data += content
        self._pad()

    def _pad(self) -> None:
        self._data += bytes(-len(self._data) % 4)
