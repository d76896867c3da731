# SPDX-License-Identifier: GPL-2.0
"""Boots kernels in QEMU and judges what they print."""
