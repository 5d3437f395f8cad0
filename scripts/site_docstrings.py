# SPDX-License-Identifier: MIT
"""Makes the examples in our docstrings, which no heading announces, the code that they are."""

from __future__ import annotations

import re
from typing import Any

import griffe


class FencedExamples(griffe.Extension):
    """Puts each example, from its first ``>>>`` to an empty line, between fences."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change an object's docstring before it is read."""
        if obj.docstring:
            text = obj.docstring.value
            fenced = r"\1```pycon\n\1\2\n\1```"
            obj.docstring.value = re.sub(r"(?m)^([ ]*)(>>> .*(?:\n(?!\s*$).*)*)", fenced, text)
