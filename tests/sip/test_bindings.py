"""The table of who is where."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ivr.sip.bindings import MAX_CONTACTS, Binding, Bindings, OutOfOrder, Wish, same_uri
from ivr.sip.events import Flow

FLOW = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:a@PBX.example", "SIP:a@pbx.EXAMPLE"),
        ("sip:a@192.0.2.1;transport=UDP", "sip:a@192.0.2.1;transport=udp"),
        ("sip:a@192.0.2.1", "sip:a@192.0.2.1;ob"),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]"),
        ("sip:%61lice@192.0.2.1", "sip:alice@192.0.2.1"),
    ],
)
def test_the_same_place_may_be_written_in_two_ways(one: str, other: str) -> None:
    assert same_uri(one, other) and same_uri(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:a@192.0.2.1", "sip:A@192.0.2.1"),
        ("sip:a@192.0.2.1", "sip:a@192.0.2.1:5060"),
        ("sip:a@192.0.2.1", "sips:a@192.0.2.1"),
        ("sip:a@192.0.2.1", "sip:a@192.0.2.1;transport=tcp"),
        ("sip:a@192.0.2.1;ob=1", "sip:a@192.0.2.1;ob=2"),
        ("sip:a@192.0.2.1", "sip:192.0.2.1"),
        ("sip:a@192.0.2.1", "nonsense"),
    ],
)
def test_different_places_stay_different(one: str, other: str) -> None:
    """The list is that of RFC 3261 section 19.1.4: 5060 written out is another URI."""
    assert not same_uri(one, other) and not same_uri(other, one)


def test_a_contact_written_differently_replaces_the_one_that_was_there() -> None:
    table = Bindings()
    table.change("a", [Wish("sip:a@PHONE.example", 60)], "c", 1, FLOW, 0.0)
    table.change("a", [Wish("sip:a@phone.example", 90)], "c", 2, FLOW, 0.0)
    assert [binding.contact for binding in table.of("a", 1.0)] == ["sip:a@phone.example"]


def test_the_preferred_come_first_and_of_those_the_latest() -> None:
    table = Bindings()
    wishes = [Wish("sip:a@h1", 60, 0.5), Wish("sip:a@h2", 60), Wish("sip:a@h3", 90), Wish("sip:a@h4", 900, 0.1)]
    table.change("a", wishes, "c", 1, FLOW, 0.0)
    assert [binding.contact[-2:] for binding in table.of("a", 1.0)] == ["h3", "h2", "h1", "h4"]


def test_a_star_that_was_overtaken_removes_nothing() -> None:
    table = Bindings()
    table.change("a", [Wish("sip:a@h1", 60)], "c", 5, FLOW, 0.0)
    table.change("a", [Wish("sip:a@h2", 60)], "other", 1, FLOW, 0.0)
    with pytest.raises(OutOfOrder):
        table.change("a", None, "c", 5, FLOW, 0.0)
    assert len(table.of("a", 0.0)) == 2
    assert len(table.change("a", None, "third", 1, FLOW, 0.0)) == 2
    assert table.users(0.0) == {}


def test_a_request_of_which_one_contact_is_too_late_changes_none() -> None:
    table = Bindings()
    table.change("a", [Wish("sip:a@h1", 60)], "c", 5, FLOW, 0.0)
    with pytest.raises(OutOfOrder):
        table.change("a", [Wish("sip:a@h2", 60), Wish("sip:a@h1", 0)], "c", 4, FLOW, 0.0)
    assert [binding.contact for binding in table.of("a", 0.0)] == ["sip:a@h1"]


def test_what_is_over_is_told_once_and_taken_off() -> None:
    table = Bindings()
    table.change("a", [Wish("sip:a@h1", 60), Wish("sip:a@h2", 90)], "c", 1, FLOW, 0.0)
    assert table.deadline == 60
    assert [binding.contact for binding in table.expire(60.0)] == ["sip:a@h1"]
    assert (table.expire(60.0), table.deadline) == ([], 90)


def test_what_was_over_before_the_restart_does_not_come_back() -> None:
    table = Bindings()
    table.restore(
        [Binding("a", f"sip:a@h{n}", FLOW, when, "c", 1) for n, when in ((1, 50.0), (2, 150.0), (2, 160.0))], 100.0
    )
    assert [(binding.contact, binding.expires_at) for binding in table.of("a", 100.0)] == [("sip:a@h2", 160.0)]


HOSTS = st.integers(0, 14).map(lambda n: f"sip:u@h{n}")


WISHES = st.builds(Wish, HOSTS, st.sampled_from([0, 60, 61, 3600]))


class Table(RuleBasedStateMachine):
    """Any sequence of REGISTERs against the plainest model there is: what each contact was told last."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Bindings()
        self.now = 0.0
        self.model: dict[str, tuple[str, int, float]] = {}

    @rule(
        wishes=st.lists(WISHES, max_size=4, unique_by=lambda wish: wish.contact),
        call_id=st.sampled_from("xy"),
        sequence=st.integers(1, 6),
    )
    def register(self, wishes: list[Wish], call_id: str, sequence: int) -> None:
        old = [self.model.get(wish.contact) for wish in wishes]
        late = any(held is not None and held[0] == call_id and sequence <= held[1] for held in old)
        try:
            self.table.change("u", wishes, call_id, sequence, FLOW, self.now)
        except OutOfOrder:
            assert late
            return
        assert not late
        for wish in wishes:
            self.model.pop(wish.contact, None)
            if wish.expires:
                self.model[wish.contact] = (call_id, sequence, self.now + wish.expires)
        while len(self.model) > MAX_CONTACTS:
            present = {binding.contact for binding in self.table.of("u", self.now)}
            pushed = next(contact for contact in self.model if contact not in present)
            assert self.model[pushed][2] <= min(self.model[contact][2] for contact in present)
            del self.model[pushed]

    @rule(seconds=st.sampled_from([0.0, 1.0, 59.0, 60.0, 4000.0]), tell=st.booleans())
    def wait(self, seconds: float, tell: bool) -> None:
        self.now += seconds
        gone = {contact for contact, held in self.model.items() if held[2] <= self.now}
        self.model = {contact: held for contact, held in self.model.items() if contact not in gone}
        if tell:
            self.table.expire(self.now)
            deadline = self.table.deadline
            assert deadline is None or deadline > self.now

    @invariant()
    def it_holds_what_it_was_told(self) -> None:
        found = {b.contact: (b.call_id, b.sequence, b.expires_at) for b in self.table.of("u", self.now)}
        assert found == self.model
        assert len(found) <= MAX_CONTACTS


TestTable = Table.TestCase
TestTable.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_breaks_the_comparison(one: str, other: str) -> None:
    assert same_uri(one, other) == same_uri(other, one)
