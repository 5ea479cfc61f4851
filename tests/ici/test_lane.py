"""What waits for one screen: order, newest snapshots, posts that serve several screens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ivr.ici.lane import FULL, MANY, SLOW, Entry, Lane, take
from ivr.ici.subscriptions import Subscription
from ivr.ici.switchboard import (
    IciEvent,
    ItemAttachedDataChanged,
    PhoneCallChanged,
    PhoneCallItem,
    SubscriptionEnded,
)

Items = Callable[..., PhoneCallItem]


def lane(user: str = "desk1", url: str = "http://crm/event", *, held: bool = False) -> Lane[str]:
    return Lane(Subscription(url, f"app-{user}", user), held=held)


def entry(
    event: IciEvent, now: float = 0.0, batch: int = 0, waiter: str = "", lanes: Sequence[Lane[str]] = ()
) -> Entry[str]:
    return Entry(event, now, batch, [waiter] if waiter else [], lanes)


def waiting(lane: Lane[str]) -> list[IciEvent]:
    return [each.event for each in lane.waiting]


def test_a_quick_screen_gets_every_event_in_order(item: Items) -> None:
    screen = lane()
    events = [PhoneCallChanged(item(sequence=number)) for number in range(3)]
    for event in events:
        assert screen.put(entry(event)) == 0
    assert waiting(screen) == events


def test_a_slow_screen_gets_the_newest_snapshot_of_each_item(item: Items) -> None:
    screen = lane()
    old, other = PhoneCallChanged(item(sequence=1)), PhoneCallChanged(item(id="call-2"))
    screen.put(entry(old, 0.0, waiter="first"))
    screen.put(entry(other, 0.1))
    newest = PhoneCallChanged(item(sequence=2))
    assert screen.put(entry(newest, SLOW, waiter="second")) == 1
    assert waiting(screen) == [other, newest]
    assert screen.waiting[-1].waiters == ["second", "first"]


def test_h1_a_call_that_a_slow_screen_has_not_seen_yet_alerts_there_once_before_all_else(item: Items) -> None:
    screen = lane()
    alerting = PhoneCallChanged(item(status="alerting", sequence=1))
    connected = PhoneCallChanged(item(status="connected", sequence=2))
    ended = PhoneCallChanged(item(status="ended", sequence=3))
    screen.put(entry(alerting, 0.0, waiter="pop"))
    screen.put(entry(connected, SLOW))
    assert screen.put(entry(ended, SLOW, waiter="end")) == 1, "connected says nothing that ended does not"
    assert waiting(screen) == [alerting, ended]
    screen.put_first([entry(connected)])
    assert waiting(screen) == [connected], "what is shown as connected must not alert after that"


def test_what_a_screen_was_told_already_is_left_out_while_nothing_is_newer(item: Items) -> None:
    screen = lane(held=True)
    old, known = PhoneCallChanged(item(sequence=1)), PhoneCallChanged(item(sequence=2))
    screen.put_first([entry(known, waiter="told")])
    assert [each.waiters for each in screen.leave_out([known])] == [["told"]]
    screen.put(entry(old))
    assert screen.leave_out([known]) == []
    assert waiting(screen) == [old]


def test_a_farewell_is_never_dropped() -> None:
    screen = lane()
    for _ in range(2):
        screen.put(entry(SubscriptionEnded("shutdown", "")))
    screen.put(entry(SubscriptionEnded("shutdown", ""), SLOW + 1))
    assert len(screen.waiting) == 3


def test_many_waiting_events_count_as_slow_and_too_many_as_full(item: Items) -> None:
    screen = lane()
    for number in range(FULL):
        assert not screen.full
        screen.put(entry(ItemAttachedDataChanged(f"call-{number}", "x")))
    assert screen.full
    assert screen.put(entry(ItemAttachedDataChanged("call-0", "newest"))) == 1
    small = lane()
    for number in range(MANY):
        assert small.put(entry(PhoneCallChanged(item(sequence=number)))) == 0
    assert small.put(entry(PhoneCallChanged(item(sequence=MANY)))) == MANY


def test_snapshots_of_a_log_on_come_before_what_has_gathered_and_replace_it(item: Items) -> None:
    screen = lane(held=True)
    stale, kept = PhoneCallChanged(item(sequence=1)), ItemAttachedDataChanged("call-1", "x")
    screen.put(entry(stale, waiter="pop"))
    screen.put(entry(kept))
    snapshots = [PhoneCallChanged(item(sequence=2)), PhoneCallChanged(item(id="call-2"))]
    screen.put_first([entry(event) for event in snapshots])
    assert waiting(screen) == [*snapshots, kept]
    assert screen.waiting[0].waiters == ["pop"]


def test_a_lane_is_not_ready_while_held_busy_or_empty() -> None:
    screen = lane(held=True)
    screen.put(entry(ItemAttachedDataChanged("call-1", "x")))
    assert not screen.ready
    screen.held = False
    assert screen.ready
    take(screen)
    assert screen.busy
    assert not screen.ready


def test_one_post_serves_the_screens_behind_one_url_that_are_as_far() -> None:
    first, second, behind, busy, elsewhere = (lane(name) for name in ("a", "b", "c", "d", "e"))
    elsewhere.subscription = Subscription("http://other/event", "app-e", "e")
    behind.put(entry(ItemAttachedDataChanged("call-0", "earlier"), batch=1))
    gone = lane("f")
    gone.closed = True
    lanes = [first, second, behind, busy, elsewhere, gone]
    for each in lanes:
        each.put(entry(ItemAttachedDataChanged("call-1", "x"), batch=2, lanes=lanes))
    busy.busy = True
    taken = take(first)
    assert [each for each, _ in taken] == [first, second]
    assert first.busy
    assert second.busy
    assert len(behind.waiting) == 2
