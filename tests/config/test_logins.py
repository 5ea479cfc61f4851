"""`[[ici.logins]]`: what can be written, and the words for what cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest
from config.test_trunks import mistakes, read

GOOD = '[ici]\ncallbacks = ["crm.example", "::1"]\n[[ici.logins]]\nhost = "crm.example:8443"\nuser = "IVR"\n'
SECRET = "IVR_ICI_LOGINS_CRM_EXAMPLE_8443_PASSWORD"


def test_a_login_is_read_and_its_password_is_in_no_representation(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD + 'password = "from file"\n', {SECRET: "geheim"})
    (login,) = settings.ici.logins
    assert (login.host, login.user, login.password) == ("crm.example:8443", "IVR", "geheim")
    assert login.over_http is False
    assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        (("", ""), f"3: ici.logins 1.password: is missing; write it, or set {SECRET}"),
        (('host = "crm.example:8443"\n', ""), "ici.logins 1.host: is missing; write the host that events"),
        (
            ("crm.example:8443", "https://crm.example"),
            "ici.logins 1.host: is 'https://crm.example'; write the host",
        ),
        (
            ('"crm.example", ', ""),
            "crm.example is not listed in ici.callbacks, so nothing is posted there; add it",
        ),
        (('"IVR"', '"a:b"'), "ici.logins 1.user: is 'a:b'; write the name CRM knows us by, without a colon"),
        (("user =", "usr ="), "ici.logins 1.usr: no such setting in [[ici.logins]]; did you mean user?"),
        (("[[ici.logins]]", "[ici.logins]"), "ici.logins: must be written as [[ici.logins]], one table per host"),
    ],
)
def test_what_cannot_work_is_named_with_what_to_write(
    tmp_path: Path, change: tuple[str, str], mistake: str
) -> None:
    found = mistakes(tmp_path, GOOD.replace(*change, 1))
    assert any(mistake in one for one in found), found


def test_a_variable_for_a_host_that_is_not_there_is_named(tmp_path: Path) -> None:
    wrong = {SECRET: "geheim", "IVR_ICI_LOGINS_CRM_PASSWORD": "geheim"}
    (told,) = mistakes(tmp_path, GOOD, wrong)
    assert told.startswith("environment: IVR_ICI_LOGINS_CRM_PASSWORD: no such setting")
    assert "geheim" not in told
