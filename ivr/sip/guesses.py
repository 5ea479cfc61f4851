"""Wrong passwords: whoever gives them waits longer each time.

A try is not answered while its guesser waits, right or wrong: an answer is what a guesser wants. Three things are
counted, each with a pause that doubles:

* one account tried from one source: a person who mistypes, or a telephone set up wrongly, in an office of many;
* different accounts tried from one source: a scan;
* one account tried from anywhere: a guess by many machines.

Accounts that do not exist are counted like those that do, or they would be told apart by it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

FREE_OF_PAIR = 15
"""Wrong passwords for one account from one source that cost nothing: baresip 1.0 sends the one it has so often
before it tells its user, and silence would tell him something else."""
FREE_ACCOUNTS = 5
"""Accounts one source may get wrong at no cost: an office in which the passwords were changed."""
FREE_OF_ACCOUNT = 30
"""Wrong passwords for one account from anywhere."""
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 300.0
"""Seconds. At the longest pause a guesser gets through 288 passwords a day."""
FORGOTTEN = 3600.0
"""Seconds after the last wrong password after which nothing is known of it."""
MAX_KNOWN = 10_000
"""Counts kept; a flood from invented addresses pushes out the oldest."""
MAX_ACCOUNTS = 32
"""Names noted of one source; it is a scan long before."""

Key = tuple[str, str]


@dataclass(slots=True)
class _Count:
    wrong: int = 0
    last: float = 0.0
    until: float = 0.0
    accounts: set[str] = field(default_factory=set)


class Guesses:
    """Who has been wrong, how often, and how long he waits now."""

    def __init__(self) -> None:
        self._counts: OrderedDict[Key, _Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def must_wait(self, source: str, user: str, now: float, *, known_here: bool = False) -> bool:
        """Whether a try is not to be looked at. `known_here`: the account is registered from this source, so that
        strangers who guess it elsewhere do not lock its owner out."""
        keys: list[Key] = [("source", source), (source, user)]
        if not known_here:
            keys.append(("account", user))
        return any((count := self._counts.get(key)) is not None and now < count.until for key in keys)

    def is_scanning(self, source: str, now: float) -> bool:
        """Whether a source waits because of many accounts: it is not even asked for its password."""
        count = self._counts.get(("source", source))
        return count is not None and now < count.until

    def wrong(self, source: str, user: str, now: float) -> bool:
        """A wrong password for an account, or for none there is. Whether somebody has to wait for it now."""
        pair = self._count((source, user), now)
        of_source = self._count(("source", source), now)
        if len(of_source.accounts) < MAX_ACCOUNTS:
            of_source.accounts.add(user)
        of_account = self._count(("account", user), now)
        paused = [
            self._pause(pair, pair.wrong - FREE_OF_PAIR, now),
            self._pause(of_source, of_source.wrong - FREE_ACCOUNTS, now)
            if len(of_source.accounts) > FREE_ACCOUNTS
            else False,
            self._pause(of_account, of_account.wrong - FREE_OF_ACCOUNT, now),
        ]
        return any(paused)

    def right(self, source: str, user: str) -> None:
        """That person has found the password; what else the source has tried stays noted."""
        self._counts.pop((source, user), None)

    def _count(self, key: Key, now: float) -> _Count:
        count = self._counts.get(key)
        if count is None or now - count.last > FORGOTTEN:
            count = self._counts[key] = _Count()
        self._counts.move_to_end(key)
        while len(self._counts) > MAX_KNOWN:
            self._counts.popitem(last=False)
        count.wrong += 1
        count.last = now
        return count

    @staticmethod
    def _pause(count: _Count, beyond: int, now: float) -> bool:
        if beyond <= 0:
            return False
        count.until = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(beyond - 1, 16))
        return True
