"""Test calls as text: what passes, what fails, and what the failure says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.menu.load import load_menu
from ivr.menu.model import Menu
from ivr.testing.call_file import duration, read_test, read_tests, test_files
from ivr.testing.text_runner import Result, run_test

MENUS = Path(__file__).parents[2] / "menus"
Run = Callable[[str], Result]
START = "test: t\ngiven: {caller: {number: '+15550100'}}\ncall:\n"


@pytest.fixture(scope="module")
def northgas() -> Menu:
    return load_menu("northgas", MENUS)


@pytest.fixture
def run(tmp_path: Path, northgas: Menu) -> Run:
    def play(text: str) -> Result:
        path = tmp_path / "t.yaml"
        path.write_text(text, "utf-8")
        test, problems = read_test(path, "t.yaml")
        assert problems == []
        assert test is not None
        return run_test(northgas, test)

    return play


@pytest.mark.parametrize("path", test_files(MENUS, "northgas"), ids=lambda path: path.stem)
def test_the_sample_menu_passes_its_own_tests(northgas: Menu, path: Path) -> None:
    test, problems = read_test(path)
    assert problems == []
    assert test is not None
    assert [str(one) for one in run_test(northgas, test).problems] == []


def test_a_moved_emergency_key_fails_the_sample_tests(tmp_path: Path) -> None:
    folder = tmp_path / "menus"
    shutil.copytree(MENUS, folder)
    file = folder / "northgas.yaml"
    file.write_text(file.read_text("utf-8").replace("{press: 9, speak", "{press: 8, speak"), "utf-8")
    test, _ = read_test(folder / "tests" / "northgas" / "emergency.yaml")
    assert test is not None
    (problem,) = run_test(load_menu("northgas", folder), test).problems
    assert "emergency.leave_now was not heard" in problem.message


def test_a_failure_names_the_line_of_the_test_and_of_the_menu(run: Run, northgas: Menu) -> None:
    (problem,) = run(START + "  - hear: main.head\n  - press: 5\n  - hear: balance.tell\n").problems
    assert (problem.path, problem.line, problem.where) == ("t.yaml", 6, "hear")
    line = northgas.steps["outage_kind"].line
    assert problem.message == (
        "balance.tell was not heard; heard was outage.kind, outage.danger, outage.supply"
        f" [outage_kind, {northgas.path}:{line}]"
    )


FAILS = [
    ("expect: {path: [greet, emergency]}", "step 2 is who_is_it, not emergency"),
    ("expect: {visited: [bye]}", "the call never came to bye"),
    ("expect: {not_visited: [main]}", "the call came to main"),
    ("expect: {handoff: {queue: general}}", "the call was not handed to anybody"),
    ("expect: {goals: [paid]}", "goals are none"),
    ("expect: {language: es}", "the language is en"),
    ("expect: {ended_by: system}", "the call was ended by caller"),
    ("expect: {never_appears: {values: ['+15550100']}}", "appears in the record"),
]


@pytest.mark.parametrize(("expect", "says"), FAILS)
def test_every_expectation_can_fail(run: Run, expect: str, says: str) -> None:
    (problem,) = run(f"{START}  - hear: main.head\n{expect}\n").problems
    assert says in problem.message


def test_every_expectation_that_fails_is_told(run: Run) -> None:
    assert len(run(f"{START}  - hear: main.head\nexpect: {{language: es, goals: [paid]}}\n").problems) == 2


@pytest.mark.parametrize(
    ("handoff", "says"),
    [
        ("{queue: billing}", "queue of the handoff is 'general', not 'billing'"),
        ("{agent: desk9}", "agent of the handoff is 'desk1', not 'desk9'"),
        ("{attached_data: {SAP-IC: {LANGUAGE: es}}}", "LANGUAGE on the agent's screen is 'en', not 'es'"),
        ("none", "the call was handed to general"),
    ],
)
def test_a_handoff_is_compared(run: Run, handoff: str, says: str) -> None:
    (problem,) = run(f"{START}  - press: 0\n  - answered_by: desk1\nexpect: {{handoff: {handoff}}}\n").problems
    assert says in problem.message


def test_a_caller_who_is_asked_is_not_waited_for(run: Run) -> None:
    (problem,) = run(f"{START}  - hear: common.thanks\n").problems
    assert "common.thanks was not heard; heard was greet.emergency_first" in problem.message


def test_silence_is_the_callers(run: Run) -> None:
    assert run(f"{START}  - hear: main.head\n  - silence: 6s\n  - hear: err.quiet_1\n").passed
    assert not run(f"{START}  - hear: main.head\n  - silence: 4s\n  - hear: err.quiet_1\n").passed


def test_faults_become_what_they_say(run: Run) -> None:
    text = "test: t\ngiven: {faults: [{data: find_caller, becomes: down}]}\ncall:\n  - hear: lang.ask\n"
    assert run(text).passed


def test_the_time_of_the_test_decides_opening_hours(run: Run) -> None:
    night = "test: t\ngiven: {now: '2026-03-02T23:00-05:00', caller: {number: '+15550100'}}\ncall:\n"
    way = "  - hear: main.head\n  - press: 3\n  - hear: auth.account\n  - press: '4000000036'\n  - press: 1\n"
    locked = "  - hear: auth.pin\n  - press: '9924'\n"
    assert run(f"{night}{way}{locked}  - hear: closed.head\n").passed
    assert not run(f"{START}{way}{locked}  - hear: closed.head\n").passed


def test_a_value_is_compared_as_the_caller_was_told_it(run: Run) -> None:
    way = "  - hear: main.head\n  - press: 1\n  - press: '4000000002'\n  - press: 1\n  - press: '2580'\n"
    (problem,) = run(f"{START}{way}  - hear: balance.tell\n    with: {{amount_due: '9.99'}}\n").problems
    assert "amount_due is '84.20' and not '9.99'" in problem.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "test: t\ncall:\n  - press: 1\n    heer: x\n",
            "t.yaml:4:5: call: 'heer' is not known; did you mean hear?",
        ),
        ("test: t\ncall:\n  - press: 1\n    hear: x\n", "t.yaml:3:5: call: needs exactly one of hear, press"),
        ("test: t\n", "t.yaml:1:1: has no call:"),
        ("test: t\ngiven: {now: noon}\ncall: []\n", "t.yaml:2:14: now: is no time; write 2026-03-02T10:15-05:00"),
        (
            "test: t\ngiven: {faults: [{data: pay, becomes: broken}]}\ncall: []\n",
            "t.yaml:2:18: faults: needs {data: NAME, becomes: WHAT} with one of ok, not_found",
        ),
        ("test: t\ncall:\n  - silence: long\n", "t.yaml:3:5: silence: 'long' is no time; write 5s or 800ms"),
    ],
)
def test_a_mistake_in_a_test_has_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(text, "utf-8")
    test, problems = read_test(path, "t.yaml")
    assert test is None
    assert str(problems[0]).startswith(says)


def test_times_are_written_with_their_unit() -> None:
    assert [duration(text) for text in ("5s", "800ms", "2m", "5", "xs")] == [5.0, 0.8, 120.0, None, None]


@pytest.mark.parametrize(("speaks", "heard"), [("  - say: it was fine\n", "p.kept"), ("", "p.nothing")])
def test_what_a_caller_says_after_the_beep_is_kept(tmp_path: Path, speaks: str, heard: str) -> None:
    (tmp_path / "en.yaml").write_text("prompts: en\np.ask: How was it?\np.kept: Thank you.\np.nothing: Goodbye.\n")
    (tmp_path / "survey.yaml").write_text(
        "ivr: 1\nname: survey\nstart: first\nlanguages: [{code: en, prompts: en.yaml}]\n"
        "defaults: {on_fault: nothing}\nsteps:\n"
        "  first: {type: record, say: p.ask, as: message, most: 30s, go: any}\n"
        "  any: {type: check, when: [{if: message is set, go: kept}], else: nothing}\n"
        "  kept: {type: say, say: p.kept, go: END}\n"
        "  nothing: {type: say, say: p.nothing, go: END}\n"
    )
    (tmp_path / "t.yaml").write_text(f"test: t\ncall:\n  - hear: p.ask\n{speaks}  - hear: {heard}\n")
    test, problems = read_test(tmp_path / "t.yaml")
    assert test is not None, problems
    assert [str(one) for one in run_test(load_menu("survey", tmp_path), test).problems] == []


# --- what is given ------------------------------------------------------------------------------------------

TO_BALANCE = "  - press: 1\n  - press: '4000000002'\n  - press: 1\n  - press: '2580'\n"


def test_a_test_has_customers_of_its_own(run: Run, tmp_path: Path) -> None:
    inline = '[{account: "4000000002", amount_due: "1.05", due_date: "2026-03-20"}]'
    for store in (inline, "customers.csv"):
        (tmp_path / "customers.csv").write_text("account,amount_due,due_date\n4000000002,1.05,2026-03-20\n")
        given = f"test: t\ngiven: {{caller: '+15550100', store: {store}}}\ncall:\n{TO_BALANCE}"
        assert run(f"{given}  - hear: balance.tell\n    with: {{amount_due: '1.05'}}\n").passed
        assert not run(f"{given}  - hear: balance.tell\n    with: {{amount_due: '84.20'}}\n").passed


def test_a_customer_that_cannot_be_is_told_at_the_store(run: Run) -> None:
    (problem,) = run("test: t\ngiven:\n  store: [{account: '4000000002', amount_due: much}]\ncall: []\n").problems
    assert (problem.line, problem.where) == (3, "store")
    assert problem.message.startswith("amount_due: is 'much'")


def test_a_fault_may_come_after_right_answers_and_in_the_middle_of_a_call(run: Run) -> None:
    later = "test: t\ngiven: {caller: '+15550100', faults: [{data: balance, becomes: down, after: 1}]}\ncall:\n"
    again = f"{TO_BALANCE}  - hear: balance.tell\n  - press: 2\n  - hear: main.head\n"
    assert run(f"{later}{again}  - press: 1\n  - hear: agent.data_down\n").passed
    broken = "  - fault: {data: balance, becomes: down}\n  - press: 1\n  - hear: agent.data_down\n"
    assert run(f"{START}{again}{broken}").passed
    assert not run(f"{START}{again}  - press: 1\n  - hear: agent.data_down\n").passed


def test_look_ups_of_other_systems_are_answered_by_the_test(tmp_path: Path) -> None:
    folder = tmp_path / "menus"
    shutil.copytree(MENUS, folder)
    file = folder / "connectors.yaml"
    old = next(line for line in file.read_text().splitlines() if line.startswith("balance:"))
    gives = "{amount_due: {from: due, as: money}, due_date: {from: day, as: date}}"
    read = "SELECT due, day FROM bills WHERE account = :account"
    new = f'balance: {{connector: bills, read: "{read}", gives: {gives}}}'
    bills = 'connectors: {bills: {kind: sql, url: "sqlite://"}}\n'
    file.write_text(bills + file.read_text().replace(old, new))
    menu = load_menu("northgas", folder)
    for answers, passes in (("{balance: {amount_due: '7.30', due_date: 2026-03-20}}", True), ("{}", False)):
        text = f"test: t\ngiven: {{caller: '+15550100', answers: {answers}}}\ncall:\n{TO_BALANCE}"
        text += "  - hear: balance.tell\n    with: {amount_due: '7.30', due_date: '2026-03-20'}\n"
        (tmp_path / "t.yaml").write_text(text)
        test, problems = read_test(tmp_path / "t.yaml")
        assert test is not None, problems
        result = run_test(menu, test)
        assert result.passed == passes
    assert "balance is answered by bills, which no test asks; write answers: {balance: {…}}" in str(
        result.problems[-1]
    )


def test_a_table_is_a_call_for_every_line(tmp_path: Path, northgas: Menu) -> None:
    (tmp_path / "t.yaml").write_text(
        "test: PINs\ngiven: {caller: '+15550100'}\neach:\n"
        "  - {pin: '2580', then: balance.tell, way: [get_balance, tell_balance]}\n"
        "  - {pin: '1111', then: auth.pin_wrong, way: [wrong_pin]}\n"
        "  - {pin: '1112', then: balance.tell, way: [wrong_pin]}\n"
        f"call:\n{TO_BALANCE.replace('2580', '{pin}')}  - hear: '{{then}}'\nexpect: {{visited: '{{way}}'}}\n"
    )
    tests, problems = read_tests(tmp_path / "t.yaml", "t.yaml")
    assert problems == []
    assert [test.name for test in tests] == [
        "PINs [pin=2580, then=balance.tell]",
        "PINs [pin=1111, then=auth.pin_wrong]",
        "PINs [pin=1112, then=balance.tell]",
    ]
    results = [run_test(northgas, test) for test in tests]
    assert [result.passed for result in results] == [True, True, False]
    assert results[2].problems[0].line == 12


def test_a_column_that_is_used_nowhere_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("test: t\neach: [{pn: '1'}]\ncall: [{press: '{pin}'}]\n")
    tests, problems = read_tests(tmp_path / "t.yaml", "t.yaml")
    assert tests == []
    assert str(problems[0]) == "t.yaml:2:9: each: 'pn' is used nowhere; write {pn} where it belongs"


# --- people -------------------------------------------------------------------------------------------------


def desks(run: Run, agents: str, states: str, answered: str = "desk2") -> Result:
    given = f"test: t\ngiven: {{caller: '+15550100', agents: {agents}}}\n"
    call = f"call:\n  - press: 0\n  - answered_by: {answered}\n  - talk: 3s\n  - hang_up: caller\n"
    return run(f"{given}{call}expect: {{agent_states: {states}}}\n")


def test_the_first_free_desk_with_the_skill_answers(run: Run) -> None:
    agents = "[{id: desk1, skills: [billing]}, {id: desk2, skills: [general]}]"
    assert desks(run, agents, "{desk1: [available], desk2: [available, offered, in_call, wrap_up]}").passed
    (problem,) = desks(run, agents, "{desk2: [available, in_call]}").problems
    assert "desk2 was available, offered, in_call, wrap_up, not available, in_call" in problem.message


def test_a_desk_that_lets_it_ring_is_passed_over(run: Run) -> None:
    agents = "[{id: desk1, ignores: true}, {id: desk2}]"
    assert desks(run, agents, "{desk1: [available, offered, missed]}").passed


def test_where_nobody_is_there_the_call_leads_on(run: Run) -> None:
    for state, skills in (("busy", "general"), ("off", "general"), ("available", "billing")):
        text = (
            f"test: t\ngiven: {{caller: '+15550100', agents: [{{id: a, state: {state}, skills: [{skills}]}}]}}\n"
        )
        assert run(f"{text}call:\n  - press: 0\n  - hear: callback.number_back\n").passed


def test_an_emergency_spills_to_whoever_is_free_and_then_outside(run: Run) -> None:
    for agents, who in (("[{id: desk2, skills: [billing]}]", "desk2"), ("[]", '"tel:+15550000911"')):
        text = f"test: t\ngiven: {{agents: {agents}}}\ncall:\n  - press: 9\n    during: greet.emergency_first\n"
        assert run(f"{text}  - answered_by: {who}\n").passed


# --- times --------------------------------------------------------------------------------------------------


def test_how_long_a_call_and_its_silences_are_is_compared(run: Run) -> None:
    slow = "test: t\ngiven: {caller: '+15550100', faults: [{data: find_caller, becomes: slow}]}\ncall:\n"
    hear = "  - hear: lang.ask\n"
    fine = "{total: < 60s, longest_silence: < 2s, answer: < 1s}"
    assert run(f"{slow}{hear}expect: {{timing: {fine}}}\n").passed
    for limit in ("total: < 1s", "longest_silence: < 500ms"):
        (problem,) = run(f"{slow}{hear}expect: {{timing: {{{limit}}}}}\n").problems
        assert f"not {limit.split(': ')[1]}" in problem.message


def test_silence_of_the_caller_is_not_the_menus(run: Run) -> None:
    text = f"{START}  - hear: main.head\n  - silence: 4s\nexpect: {{timing: {{longest_silence: < 2s}}}}\n"
    assert run(text).passed


def test_a_prompt_that_goes_on_does_not_stop(run: Run) -> None:
    pressed = "  - press: 1\n    during: {}\n    stops_within: 200ms\n"
    assert run(f"{START}{pressed.format('main.head')}").passed
    way = "  - press: 3\n  - press: '4000000002'\n  - press: 1\n  - press: '2580'\n"
    (problem,) = run(f"{START}{way}{pressed.format('pay.ask')}").problems
    assert "pay.ask, pay.yes, pay.other, pay.promise is not interrupted and goes on" in problem.message


# --- names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            f"{START}  - hear: main.haed\n",
            "t.yaml:4: hear: 'main.haed' is no prompt of northgas; did you mean main.",
        ),
        (f"{START}  - press: 1\n    during: main.x\n", "'main.x' is no prompt of northgas"),
        (
            f"{START}  - hear: main.head\nexpect: {{not_visited: [data_dwn]}}\n",
            "'data_dwn' is no step of northgas; did",
        ),
        (
            f"{START}  - hear: main.head\nexpect: {{handoff: {{queue: genral}}}}\n",
            "'genral' is no queue of northgas",
        ),
        (
            "test: t\ngiven: {faults: [{data: balanc, becomes: down}]}\ncall: []\n",
            "'balanc' is no look-up of northg",
        ),
        ("test: t\ngiven: {answers: {balance: {due: 1}}}\ncall: []\n", "balance gives no 'due'"),
        (f"{START}  - fault: {{data: blance, becomes: down}}\n", "'blance' is no look-up of northgas"),
    ],
)
def test_a_name_the_menu_does_not_have_fails_the_test(run: Run, text: str, says: str) -> None:
    (problem, *_) = run(text).problems
    assert says in str(problem)


# --- what agents enter --------------------------------------------------------------------------------------

REPAIRS = """\
ivr: 1
name: repairs
start: people
languages: [{code: en, prompts: en.yaml}]
defaults: {on_fault: bye}
queues: {general: {skills: [general], priority: 10, open: always, ring: 10s}}
attached_data: {application: SAP-IC, fields: {REASON: reason}, from_agent: {DAY: agent_day}}
steps:
  people: {type: handoff, queue: general, reason: ASKED, busy: bye, closed: bye, failed: bye}
  booked:
    type: check
    allow: [{proof: unreachable, why: agents send callers here}]
    when: [{if: agent_day is set, go: told}]
    else: people
  told: {type: say, say: p.day, go: people}
  bye: {type: say, say: p.bye, go: END}
