"""Rubbish is looked for where there can be some."""

from __future__ import annotations

import gc


def settle() -> None:
    """Once everything is up: what was made until now stays, so the collector need not walk over it for ever.

    Menus, time zones and libraries are some hundred thousand objects. A walk over them takes 0.1 s and more, in
    which no call is answered, and comes the more often the more calls there are.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
