from __future__ import annotations

import pytest

from ivr.media.latch import Latch, sendable

ANNOUNCED, BEHIND_NAT, STRANGER = ("192.0.2.1", 4000), ("198.51.100.7", 31000), ("203.0.113.9", 9)


def announced() -> Latch:
    latch = Latch()
    assert latch.announce(ANNOUNCED, 0.0)
    return latch


def test_sound_goes_to_the_announced_address_until_some_comes() -> None:
    latch = announced()
    assert latch.target == ANNOUNCED
    assert latch.accepts(BEHIND_NAT, 1.0)
    assert latch.target == BEHIND_NAT


def test_the_announced_source_is_settled_at_once() -> None:
    latch = announced()
    assert latch.accepts(ANNOUNCED, 1.0)
    assert latch.settled(1.0)
    assert not latch.accepts(STRANGER, 1.1)


def test_a_stranger_who_was_quicker_does_not_keep_the_call() -> None:
    latch = announced()
    assert latch.accepts(STRANGER, 1.0)
    assert not latch.settled(1.5)
    assert latch.accepts(ANNOUNCED, 1.5)
    assert latch.target == ANNOUNCED
    assert not latch.accepts(STRANGER, 1.6)


def test_the_first_source_is_settled_after_probation() -> None:
    latch = announced()
    latch.accepts(BEHIND_NAT, 1.0)
    assert latch.settled(2.0)
    assert not latch.accepts(ANNOUNCED, 2.1)
    assert latch.accepts(BEHIND_NAT, 2.2)


def test_the_same_address_again_changes_nothing() -> None:
    latch = announced()
    latch.accepts(BEHIND_NAT, 1.0)
    assert not latch.announce(ANNOUNCED, 5.0)
    assert latch.target == BEHIND_NAT


def test_a_peer_that_moves_is_not_taken_back_by_its_last_packets() -> None:
    latch = announced()
    latch.accepts(ANNOUNCED, 1.0)
    moved = ("192.0.2.2", 5000)
    assert latch.announce(moved, 10.0)
    assert not latch.accepts(ANNOUNCED, 10.01)
    assert latch.target == moved
    assert latch.accepts(moved, 10.02)
    assert latch.settled(10.02)


def test_without_an_announcement_the_first_source_decides() -> None:
    latch = Latch()
    assert latch.target is None
    assert latch.accepts(BEHIND_NAT, 1.0)
    assert latch.target == BEHIND_NAT
    assert not latch.accepts(STRANGER, 1.1)


@pytest.mark.parametrize(
    "address",
    [
        ("0.0.0.0", 4000),
        ("224.0.0.1", 4000),
        ("255.255.255.255", 4),
        ("example.org", 4000),
        ("192.0.2.1", 0),
        ("", 5),
    ],
)
def test_an_address_that_cannot_be_a_peer_announces_nothing(address: tuple[str, int]) -> None:
    latch = Latch()
    latch.announce(address, 0.0)
    assert latch.target is None
    assert not sendable(address)


def test_version_6_addresses_are_addresses() -> None:
    assert sendable(("2001:db8::1", 4000))
