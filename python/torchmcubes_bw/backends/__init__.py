# SPDX-License-Identifier: MIT
"""From checked samples to results: addresses in, memory allocated, a device chosen."""