"""


@pytest.fixture
def repairs(tmp_path: Path) -> Run:
    (tmp_path / "repairs.yaml").write_text(REPAIRS, "utf-8")
    text = 'prompts: en\np.bye: "Goodbye."\np.day: "We come on {agent_day}."\n'
    (tmp_path / "en.yaml").write_text(text, "utf-8")
    menu = load_menu("repairs", tmp_path)

    def play(text: str) -> Result:
        path = tmp_path / "t.yaml"
        path.write_text(f"test: t\ncall:\n{text}", "utf-8")
        test, problems = read_test(path, "t.yaml")
        assert (problems, test is None) == ([], False)
        assert test is not None
        return run_test(menu, test)

    return play


def test_an_agent_enters_something_and_sends_the_caller_back(repairs: Run) -> None:
    back = "  - answered_by: desk1\n  - sends_back: booked\n    entered: {agent_day: Monday}\n"
    hear = "  - hear: p.day\n    with: {agent_day: Monday}\n  - answered_by: desk1\n  - hang_up: caller\n"
    seen = "expect: {handoff: {attached_data: {SAP-IC: {DAY: %s}}}, path: [people, booked, told, people]}\n"
    result = repairs(back + hear + seen % "Monday")
    assert [str(one) for one in result.problems] == []
    (problem,) = repairs(back + hear + seen % "Tuesday").problems
    assert "DAY on the agent's screen is 'Monday', not 'Tuesday'" in problem.message


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("  - sends_back: booked\n", "no agent has the call; write answered_by: before"),
        ("  - answered_by: desk1\n  - sends_back: boked\n", "'boked' is no step of repairs; did you mean booked?"),
        (
            "  - answered_by: desk1\n  - sends_back: booked\n    entered: {agent_dya: x}\n",
            "'agent_dya' is nothing that agents enter for repairs; did you mean agent_day?",
        ),
    ],
)
def test_what_no_agent_can_do_fails_the_test(repairs: Run, call: str, said: str) -> None:
    (problem,) = repairs(call).problems
    assert said in problem.message


def test_what_is_entered_stands_beside_sends_back(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text("test: t\ncall:\n  - talk: 3s\n    entered: {agent_day: Monday}\n", "utf-8")
    _, (problem,) = read_test(path, "t.yaml")
    assert "needs values beside sends_back:" in problem.message
