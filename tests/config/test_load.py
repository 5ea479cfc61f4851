"""Settings from file and environment, and the words for their mistakes."""

from pathlib import Path

import pytest

from ivr.config import AgentSettings, HostPort, load_settings, shipped
from ivr.errors import SettingsError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ivr.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as error:
        load_settings(path, environ or {})
    return [str(problem).removeprefix(f"{path}:") for problem in error.value.problems]


def test_the_shipped_settings_are_read_without_a_mistake() -> None:
    settings = load_settings(shipped("ivr.toml"), {})
    assert [agent.id for agent in settings.agents] == ["desk1", "desk2", "desk3"]
    assert settings.agents[0].skills == ("general", "billing")
    assert settings.sip.listen == HostPort("0.0.0.0", 5060)
    assert settings.sip.accounts[0].user == "softphone"


def test_every_default_is_what_the_sample_says_in_its_comments() -> None:
    """A comment in ivr.toml that lies about a default would mislead everybody who reads it."""
    import re
    import tomllib

    text = shipped("ivr.toml").read_text()
    table, commented = "", {}
    for line in text.splitlines():
        if head := re.match(r"\[+(\w+)", line):
            table = head[1]
        elif entry := re.match(r"# (\w+) = (.*?)(\s+#.*)?$", line):
            commented[table, entry[1]] = tomllib.loads(f"x = {entry[2]}")["x"]
    assert len(commented) > 20
    defaults = load_settings(shipped("ivr.toml"), {})
    for (table, key), value in commented.items():
        if (table, key) in {("speech", "models"), ("agents", "password"), ("sip", "dial")}:
            continue
        found = getattr(AgentSettings("x") if table == "agents" else getattr(defaults, table), key)
        if key == "ports":
            found = "{}-{}".format(*found)
        elif isinstance(found, tuple):
            found = list(found)
        elif isinstance(found, Path):
            found = str(found)
        assert found == value, f"[{table}] {key}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[sip]\nrealm = ""', "2: sip.realm: is ''; write a name without quotation marks and backslashes"),
        (
            '[sip]\ntrusted = ["trunk.example"]',
            "2: sip.trusted: 'trunk.example' is no numeric address; write the one its messages come from",
        ),
        (
            '[sip]\ndial = ["+1555"]\ngateway = "sip:10.0.0.1"',
            "2: sip.dial: '+1555' is no prefix of a number; write it like \"tel:+1555\"",
        ),
        (
            '[sip]\ngateway = "http://x"',
            "2: sip.gateway: is 'http://x'; write a SIP address, like sip:trunk.example:5060",
        ),
        (
            '[[sip.accounts]]\nuser = "x"',
            "1: sip.accounts: every [[sip.accounts]] needs a user and a password, both texts, and nothing else",
        ),
        (
            '[guard]\nemergency = ["sip:112@x"]',
            "2: guard.emergency: 'sip:112@x' is no called number; write what callers dial, like \"112\"",
        ),
        (
            '[sip]\nmax_calls = 5\n[guard]\nemergency = ["112"]',
            "4: guard.emergency: keeps 10 of sip.max_calls = 5, so that nobody else gets in; "
            "write a smaller emergency_reserve",
        ),
        (
            '[guard]\nscanners = ["x"]',
            "2: guard.scanners: 'x' is in the name of many a telephone; write three letters at least",
        ),
        ("[ici]\nmax_attached_data = -2", "2: ici.max_attached_data: is -2; it must be between 1024 and 16777216"),
        (
            '[recording]\nconversations = "queues"',
            '2: recording.conversations: is "queues", and none are named: nobody is recorded; '
            'write queues = ["billing"], or "none"',
        ),
        (
            '[recording]\nqueues = ["billing"]',
            '2: recording.queues: are named, but conversations is "none"; write conversations = "queues"',
        ),
        ('[store]\ncurrency = "XXZ"', "2: store.currency: 'XXZ' is no currency; write an ISO 4217 code, like USD"),
        ('[menu]\nfolder = "menues"', "2: menu.folder: 'menues' is no folder; name the one that holds the menus"),
        (
            '[menu]\naudio = "sounds"',
            "2: menu.audio: 'sounds' is no folder; name the one that holds the recordings, or make it",
        ),
        (
            '[[agents]]\nid = "a"\nphone = "sip:a@10.0.0.9"',
            "3: agents 1.phone: is at 10.0.0.9, which ici.phones does not list; add it there, or nothing rings",
        ),
        (
            '[[agents]]\nid = "a"\nphone = "sip:a@127.0.0.1:0"',
            "3: agents 1.phone: has the port 0; a port is 1 to 65535",
        ),
        (
            '[[agents]]\nid = "a"\npassword = "x"\n[[sip.accounts]]\nuser = "a"\npassword = "y"',
            "4: sip.accounts: the user 'a' is an agent with a password, "
            "who may register with that one; take it out",
        ),
    ],
)
def test_what_would_fail_in_the_first_call_is_told_before_it(tmp_path: Path, text: str, said: str) -> None:
    assert mistakes(written(tmp_path, text)) == [said]


