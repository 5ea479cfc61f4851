"""What the settings of SIP must be together, and what a person is told when they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.config import HostPort, SipSettings, load_settings
from ivr.errors import SettingsError

CERTIFICATES = Path(__file__).parents[1] / "net" / "certificates"


def loaded(folder: Path, lines: str, environ: dict[str, str] | None = None) -> SipSettings:
    path = folder / "ivr.toml"
    path.write_text("[sip]\n" + lines.replace("@", str(CERTIFICATES)))
    return load_settings(path, environ or {}).sip


def mistakes(folder: Path, lines: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, lines)
    return [
        str(p).replace(f"{folder}/ivr.toml:", "").replace(str(CERTIFICATES), "@") for p in caught.value.problems
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"127.0.0.1:5070"', HostPort("127.0.0.1", 5070)),
        ('["0.0.0.0:5060", "[::]:5060"]', (HostPort("0.0.0.0", 5060), HostPort("::", 5060))),
    ],
)
def test_one_address_or_a_list_of_them_is_listened_on(
    tmp_path: Path, written: str, read: HostPort | tuple[HostPort, ...]
) -> None:
    sip = loaded(tmp_path, f"listen = {written}\n")
    assert sip.listen == read
    assert sip.addresses == (read if isinstance(read, tuple) else (read,))
    assert sip.tls_listen == ()


def test_a_variable_names_one_address_or_several_with_commas(tmp_path: Path) -> None:
    environ = {"IVR_SIP_LISTEN": "127.0.0.1:1, [::1]:2", "IVR_SIP_TLS_LISTEN": "127.0.0.1:5061"}
    environ |= {f"IVR_SIP_TLS_{key}": str(CERTIFICATES / f"server.{end}") for key, end in PAIR}
    sip = loaded(tmp_path, "", environ)
    assert sip.addresses == (HostPort("127.0.0.1", 1), HostPort("::1", 2))
    assert (sip.tls_listen, sip.tls_key) == ((HostPort("127.0.0.1", 5061),), CERTIFICATES / "server.key")


def test_protected_sound_needs_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(tmp_path, 'srtp = "offered"\n').srtp == "offered"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert mistakes(tmp_path, 'srtp = "required"\n') == [
        "2: sip.srtp: is required, which needs pylibsrtp: pip install 'ivr[srtp]', or write off"
    ]
    assert loaded(tmp_path, 'srtp = "off"\n').srtp == "off"


def test_protected_sound_does_not_go_straight(tmp_path: Path) -> None:
    assert mistakes(tmp_path, 'srtp = "required"\n[media]\nbridge = "direct"\n') == [
        "4: media.bridge: is direct, but sip.srtp is required: keys are not passed on;"
        ' write "relay", or srtp = "offered"'
    ]


PAIR = (("CERTIFICATE", "pem"), ("KEY", "key"))
TLS = 'tls_listen = "127.0.0.1:5061"\n'


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("listen = []", ['2: sip.listen: is an empty list; write at least one address, like "0.0.0.0:5060"']),
        (
            'listen = ["127.0.0.1:1", "here"]',
            ["2: sip.listen: is 'here'; write address:port in quotes, like \"0.0.0.0:5060\""],
        ),
        ('srtp = "on"', ["2: sip.srtp: is 'on'; write one of off, offered, required"]),
        ("srtp = true", ["2: sip.srtp: is true; write one of off, offered, required"]),
        (
            'listen = ["127.0.0.1:5060", "127.0.0.1:5060"]',
            ["2: sip.listen: names 127.0.0.1:5060 twice; write it once"],
        ),
        (
            'listen = "pbx.example:5060"',
            ["2: sip.listen: 'pbx.example' is no IP address; write one of this machine, or 0.0.0.0"],
        ),
        (
            "udp = false\ntcp = false",
            ["2: sip.udp: udp and tcp are both off, and there is no tls_listen; nobody could call, turn one on"],
        ),
        (
            TLS,
            [
                " sip.tls_certificate: is missing; tls_listen needs a certificate and its key, each a PEM file",
                " sip.tls_key: is missing; tls_listen needs a certificate and its key, each a PEM file",
            ],
        ),
        (
            TLS + 'tls_certificate = "@/server.pem"\ntls_key = "@/nowhere.key"',
            ["4: sip.tls_key: @/nowhere.key cannot be read: no such file or directory; name a readable PEM file"],
        ),
        (
            TLS + 'tls_certificate = "@/server.pem"\ntls_key = "@/renewed.key"',
            [
                "3: sip.tls_certificate: @/server.pem is not for the key in @/renewed.key;"
                " name the pair that belongs together"
            ],
        ),
        (
            TLS + 'tls_certificate = "@/server.pem"\ntls_key = "@/locked.key"',
            ["4: sip.tls_key: @/locked.key has a pass phrase; write it out without one (openssl pkey)"],
        ),
        (
            TLS + 'tls_certificate = "@/server.key"\ntls_key = "@/server.key"',
            [
                "3: sip.tls_certificate: @/server.key and @/server.key are no certificate and key;"
                " both must be PEM files"
            ],
        ),
        (
            'tls_ca = "@/server.key"',
            ["2: sip.tls_ca: @/server.key has no certificate in it; name a PEM file of authorities"],
        ),
        (
            TLS.replace("5061", "5060") + 'listen = "127.0.0.1:5060"\ntls_certificate = "@/server.pem"\n'
            'tls_key = "@/server.key"',
            [
                "2: sip.tls_listen: is 127.0.0.1:5060, where TCP is listened on already;"
                " the usual port for TLS is 5061"
            ],
        ),
    ],
)
def test_a_mistake_names_what_was_found_and_what_to_write(tmp_path: Path, lines: str, expected: list[str]) -> None:
    assert mistakes(tmp_path, lines) == expected


def test_tls_alone_is_enough(tmp_path: Path) -> None:
    pair = 'tls_certificate = "@/server.pem"\ntls_key = "@/server.key"\n'
    assert loaded(tmp_path, f"udp = false\ntcp = false\n{TLS}{pair}").tls_listen == (HostPort("127.0.0.1", 5061),)
