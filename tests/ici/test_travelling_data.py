"""What happens to attached data on its way through many hands."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.ici.attached_data import Limits, build, merge, read
from ivr.ici.switchboard import IciRefusal
from ivr.ici.travelling_data import Change, TravellingData, differences

AT = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
MARKED = {"FWDTYPE": "TRANSFER", "FWDPREHANDLE": "005056A1B2C31ED"}


def data(**fields: str) -> TravellingData:
    made = TravellingData("SAP-IC")
    made.learn(fields or {"ACCOUNT": "4000000002", "REASON": "BILL"}, AT)
    return made


def says(travelling: TravellingData, author: str, *blocks: str) -> None:
    """As the endpoint does it: merged with what is there, then written."""
    document = travelling.document
    for block in blocks:
        document = merge(document, f"<ItemAttachedData>{block}</ItemAttachedData>")
    travelling.write(author, document, AT)


def test_the_marks_of_a_transfer_survive_the_writer_that_wipes_them() -> None:
    travelling = data()
    says(travelling, "ann", '<Application id="CRM_IC/MCM"><FWDTYPE>TRANSFER</FWDTYPE>\n'
         "<FWDPREHANDLE>005056A1B2C31ED</FWDPREHANDLE></Application>")  # fmt: skip
    before = travelling.document
    says(
        travelling, "bob", '<Application id="CRM_IC/MCM"><FWDTYPE/><FWDPREHANDLE>BOBS</FWDPREHANDLE></Application>'
    )
    assert travelling.document == before
    told = travelling.versions[-1]
    assert told.author == "bob"
    assert told.guarded == ("CRM_IC/MCM FWDTYPE", "CRM_IC/MCM FWDPREHANDLE")
    assert told.changes == ()


def note(text: str, *, block: str = "") -> str:
    return f'<Application id="IVR/CONTACT"><NOTE>{text}</NOTE></Application>{block}'


def test_every_note_of_the_call_travels_with_its_author() -> None:
    travelling = data()
    says(travelling, "ann", note("moves house"))
    says(travelling, "ann", note("in May"))
    says(travelling, "bob", note("new address known"))
    says(travelling, "bob", note("new address known"), '<Application id="X"><A>1</A></Application>')
    notes = {"N1": "ann: moves house", "N2": "ann: in May", "N3": "bob: new address known"}
    assert travelling.blocks["IVR/NOTES"] == notes
    assert travelling.versions[-1].guarded == ()
    assert TravellingData.restored(travelling.saved(), Limits()).saved() == travelling.saved()


def test_a_note_is_nobodys_to_change_and_who_has_not_read_the_newest_loses_none() -> None:
    travelling = data()
    says(travelling, "ann", note("moves house"))
    stale = travelling.document
    says(travelling, "ann", note("in May"))
    travelling.write("bob", stale, AT)
    assert travelling.blocks["IVR/NOTES"] == {"N1": "ann: moves house", "N2": "ann: in May"}
    assert travelling.versions[-1].guarded == ()
    says(travelling, "bob", '<Application id="IVR/NOTES"><N1>ann: stays</N1></Application>')
    assert travelling.blocks["IVR/NOTES"] == {"N1": "ann: moves house", "N2": "ann: in May"}
    assert travelling.versions[-1].guarded == ("IVR/NOTES N1",)


def test_what_a_colleague_who_was_asked_noted_travels_on_as_his() -> None:
    travelling = data()
    says(travelling, "ann", note("moves house"))
    asked = travelling.copy()
    says(asked, "bob", note("contract ends in May"))
    told = travelling.gather_notes(asked, "ann", AT)
    assert told is not None and told.blocks == ("IVR/NOTES",)
    assert travelling.blocks["IVR/NOTES"] == {"N1": "ann: moves house", "N2": "bob: contract ends in May"}
    assert travelling.gather_notes(asked, "ann", AT) is None


def test_a_note_too_long_to_travel_twice_is_written_all_the_same() -> None:
    travelling = TravellingData("SAP-IC", Limits(document=3000))
    travelling.learn({"REASON": "BILL"}, AT)
    says(travelling, "ann", note("a" * 2000))
    assert travelling.blocks["IVR/CONTACT"]["NOTE"] == "a" * 2000 and "IVR/NOTES" not in travelling.blocks


def test_what_else_the_wiping_writer_wrote_is_taken() -> None:
    travelling = data()
    says(travelling, "ann", '<Application id="CRM_IC/MCM"><FWDTYPE>TRANSFER</FWDTYPE></Application>')
    says(
        travelling,
        "bob",
        '<Application id="CRM_IC/MCM"><FWDTYPE> </FWDTYPE><SEEN>yes</SEEN></Application>',
        '<Application id="NOTES"><TEXT>calls again</TEXT></Application>',
    )
    assert travelling.blocks["CRM_IC/MCM"] == {"FWDTYPE": "TRANSFER", "SEEN": "yes"}
    assert travelling.blocks["NOTES"] == {"TEXT": "calls again"}
    assert travelling.versions[-1].guarded == ("CRM_IC/MCM FWDTYPE",)


def test_whoever_set_the_marks_may_take_them_back() -> None:
    travelling = data()
    says(travelling, "ann", build_block("CRM_IC/MCM", MARKED))
    says(travelling, "ann", build_block("CRM_IC/MCM", {"FWDTYPE": ""}))
    assert travelling.blocks["CRM_IC/MCM"] == {"FWDTYPE": ""}
    says(travelling, "bob", build_block("CRM_IC/MCM", {"FWDTYPE": "", "FWDPREHANDLE": "BOBS"}))
    assert travelling.blocks["CRM_IC/MCM"]["FWDPREHANDLE"] == "BOBS"
    assert not any(version.guarded for version in travelling.versions)


def test_the_next_transfer_has_marks_of_its_own_and_they_are_guarded_in_turn() -> None:
    travelling = data()
    says(travelling, "ann", build_block("crm_ic/mcm", MARKED))
    says(travelling, "bob", build_block("crm_ic/mcm", {"FWDTYPE": "TRANSFER", "FWDPREHANDLE": "BOBS"}))
    says(travelling, "cid", build_block("crm_ic/mcm", {"FWDTYPE": "", "FWDPREHANDLE": "CIDS"}))
    assert travelling.blocks["crm_ic/mcm"] == {"FWDTYPE": "TRANSFER", "FWDPREHANDLE": "BOBS"}


def test_what_the_menu_learnt_is_kept_and_its_block_may_be_added_to() -> None:
    travelling = data()
    says(travelling, "ann", build_block("SAP-IC", {"REASON": "OTHER", "NOTE": "x"}))
    assert travelling.blocks["SAP-IC"] == {"REASON": "BILL", "NOTE": "x", "ACCOUNT": "4000000002"}
    assert travelling.versions[-1].guarded == ("SAP-IC ACCOUNT", "SAP-IC REASON")


@pytest.mark.parametrize(
    ("fields", "meant"),
    [
        ({"ACCOUNT": "4000000010", "REASON": "BILL"}, True),
        ({"ACCOUNT": "", "REASON": "BILL"}, False),
        ({"ACCOUNT": "4000000010"}, False),
        ({"ACCOUNT": "4000000010", "REASON": "OTHER"}, False),
    ],
)
def test_one_field_given_another_value_is_meant_and_what_is_wiped_or_lost_is_an_accident(
    fields: dict[str, str], meant: bool
) -> None:
    travelling = data()
    travelling.write("ann", merge(travelling.document, build("SAP-IC", fields)), AT)
    told = travelling.versions[-1]
    assert (told.meant, bool(told.guarded)) == (meant, True)
    assert travelling.blocks["SAP-IC"] == {"ACCOUNT": "4000000002", "REASON": "BILL"}, (
        "what the menu learnt is kept"
    )
    says(travelling, "ann", f'<Application id="CRM_IC/MCM">{"".join(f"<{k}>{v}</{k}>" for k, v in MARKED.items())}'
         "</Application>")  # fmt: skip
    says(travelling, "bob", '<Application id="CRM_IC/MCM"><FWDTYPE/></Application>')
    assert travelling.versions[-1].guarded and not travelling.versions[-1].meant, "wiped marks are no wish"


def test_every_change_names_its_author_and_both_values() -> None:
    travelling = data()
    travelling.learn({"WAITED": "0"}, AT)
    travelling.learn({"WAITED": "7"}, AT)
    says(travelling, "ann", build_block("NOTES", {"TEXT": "x"}))
    told = [(one.number, one.author, one.changes) for one in travelling.versions[1:]]
    assert told == [
        (2, "menu", (Change("SAP-IC", "WAITED", None, "0"),)),
        (3, "menu", (Change("SAP-IC", "WAITED", "0", "7"),)),
        (4, "ann", (Change("NOTES", "TEXT", None, "x"),)),
    ]
    assert travelling.versions[-1].document() == {
        "version": 4,
        "author": "ann",
        "at": "2026-11-22T15:00:00.000+00:00",
        "blocks": ["NOTES"],
        "changes": [{"application": "NOTES", "field": "TEXT", "old": None, "new": "x"}],
        "kept": [],
        "refused": [],
    }


def test_what_was_kept_is_told_with_its_value_and_what_was_written_instead() -> None:
    travelling = data()
    travelling.learn({"PROVED": "no"}, AT)
    travelling.write("ann", merge(travelling.document, build("SAP-IC", {"REASON": "9"})), AT)
    assert travelling.versions[-1].document()["refused"] == [
        {"application": "SAP-IC", "field": "ACCOUNT", "kept": "4000000002", "written": None},
        {"application": "SAP-IC", "field": "PROVED", "kept": "no", "written": None},
        {"application": "SAP-IC", "field": "REASON", "kept": "BILL", "written": "9"},
    ]


def test_h19_the_copy_of_a_consultation_is_guarded_like_the_customers_document() -> None:
    customer = data()
    customer.learn({"PROVED": "no", "CALLER": "+15550100"}, AT)
    says(customer, "ann", build_block("CRM_IC/MCM", {"FWDTYPE": "TRANSFER", "FWDPREHANDLE": "A1"}))
    asked = customer.copy()
    version = asked.write("bob", merge(asked.document, build("SAP-IC", {"ACCOUNT": "9"})), AT)
    assert version is not None
    assert version.guarded == ("SAP-IC ACCOUNT", "SAP-IC CALLER", "SAP-IC PROVED", "SAP-IC REASON")
    assert asked.blocks["SAP-IC"] == customer.blocks["SAP-IC"], "it reads like another caller"
    asked.write("bob", merge(asked.document, build("CRM_IC/MCM", {"FWDTYPE": "", "FWDPREHANDLE": "B2"})), AT)
    assert asked.blocks["CRM_IC/MCM"] == customer.blocks["CRM_IC/MCM"]
    asked.learn({"PROVED": "pin"}, AT)
    assert customer.write("ann", merge(customer.document, build("N", {"T": "x"})), AT).guarded == (), (  # type: ignore[union-attr]
        "what the copy learns guards the customer's document"
    )


def test_a_write_without_news_is_no_version() -> None:
    travelling = data()
    assert travelling.write("ann", travelling.document, AT) is None
    assert travelling.learn({"REASON": "BILL"}, AT) is None
    assert (travelling.number, len(travelling.versions)) == (1, 1)


def test_history_has_an_end() -> None:
    travelling = data()
    for number in range(500):
        travelling.learn({"WAITED": str(number)}, AT)
    assert travelling.number == 501
    assert [version.number for version in travelling.versions] == list(range(302, 502))


@pytest.mark.parametrize(
    "document",
    [
        "<ItemAttachedData><Application",
        "<!DOCTYPE x><ItemAttachedData/>",
        f"<ItemAttachedData>{'x' * 3000}</ItemAttachedData>",
    ],
)
def test_a_refused_write_leaves_the_old_document_and_its_history(document: str) -> None:
    travelling = TravellingData("SAP-IC", Limits(document=2000))
    travelling.learn({"ACCOUNT": "1"}, AT)
    before = travelling.document
    with pytest.raises(IciRefusal):
        travelling.write("ann", document, AT)
    assert (travelling.document, travelling.number, len(travelling.versions)) == (before, 1, 1)


def test_the_recordings_of_every_leg_are_listed() -> None:
    travelling = data()
    assert travelling.record([], AT) is None
    travelling.record([("caller", "a-1.wav"), ("ann", "a-2.wav")], AT)
    assert travelling.blocks["IVR/RECORDINGS"] == {"R1": "caller a-1.wav", "R2": "ann a-2.wav"}


def test_what_was_recorded_is_not_wiped_by_a_screen() -> None:
    travelling = data()
    travelling.record([("caller", "a-1.wav")], AT)
    assert travelling.record([("caller", "a-1.wav")], AT) is None
    before = travelling.document
    version = travelling.write("ann", merge(before, build("IVR/RECORDINGS", {"MINE": "x"})), AT)
    assert version is not None and version.guarded == ("IVR/RECORDINGS R1",)
    assert travelling.blocks["IVR/RECORDINGS"] == {"R1": "caller a-1.wav", "MINE": "x"}


def test_who_has_read_the_copy_of_a_consultation_does_not_write_over_the_customers_document() -> None:
    customer = data()
    customer.write("ann", merge(customer.document, build("NOTES", {"TEXT": "for the caller"})), AT)
    asked = customer.copy()
    asked.write("bob", merge(asked.document, build("NOTES", {"TEXT": "for ann alone"})), AT)
    asked.write("bob", merge(asked.document, build("IDEA", {"TEXT": "refund"})), AT)
    read_by_bob = asked.number
    customer.write("ann", merge(customer.document, asked.document, only_new=True), AT)
    customer.outgrow(asked)
    assert (read_by_bob, customer.number) == (4, 5)
    mine = merge(customer.document, build("NOTES", {"TEXT": "all agree"}))
    with pytest.raises(IciRefusal, match="'NOTES' was changed by ann in version 5, after the version 4"):
        customer.check("bob", mine, read_by_bob)
    customer.check("bob", mine, customer.number)
    customer.check("bob", merge(customer.document, build("IDEA", {"TEXT": "no refund"})), read_by_bob)


def test_a_consultation_that_changed_nothing_leaves_the_version_as_it_is() -> None:
    customer = data()
    asked = customer.copy()
    customer.outgrow(asked)
    assert (customer.number, asked.document) == (1, customer.document)


def test_a_menu_without_attached_data_travels_with_an_empty_document() -> None:
    travelling = TravellingData("")
    travelling.learn({}, AT)
    assert read(travelling.document) == {}
    says(travelling, "ann", build_block("NOTES", {"TEXT": "x"}))
    assert travelling.blocks == {"NOTES": {"TEXT": "x"}}


def test_differences_are_told_field_by_field() -> None:
    assert differences({"A": {"X": "1"}, "B": {"Y": "2"}}, {"A": {"X": "1", "Z": ""}}) == [
        Change("A", "Z", None, ""),
        Change("B", "Y", "2", None),
    ]


def build_block(application: str, fields: dict[str, str]) -> str:
    found = re.search(r"<Application.*</Application>", build(application, fields), re.DOTALL)
    assert found is not None
    return found[0]


spaces = st.sampled_from(["", " ", "\n  ", "\t", "\r\n"])
foreign = st.tuples(
    st.sampled_from(["id='%s'", 'id="%s" note=\'a > b\'', "x:mark='1' id = '%s'  unknown=\"&quot;\""]),
    st.lists(
        st.sampled_from(
            ["<B/>", "<A> two  spaces </A>", "<C><![CDATA[<raw> & ]] >]]></C>", "<D a='1' b=\"2\"><E/>x</D>",
             "<!-- a > b -->", "<?pi x?>", "&amp;&#10;", "<A>again</A>"]
        ), max_size=6,
    ),
    spaces,
)  # fmt: skip
"""Blocks of producers who care about every octet: attributes, order, white space, CDATA, comments."""


@settings(max_examples=25, deadline=None)
@given(st.lists(foreign, min_size=1, max_size=4), spaces, st.integers(0, 3))
def test_blocks_of_others_are_the_same_octets_after_twenty_round_trips(
    blocks: list[tuple[str, list[str], str]], between: str, place: int
) -> None:
    written = [
        f"<Application {attributes % f'P{number}'}>{space.join(['', *parts, ''])}</Application>"
        for number, (attributes, parts, space) in enumerate(blocks)
    ]
    mine = '<Application id="SAP-IC"><REASON>BILL</REASON></Application>'
    written.insert(place % (len(written) + 1), mine)
    start = f"<ItemAttachedData xmlns:x='urn:x'>{between}{between.join(written)}{between}</ItemAttachedData>"
    travelling = TravellingData("SAP-IC")
    travelling.write("ann", start, AT)
    travelling.learn({"REASON": "BILL"}, AT)
    for turn in range(20):
        travelling.learn({"WAITED": str(turn)}, AT)
        says(travelling, f"agent{turn % 3}", build_block("OURS", {"TURN": str(turn)}))
    rest = re.sub(r'<Application id="OURS">.*?</Application>', "", travelling.document, flags=re.DOTALL)
    at = rest.index('<Application id="SAP-IC">')
    rest = rest[:at] + mine + rest[rest.index("</Application>", at) + len("</Application>") :]
    assert rest == start
