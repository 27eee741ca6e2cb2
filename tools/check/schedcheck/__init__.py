# SPDX-License-Identifier: GPL-2.0-only
"""The parts of schedule-check; the program beside this folder says how they fit together."""
