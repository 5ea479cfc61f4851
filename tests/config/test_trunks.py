"""`[[sip.trunks]]`: what can be written, and the words for what cannot work."""

from pathlib import Path

import pytest

from ivr.config import load_settings
from ivr.errors import SettingsError

GOOD = '[[sip.trunks]]\nname = "pbx"\nregistrar = "sip:pbx.example"\nuser = "200"\n'


def read(tmp_path: Path, text: str, environ: dict[str, str] | None = None):  # type: ignore[no-untyped-def]
    path = tmp_path / "ivr.toml"
    path.write_text(text)
    return load_settings(path, environ or {})


def mistakes(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as error:
        read(tmp_path, text, environ)
    return [str(problem).removeprefix(f"{tmp_path / 'ivr.toml'}:") for problem in error.value.problems]


def test_a_trunk_is_read_with_its_defaults(tmp_path: Path) -> None:
    (trunk,) = read(tmp_path, GOOD).sip.trunks
    assert (trunk.name, trunk.registrar, trunk.user) == ("pbx", "sip:pbx.example", "200")
    assert (trunk.expires, trunk.show, trunk.dial, trunk.domain) == (600, "own", (), "sip:pbx.example")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (GOOD, 0.0),
        (GOOD + "ping = 30\n", 30.0),
        ("[[sip.trunks]]\nname = 'g'\ngateway = 'sip:gate.example'\n", 60.0),
        ("[[sip.trunks]]\nname = 'g'\ngateway = 'sip:gate.example'\nping = 0\n", 0.0),
    ],
)
def test_a_trunk_without_registration_is_asked_and_one_with_it_only_when_that_is_written(
    tmp_path: Path, text: str, seconds: float
) -> None:
    (trunk,) = read(tmp_path, text).sip.trunks
    assert trunk.asked_every == seconds


def test_the_password_may_come_from_the_environment_and_is_in_no_representation(tmp_path: Path) -> None:
    text = GOOD.replace('"pbx"', '"main-line"') + 'password = "from file"\n'
    settings = read(tmp_path, text, {"IVR_SIP_TRUNKS_MAIN_LINE_PASSWORD": "geheim"})
    assert settings.sip.trunks[0].password == "geheim"
    assert "geheim" not in repr(settings)
    assert mistakes(tmp_path, text, {"IVR_SIP_TRUNKS_MAINLINE_PASSWORD": "geheim"}) == [
        "environment: IVR_SIP_TRUNKS_MAINLINE_PASSWORD: no such setting; "
        "did you mean IVR_SIP_TRUNKS_MAIN_LINE_PASSWORD?"
    ]


def test_the_addresses_of_a_trunk_are_believed_like_those_of_nobody_in_particular(tmp_path: Path) -> None:
    text = f'[sip]\ntrusted = ["192.0.2.1"]\n{GOOD}addresses = ["192.0.2.9"]\n'
    assert read(tmp_path, text).sip.trusted_addresses == {"192.0.2.1", "192.0.2.9"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[sip]\ntrunks = ["192.0.2.1"]',
            "2: sip.trunks: must be written as [[sip.trunks]]; addresses that are believed are `trusted`",
        ),
        ("[[sip.trunks]]\nregistrar = 'sip:x'\nuser = '1'", "1: sip.trunks 1.name: is missing; give every "
         "[[sip.trunks]] a name of letters, digits and hyphens"),
        (GOOD + GOOD, "6: sip.trunks 2.name: 'pbx' is used twice; every trunk needs a name of its own"),
        (
            "[[sip.trunks]]\nname = 'x'",
            "1: sip.trunks 1.registrar: is missing, and so is gateway; name one, like sip:pbx.example",
        ),
        (
            GOOD.replace("sip:pbx", "pbx"),
            "3: sip.trunks 1.registrar: is 'pbx.example'; write a SIP address without a user, "
            "like sip:pbx.example",
        ),
        (
            GOOD.replace('user = "200"\n', ""),
            "1: sip.trunks 1.user: is missing; a registration needs the user we are at the registrar",
        ),
        (GOOD + "expires = 5", "5: sip.trunks 1.expires: is 5; it must be between 60 and 86400"),
        (GOOD + "ping = 1", "5: sip.trunks 1.ping: is 1; it must be between 5 and 3600 seconds, or 0 for never"),
        (GOOD + "ping = 'often'", "5: sip.trunks 1.ping: is 'often'; write a number without quotes"),
        (GOOD + "show = 'mine'", "5: sip.trunks 1.show: is 'mine'; write one of own, caller"),
        (GOOD + "dial = ['+1555']", "5: sip.trunks 1.dial: '+1555' is no prefix of a number; "
         'write it like "tel:+1555"'),
        (GOOD + "regstrar = 'x'", "5: sip.trunks 1.regstrar: no such setting in [[sip.trunks]]; "
         "did you mean registrar?"),
        (GOOD + "addresses = ['pbx']", "5: sip.trunks 1.addresses: 'pbx' is no numeric address; "
         "write the one its messages come from"),
        (
            "[[agents]]\nid = 'a'\nphone = 'tel:+15550100'",
            "3: agents 1.phone: is a number, and no [[sip.trunks]] leads to it; write a SIP address",
        ),
    ],
)  # fmt: skip
def test_a_trunk_that_could_not_work_is_told(tmp_path: Path, text: str, said: str) -> None:
    assert mistakes(tmp_path, text) == [said]


def test_a_trunk_makes_its_numbers_and_its_telephones_callable(tmp_path: Path) -> None:
    text = '[sip]\ndial = ["tel:+1555"]\n' + GOOD
    text += '[[agents]]\nid = "a"\nphone = "sip:201@pbx.example"\n[[agents]]\nid = "b"\nphone = "tel:+15550199"\n'
    assert [agent.phone for agent in read(tmp_path, text).agents] == ["sip:201@pbx.example", "tel:+15550199"]
