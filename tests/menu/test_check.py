"""What is said about menus with mistakes: all of them, with places and remedies (M6, M7, M20, M21)."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ivr.menu.load import check_menu, load_menu, menu_remarks
from ivr.menu.schema import schema, typed
from ivr.menu.source import read

INVALID = Path(__file__).parent / "invalid"
MENUS = Path(__file__).parents[2] / "menus"
BAD = sorted(path for path in INVALID.glob("*.yaml") if path.name not in ("en.yaml", "es.yaml"))


def messages(path: Path, **more: object) -> list[str]:
    found = check_menu(str(path), path.parent, **more)  # type: ignore[arg-type]
    return [str(problem).replace(f"{path.parent}/", "") for problem in found]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_menu_gets_exactly_these_messages(path) -> None:
    assert messages(path) == path.with_suffix(".txt").read_text().splitlines()


def test_there_are_bad_menus_to_try() -> None:
    assert len(BAD) >= 20


def test_the_sample_is_clean_also_without_any_recogniser() -> None:
    assert check_menu("northgas", MENUS, recogniser_languages=frozenset()) == []


def test_the_schema_is_json_schema_and_accepts_the_sample_as_it_is_typed() -> None:
    Draft202012Validator.check_schema(schema())
    data, problems = typed(read((MENUS / "northgas.yaml").read_text(), "northgas.yaml")[0], "northgas.yaml")
    assert problems == []
    assert list(Draft202012Validator(schema()).iter_errors(data)) == []
    data["steps"]["main"]["interrupt"] = "kyes"
    assert len(list(Draft202012Validator(schema()).iter_errors(data))) == 1


@pytest.fixture
def sample(tmp_path):
    """A copy of the sample in which a text is replaced, and what is then said about it."""

    def changed(file: str, old: str, new: str, *, also=lambda path, text: text, **more: object) -> list[str]:
        for source in [*MENUS.glob("*.yaml"), *MENUS.glob("prompts/*.yaml")]:
            target = tmp_path / source.relative_to(MENUS)
            target.parent.mkdir(exist_ok=True)
            text = source.read_text()
            if source.name == file:
                assert old in text
                text = text.replace(old, new, 1)
            target.write_text(also(target, text))
        return messages(tmp_path / "northgas.yaml", **more)

    return changed


def test_a_prompt_that_one_language_lacks_is_told_in_that_languages_file(sample) -> None:
    (found,) = sample("es.yaml", "main.head: Menú", "main.other_words: Menú")[:1]
    assert found.startswith(
        "prompts/en.yaml: main.other_words: is missing here; prompts/es.yaml has it in line 12"
    )
    assert len(sample("es.yaml", "main.head: Menú", "main.other_words: Menú")) == 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("go: END}\n", "go: end}\n", "'end' is no step of this menu; did you mean END?"),
        ("set: {language: en}", "set: {language: de}", "'de' is no language of this menu; known are en, es"),
    ],
)
def test_a_word_that_leads_nowhere_is_told_with_the_right_one(sample, old, new, said) -> None:
    (found,) = sample("northgas.yaml", old, new)
    assert found.endswith(said)


def test_an_amount_that_no_value_gives_is_not_paid_as_a_text(sample, tmp_path) -> None:
    (found,) = sample(
        "northgas.yaml", "set: {pay_amount: amount_due}, go: pay_now", "set: {pay_amount: amount_dew}, go: pay_now"
    )
    assert "'amount_dew' is a value that nothing gives; did you mean amount_due?; a text stands in quotes" in found
    assert sample("northgas.yaml", "say: common.thanks", """say: common.thanks, set: {result: "'pay'"}""") == []
    assert load_menu(str(tmp_path / "northgas.yaml"), tmp_path).steps["bye"].set == {"result": "pay"}


@pytest.mark.parametrize(
    "name", ["level", "path", "reason", "topic", "misses", "waited", "position", "wait_least", "wait_most"]
)
def test_a_value_that_the_engine_keeps_cannot_be_set(sample, name) -> None:
    (found,) = sample("northgas.yaml", "say: common.thanks", f"say: common.thanks, set: {{{name}: true}}")
    assert f"bye.set.{name}: sets '{name}', which the engine keeps itself and no menu can change" in found
    assert found.endswith(f"use another name, such as my_{name}")


def test_a_step_that_has_another_name_now_is_one_mistake(sample) -> None:
    (found,) = sample("northgas.yaml", "\n  call_me:", "\n  call_em:")
    assert "'call_me' is no step of this menu; did you mean call_em? (also in lines " in found


def test_prompts_of_two_languages_say_the_same_values(sample) -> None:
    (found,) = sample("es.yaml", "{receipt:digits}", "{account:digits}")
    assert "pay.receipt: says {account} {pay_amount}, but " in found
    assert "says {pay_amount} {receipt}; use the same values" in found


def test_a_prompt_with_a_value_nobody_gives_is_told_at_its_line(sample) -> None:
    found = sample("en.yaml", "{receipt:digits}", "{reciept:digits}")
    assert any(
        "pay.receipt: {reciept} is a value that nothing gives; did you mean {receipt}?" in one for one in found
    )


def test_a_prompt_that_would_say_the_pin_is_refused(sample) -> None:
    found = sample("en.yaml", "Please enter your four-digit PIN.", '"Was it {pin:digits}?"')
    assert any("auth.pin: would say the secret {pin}; take it out" in one for one in found)


def test_a_look_up_that_no_connector_answers_is_told(sample) -> None:
    (found,) = sample("connectors.yaml", "outage:", "outtage:")
    assert "data.outage: is not in connectors.yaml; did you mean outtage?; add who answers it there" in found


def test_a_step_only_speech_can_answer_needs_a_recogniser(sample) -> None:
    change = ("northgas.yaml", "    say: outage.kind\n", "    say: outage.kind\n    listen: [speech]\n")
    assert sample(*change) == []
    (found,) = sample(*change, recogniser_languages=frozenset({"en"}))
    assert "can only be answered by speech, which is not heard in es; add keys to listen:" in found


def test_a_silenced_proof_is_silent_and_an_unknown_one_is_told(sample) -> None:
    lost = "  lost: {type: say, say: common.thanks, go: END%s}\n  bye:"
    assert "[unreachable]" in sample("northgas.yaml", "  bye:", lost % "")[0]
    allowed = ", allow: [{proof: unreachable, why: for later}]"
    assert sample("northgas.yaml", "  bye:", lost % allowed) == []
    (first, *_) = sample("northgas.yaml", "  bye:", lost % allowed.replace("unreachable", "unreachible"))
    assert "lost" in first


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "go: get_balance}",
            "go: tell_balance}",
            "tell_balance.say: balance.tell says {amount_due}, which may be empty",
        ),
        ("say: bill.none", "say: bill.tell", "no_bill.say: bill.tell says {bill_amount}, which may be empty here"),
        (
            "set: {pay_amount: amount_due}, go: pay_now",
            "go: pay_now",
            "paid.say: pay.receipt says {pay_amount}, which",
        ),
        (
            "    down: pay_unknown",
            "    down: paid",
            "paid.say: pay.receipt says {receipt}, which may be empty here",
        ),
    ],
)
def test_a_prompt_whose_value_may_be_empty_on_some_way_is_told(sample, old, new, said) -> None:
    found = sample("northgas.yaml", old, new)
    assert any(said in line and "[may_be_empty]" in line for line in found), found


@pytest.mark.parametrize(
    ("old", "new", "way"),
    [
        ("    miss: verified\n", "", "is_locked wrong_pin ask_pin pin_check; add"),
        (
            "    miss: verified\n    go: ask_pin",
            "    go: ask_account",
            "is_locked wrong_pin ask_account find_it ask_pin",
        ),
        ("    miss: verified\n    go: ask_pin", "    go: BACK", "is_locked wrong_pin pin_check"),
        ("    miss: verified\n    go: ask_pin", "    go: main", "is_locked wrong_pin main "),
    ],
)
def test_a_pin_that_could_be_tried_without_end_is_told(sample, old, new, way) -> None:
    (found,) = sample("northgas.yaml", old, new)
    assert "pin_check.refused: can be tried without end, by " + way in found
    assert found.endswith("; add miss: verified to one of them [bypassed]")


def test_every_file_is_read_whatever_is_wrong_with_the_others(sample) -> None:
    def broken(path, text):
        text = text.replace("find_account: {connector", "find_account: connector")
        for line in ("main.head: ", "auth.pin: ", "common.else: "):
            text = text.replace(line, line.replace(":", "") if "else" not in line else line.rstrip())
        return text

    found = sample("northgas.yaml", "  main:\n    type", "  main:\n\t type", also=broken)
    assert [line.partition(": ")[0] for line in found if "es.yaml" not in line] == [
        "northgas.yaml:96:1",
        "connectors.yaml:5:24",
        "prompts/en.yaml:12:1",
        "prompts/en.yaml:22:1",
        "prompts/en.yaml:102:1",
    ]
    assert len([line for line in found if "es.yaml" in line]) == 3


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("connectors.yaml", "find_account: {", "find_account: ", "connectors.yaml:5:24: has a }"),
        (
            "northgas.yaml",
            "start: greet",
            "start: leave_message",
            "start: 'leave_message' leads to none of 34 steps; did you mean greet? [unreachable]",
        ),
        ("northgas.yaml", "secret: true", "secret: maybe", "ask_pin.secret: is 'maybe'; write true or false"),
        (
            "es.yaml",
            "main.head:",
            "main.haed:",
            "prompts/es.yaml:12: main.haed: is in no other language; did you mean main.head?",
        ),
        (
            "northgas.yaml",
            "{type: say, say: bill.tell",
            "{type: say say: bill.tell",
            "northgas.yaml:171:24: has no comma before say:; write one",
        ),
        (
            "northgas.yaml",
            "no_bill:   {",
            "no_bill   {",
            "northgas.yaml:172:3: has no colon after no_bill; write no_bill: {",
        ),
        (
            "northgas.yaml",
            '"2026-12-25"',
            '"2027-02-30"',
            "closed_on[1]: is '2027-02-30', a day that does not exist; write one of the calendar",
        ),
        (
            "northgas.yaml",
            "main:\n    type: menu",
            "main:\n\u00a0   type: menu",
            "northgas.yaml:96:1: has a no-break space; write an ordinary one",
        ),
        (
            "northgas.yaml",
            "main:\n    type: menu",
            "main:\n    type:\u00a0menu",
            "northgas.yaml:96:10: has a no-break space; write an ordinary one",
        ),
    ],
)
def test_one_slip_of_the_pen_is_one_message_that_names_it(sample, file, old, new, said) -> None:
    (found,) = sample(file, old, new)
    assert said in found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("none", """'none' is no queue of this menu; write {none: "why there is none"} [emergency]"""),
        (
            "[emergency]",
            "is a list; write the queue that one key leads to from everywhere, or {none: why there is none}",
        ),
        ("", "is empty; write the queue that one key leads to from everywhere, or {none: why there is none}"),
    ],
)
def test_a_misspelt_emergency_line_is_one_mistake(sample, line, said) -> None:
    (found,) = sample("northgas.yaml", "emergency: emergency ", f"emergency: {line} ")
    assert found.startswith("northgas.yaml:6:1")
    assert said in found


def test_an_emptied_prompt_file_is_one_mistake(sample) -> None:
    (found,) = sample("en.yaml", "", "", also=lambda path, text: "" if path.name == "en.yaml" else text)
    assert found == "prompts/en.yaml:1:1: has no language; write prompts: en first"


def test_a_prompt_that_names_a_key_which_is_none_there_is_remarked(sample, tmp_path) -> None:
    assert sample("northgas.yaml", "- {press: 9,", "- {press: 8,") == []
    said = [
        str(one).replace(f"{tmp_path}/", "") for one in menu_remarks(str(tmp_path / "northgas.yaml"), tmp_path)
    ]
    wrong = "greet.emergency_first: says key 9, which is no key there (keys are star, 0, 8); "
    wrong += "say the right one, or {key}"
    assert said == [f"prompts/en.yaml:4: {wrong}", f"prompts/es.yaml:4: {wrong}"]
    assert sample("northgas.yaml", "- {press: 9,", "- {press: 9,") == []
    assert menu_remarks(str(tmp_path / "northgas.yaml"), tmp_path) == []


def test_a_value_that_a_look_up_may_answer_without_is_not_taken_for_set(sample) -> None:
    def without_other_words(path, text):
        return "".join(line for line in text.splitlines(keepends=True) if "when_empty: {bill_date" not in line)

    found = sample("northgas.yaml", "", "", also=without_other_words)
    assert len(found) == 1
    assert "tell_bill.say: bill.tell says {bill_date}, which may be empty here;" in found[0]


def test_what_a_look_up_may_lack_is_said_by_the_menu_for_other_connectors(sample) -> None:
    change = "gives: [method_id, method_name, method_last4]"
    found = sample("northgas.yaml", change, f"{change}, optional: [method_last4]")
    assert len(found) == 1
    assert "pay_ask.say: pay.ask says {method_last4}, which may be empty here;" in found[0]
    (found_name,) = sample("northgas.yaml", change, f"{change}, optional: [method_lasst4]")
    assert "data.pay_method.optional: 'method_lasst4' is not given here; did you mean method_last4?" in found_name


def test_a_file_that_cannot_be_read_is_one_mistake(tmp_path) -> None:
    (message,) = messages(tmp_path / "none.yaml")
    assert message == "none.yaml: cannot be read: No such file or directory; name a file that is there"


def test_a_name_that_is_no_menu_says_which_there_are() -> None:
    (problem,) = check_menu("nortgas", MENUS)
    assert problem.message == "has no menu 'nortgas'; did you mean northgas?"


def test_a_secret_is_keyed_whatever_the_defaults_say(sample, tmp_path) -> None:
    assert sample("northgas.yaml", "    secret: true ", "    secret: true ") == []
    file = tmp_path / "northgas.yaml"
    file.write_text(file.read_text().replace("    listen: [keys]\n    interrupt: keys\n", ""))
    menu = load_menu(str(file), tmp_path)
    assert menu.manners.listen == {"keys", "speech"}
    assert [step.manners.listen for step in menu.steps.values() if getattr(step, "secret", False)] == [{"keys"}]


def test_a_menu_says_whether_it_has_an_emergency_line(tmp_path) -> None:
    file = tmp_path / "small.yaml"
    head = (
        "ivr: 1\nname: small\nstart: bye\nlanguages: [{code: en, prompts: en.yaml}]\ndefaults: {on_fault: bye}\n"
    )
    steps = "steps:\n  bye: {type: say, say: p.bye, go: END}\n"
    (tmp_path / "en.yaml").write_text("prompts: en\np.bye: Goodbye.\n")
    file.write_text(head + steps)
    (remark,) = menu_remarks(str(file), tmp_path)
    assert str(remark).endswith(
        "small.yaml:2:1: name: says nothing of an emergency line; write emergency: and its queue at the top, "
        "or {none: why}"
    )
    file.write_text(head + 'emergency: {none: "only says goodbye"}\n' + steps)
    assert menu_remarks(str(file), tmp_path) == []
    assert load_menu(str(file), tmp_path).no_emergency == "only says goodbye"


def test_a_look_up_about_a_person_that_no_proof_guards_is_remarked(sample, tmp_path) -> None:
    file = tmp_path / "northgas.yaml"
    assert (
        sample(
            "northgas.yaml", "gives: [amount_due, due_date], requires: verified", "gives: [amount_due, due_date]"
        )
        == []
    )
    assert menu_remarks(str(file), tmp_path) == [], "steps ask it only with requires:, which is proof enough"
    text = file.read_text().replace(", requires: verified", "").replace("    requires: verified\n", "")
    file.write_text(text)
    found = [one for one in menu_remarks(str(file), tmp_path) if one.where == "data.balance"]
    assert [one.message for one in found] == [
        "is asked about 'account', which verified is proved for, by callers who have proved nothing; "
        "write requires: verified if only they may hear it"
    ]


def test_a_pin_cannot_be_taken_for_an_ordinary_number(sample) -> None:
    def openly(path: Path, text: str) -> str:
        return "".join(
            line for line in text.splitlines(keepends=True) if not line.strip().startswith("secret: true")
        )

    (found,) = sample("northgas.yaml", "locked], secret: [pin]", "locked]", also=openly)
    message = "takes the secret 'pin', which the menu would write down; add secret: [pin] [secret]"
    assert found.startswith(f"connectors.yaml:6:1: check_pin: {message} (data: of ")
