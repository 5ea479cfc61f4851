"""A day on the floor: thousands of callers in virtual time, the usual accidents, and an engine that is killed."""

from __future__ import annotations

import pytest

from ivr.agents.events import QueueRule, Spill
from ivr.agents.matching import Matching
from ivr.agents.memory import KEPT_FOR_CALLBACK, Place, Places
from ivr.agents.ticket import Ticket
from ivr.config import AgentSettings, RoutingSettings
from ivr.testing.day import Day, DayPlan, Faults

QUEUES = (
    QueueRule(
        "emergency",
        frozenset({"emergency"}),
        100,
        12.0,
        spill=(Spill(20.0, "any_agent"), Spill(45.0, "tel:+15550000911")),
    ),
    QueueRule("outages", frozenset({"outages"}), 70, 20.0, longest=900.0),
    QueueRule("billing", frozenset({"billing"}), 40, 20.0, longest=900.0, strategy="fewest_calls"),
    QueueRule("general", frozenset({"general"}), 30, 20.0, longest=900.0, strategy="ring_all"),
)
SKILLS = (("general", "billing"), ("general", "outages:2"), ("emergency", "general"), ("billing", "outages"))


def people(number):
    return [AgentSettings(f"agent{n}", skills=SKILLS[n % len(SKILLS)]) for n in range(number)]


def test_rt15_a_whole_day_with_everything_that_goes_wrong_keeps_the_rules():
    day = Day(DayPlan(calls=800, seed=7, faults=Faults(restarts=2)), people(10), QUEUES, RoutingSettings())
    report = day.run()
    assert day.complaints == []
    total = report.total
    assert total.answered > 600
    assert report.restarts == 2
    ended = total.answered + total.abandoned + total.overflow + total.callback + total.closed
    assert total.joined == ended + report.cut_off_waiting
    assert report.called_back > 5
    assert report.honest is not None
    assert report.honest > 80.0, "ranges that are announced should hold"


def test_the_same_seed_is_the_same_day():
    def document(seed):
        return Day(DayPlan(calls=60, seed=seed), people(3), QUEUES, RoutingSettings()).run().document()

    assert document(3) == document(3) != document(4)


def test_more_people_answer_more_in_time():
    levels = []
    for number in (3, 6):
        plan = DayPlan(calls=250, faults=Faults(restarts=0))
        levels.append(Day(plan, people(number), QUEUES, RoutingSettings()).run().total.service_level)
    assert levels[0] + 5 < levels[1]


SHORT = DayPlan(calls=10, curve=(1.0,), talk=120.0, patience=90.0, seed=16, faults=Faults(8, 4, 4, 4, 4, 50, 0))


def test_a_floor_that_is_killed_before_any_of_its_commands_leaves_nobody_stuck_and_forgets_no_promise():
    """What is on disk at that moment is all that is left; the day goes on with it to the evening."""
    whole = Day(SHORT, people(4), QUEUES, RoutingSettings())
    whole.run()
    assert whole.complaints == []
    assert whole.promised, "a day without a promise would prove nothing of them"
    bad = {}
    for number in range(whole.commands):
        day = Day(SHORT, people(4), QUEUES, RoutingSettings(), killed_before=number)
        if day.run().restarts != 1 or day.complaints:
            bad[number] = day.complaints
    assert bad == {}


# --- the day itself can fail ------------------------------------------------------------------------


def complaints_of(monkeypatch, owner, name, broken, plan=SHORT):
    monkeypatch.setattr(owner, name, broken)
    day = Day(plan, people(4), QUEUES, RoutingSettings())
    day.run()
    return " ".join(day.complaints)


def test_a_floor_that_leaves_agents_idle_is_complained_of(monkeypatch):
    match = Matching._match

    def lazy(self, now):
        if now % 600.0 > 400.0:
            match(self, now)

    plan = DayPlan(calls=80, curve=(1.0, 1.0), patience=2000.0, faults=Faults(restarts=0))
    assert "while somebody is free" in complaints_of(monkeypatch, Matching, "_match", lazy, plan)


def test_a_floor_that_forgets_who_is_rung_is_complained_of(monkeypatch):
    def forgets(self, ticket, why, now):
        for id in list(ticket.agents):
            ticket.agents.remove(id)
            self._agents[id].release(now)

    assert "is rung twice at once" in complaints_of(monkeypatch, Matching, "_free", forgets, DayPlan(calls=120))


@pytest.mark.parametrize("number", [0, 1])
def test_a_promise_that_is_not_saved_is_missed(monkeypatch, number):
    def kept(self):
        made = original(self)
        return made if number else type(made)("elsewhere", *(getattr(made, n) for n in made.__slots__[1:]))

    original = Ticket.kept
    monkeypatch.setattr(Ticket, "kept", kept)
    day = Day(SHORT, people(4), QUEUES, RoutingSettings())
    day._play_until(day.end)  # nothing has been put on the agenda: an empty floor
    day._joins("general", "+15550100")
    day._wants_a_call("t1", day._callers["t1"])
    day._killed()
    assert ({one.ticket for one in day._floor.callbacks()} == day.promised) is bool(number)


def test_places_are_forgotten_in_time():
    places = Places()
    places.keep(Place("t1", "+1", "general", 1, 0.0, 10.0, lost=True))
    assert places.of_ticket("t1", 10.0 + KEPT_FOR_CALLBACK) is not None
    assert places.of_ticket("t1", 10.1 + KEPT_FOR_CALLBACK) is None