def test_a_byte_order_mark_of_a_windows_editor_is_no_mistake(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, "\ufeff[sip]\nmax_calls = 7\n"), {}).sip.max_calls == 7


def test_a_variable_overrides_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, '[sip]\nlisten = "0.0.0.0:5060"\n')
    environ = {"IVR_SIP_LISTEN": "127.0.0.1:5070", "IVR_SIP_TCP": "false", "IVR_ICI_PHONES": "10.0.0.1, pbx"}
    settings = load_settings(path, environ)
    assert settings.sip.listen == HostPort("127.0.0.1", 5070)
    assert settings.sip.tcp is False
    assert settings.ici.phones == ("10.0.0.1", "pbx")


@pytest.mark.parametrize("table", ["", "[store]\n", '[store]\ncurrency = "EUR"\n'])
def test_the_store_is_in_the_folder_of_what_is_made_at_run_time(tmp_path: Path, table: str) -> None:
    path = written(tmp_path, table)
    assert load_settings(path, {"IVR_VAR": "/elsewhere"}).store.path == Path("/elsewhere/ivr.db")
    named = load_settings(path, {"IVR_STORE_PATH": "here.db", "IVR_VAR": "/elsewhere"})
    assert named.store.path == Path("here.db")


def test_the_file_named_on_the_command_line_beats_the_variable(tmp_path: Path) -> None:
    path = written(tmp_path, "[sip]\nmax_calls = 7\n")
    assert load_settings(path, {"IVR_CONFIG": "/nowhere"}).sip.max_calls == 7
    assert load_settings(None, {"IVR_CONFIG": str(path)}).sip.max_calls == 7


def test_the_store_follows_the_folder_for_runtime_files(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, ""), {"IVR_VAR": str(tmp_path / "elsewhere")})
    assert settings.store.path == tmp_path / "elsewhere" / "ivr.db"


def test_the_english_model_can_come_from_its_variable(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, ""), {"IVR_VOSK_MODEL": "/models/en"})
    assert settings.speech.models == {"en": Path("/models/en")}


def test_all_mistakes_are_told_at_once_with_line_and_remedy(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[sip]\nlisten = "5060"\nmax_cals = 3\nrealm = 7\n\n[media]\nports = "9-10"\n\n[[agents]]\nname = "x"\n',
    )
    assert mistakes(path) == [
        "3: sip.max_cals: no such setting in [sip]; did you mean max_calls?",
        "2: sip.listen: is '5060'; write address:port in quotes, like \"0.0.0.0:5060\"",
        "4: sip.realm: is 7; write a text in quotes",
        "9: agents 1.id: is missing; give every [[agents]] an id, a text in quotes",
        "7: media.ports: is 9-10; write first-last within 1024-65535",
    ]


def test_a_mistake_in_a_variable_names_the_variable(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    assert mistakes(path, {"IVR_SIP_TCP": "maybe", "IVR_SIP_LISTN": "x"}) == [
        "environment: IVR_SIP_TCP: is 'maybe'; write true or false",
        "environment: IVR_SIP_LISTN: no such setting; did you mean IVR_SIP_LISTEN?",
    ]


def test_text_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    (mistake,) = mistakes(written(tmp_path, "[sip]\nlisten 5060\n"))
    assert mistake.startswith("2:") and "not valid TOML" in mistake


def test_a_missing_file_is_told_with_the_option_that_names_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing.toml: cannot read the settings: No such file.*--config"):
        load_settings(tmp_path / "nothing.toml", {})


def test_an_id_that_is_no_text_is_told_as_what_it_is(tmp_path: Path) -> None:
    (mistake,) = mistakes(written(tmp_path, "[[agents]]\nid = 3\n"))
    assert mistake == "2: agents 1.id: is 3; give every [[agents]] an id, a text in quotes"


def test_two_agents_of_one_name_are_refused(tmp_path: Path) -> None:
    (mistake,) = mistakes(written(tmp_path, '[[agents]]\nid = "a"\n[[agents]]\nid = "a"\n'))
    assert mistake == "4: agents 2.id: 'a' is used twice; every agent needs an id of its own"


def test_passwords_are_in_no_representation(tmp_path: Path) -> None:
    path = written(
        tmp_path, '[[agents]]\nid = "a"\npassword = "geheim"\n[[sip.accounts]]\nuser="u"\npassword="geheim"\n'
    )
    assert "geheim" not in repr(load_settings(path, {}))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            "session_expires = 60",
            ["2: sip.session_expires: is 60; write 0 for never, or between 90 and 86400"],
        ),
        (
            "session_expires = 600\nmin_session_expires = 900",
            ["2: sip.session_expires: is below min_session_expires, 900; make it that at least"],
        ),
        ("session_expires = 0\nmin_session_expires = 900", []),
    ],
)
def test_session_timers_have_the_limits_of_their_standard(tmp_path: Path, lines: str, expected: list[str]) -> None:
    path = written(tmp_path, f"[sip]\n{lines}\n")
    assert (mistakes(path) if expected else load_settings(path, {}) and []) == expected
