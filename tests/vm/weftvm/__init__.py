# SPDX-License-Identifier: GPL-2.0-only
"""The guest harness: kernels (kernels.py), the initramfs (initramfs.py), the
virtual machine (machine.py), one run (guest.py), reports in its log (report.py).
"""
