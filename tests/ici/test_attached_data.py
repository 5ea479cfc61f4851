"""Documents that travel with calls: built, read, merged, refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ivr.ici.attached_data import DECLARATION, Limits, build, merge, read
from ivr.ici.switchboard import IciRefusal

TRANSFER = (
    '<?xml version="1.0" encoding="UTF-8"?>\r\n<ItemAttachedData  x = "1">\n'
    '  <!-- kept --><Application id="ACME-IVR"><AccountNo>30017744</AccountNo></Application>\n'
    "\t<Application  id='CRM_IC/MCM' note='a > b'><FWDTYPE>TRANSFER</FWDTYPE>"
    "<Deep><a b='&quot;'/></Deep></Application >\n"
    '  <Application id="EMPTY"/> tail <Other/>\n</ItemAttachedData>\n'
)

text = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
carried = text.filter(lambda value: not re.search("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", value))
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,15}", fullmatch=True)
fields = st.dictionaries(names, carried, max_size=5)
ids = st.from_regex(r"[A-Za-z0-9_/&<> -]{1,20}", fullmatch=True)


def test_a_document_is_the_xml_that_sap_expects() -> None:
    assert build("SAP-IC", {"ACCOUNT": "4000000002", "PATH": "", "TEXT": "<&>"}) == (
        '<?xml version="1.0" encoding="UTF-8"?><ItemAttachedData><Application id="SAP-IC">'
        "<ACCOUNT>4000000002</ACCOUNT><PATH></PATH><TEXT>&lt;&amp;&gt;</TEXT></Application></ItemAttachedData>"
    )


@given(ids, fields)
def test_what_is_built_is_read_back_equal(application: str, values: dict[str, str]) -> None:
    assert read(build(application, values)) == {application: values}


@given(text)
def test_any_text_gives_well_formed_xml(value: str) -> None:
    document = build("A", {"X": value})
    etree.fromstring(document.encode())
    assert len(read(document)["A"]["X"]) == len(value)


def test_a_control_character_becomes_the_replacement_character() -> None:
    assert read(build("A", {"X": "a\x00b\x1b\ufffe\ud800c"})) == {"A": {"X": "a\ufffdb\ufffd\ufffd\ufffdc"}}


def test_cdata_is_read_like_escaped_text() -> None:
    assert read(
        '<ItemAttachedData><Application id="A"><X><![CDATA[<&]]>!</X></Application></ItemAttachedData>'
    ) == {"A": {"X": "<&!"}}


def test_an_empty_document_has_no_blocks() -> None:
    assert read("") == {}
    assert read("<ItemAttachedData/>") == {}


def test_the_last_of_two_fields_with_one_name_counts() -> None:
    document = (
        '<ItemAttachedData><Application id="A"><X>1</X><X>2</X></Application>'
        '<Application id="A"><Y>3</Y></Application></ItemAttachedData>'
    )
    assert read(document) == {"A": {"X": "2", "Y": "3"}}


def test_a_replaced_block_leaves_every_other_octet_alone() -> None:
    merged = merge(TRANSFER, build("ACME-IVR", {"AccountNo": "1"}))
    old_block = '<Application id="ACME-IVR"><AccountNo>30017744</AccountNo></Application>'
    new_block = '<Application id="ACME-IVR"><AccountNo>1</AccountNo></Application>'
    assert merged == TRANSFER.replace(old_block, new_block)


def test_a_block_between_others_is_replaced_in_its_place() -> None:
    block = '<Application id="CRM_IC/MCM"><FWDTYPE/></Application>'
    merged = merge(TRANSFER, f"<ItemAttachedData>{block}</ItemAttachedData>")
    start, end = (
        TRANSFER.index("<Application  id='CRM"),
        TRANSFER.index("</Application >") + len("</Application >"),
    )
    assert merged == TRANSFER[:start] + block + TRANSFER[end:]


def test_an_empty_block_is_replaced_whole() -> None:
    merged = merge(TRANSFER, build("EMPTY", {"A": "1"}))
    assert merged == TRANSFER.replace(
        '<Application id="EMPTY"/>', '<Application id="EMPTY"><A>1</A></Application>'
    )


def test_a_new_block_goes_behind_the_last() -> None:
    merged = merge(TRANSFER, build("WRAP", {"REASON": "done"}))
    assert merged == TRANSFER.replace(
        '<Application id="EMPTY"/>',
        '<Application id="EMPTY"/><Application id="WRAP"><REASON>done</REASON></Application>',
    )


@pytest.mark.parametrize("root", ["<ItemAttachedData/>", "<ItemAttachedData ></ItemAttachedData>"])
def test_a_block_is_added_to_a_document_that_has_none(root: str) -> None:
    assert read(merge(DECLARATION + root, build("A", {"X": "1"}))) == {"A": {"X": "1"}}


def test_a_document_without_anything_new_is_kept_octet_for_octet() -> None:
    assert merge(TRANSFER, TRANSFER) is TRANSFER
    assert merge(TRANSFER, "<ItemAttachedData> <!-- nothing --> </ItemAttachedData>") is TRANSFER


def test_a_call_without_a_document_takes_the_incoming_one() -> None:
    assert merge("", TRANSFER) == TRANSFER


def test_two_blocks_of_one_id_replace_the_old_ones_together() -> None:
    old = (
        '<ItemAttachedData><Application id="A">1</Application>-<Application id="B"/>-'
        '<Application id="A">2</Application></ItemAttachedData>'
    )
    blocks = '<Application id="A">3</Application><Application id="A">4</Application>'
    new = f"<ItemAttachedData>{blocks}</ItemAttachedData>"
    assert merge(old, new) == (
        '<ItemAttachedData><Application id="A">3</Application><Application id="A">4</Application>-'
        '<Application id="B"/>-</ItemAttachedData>'
    )


def test_blocks_of_strangers_survive_twenty_rounds() -> None:
    document = TRANSFER
    for number in range(20):
        document = merge(document, build("ACME-IVR", {"AccountNo": str(number)}))
    assert document == merge(TRANSFER, build("ACME-IVR", {"AccountNo": "19"}))


@given(st.dictionaries(ids, fields, max_size=4), ids, fields)
def test_a_merge_changes_exactly_one_block(
    blocks: dict[str, dict[str, str]], id: str, values: dict[str, str]
) -> None:
    document = DECLARATION + "<ItemAttachedData/>"
    for name, content in blocks.items():
        document = merge(document, build(name, content))
    merged = merge(document, build(id, values))
    assert read(merged) == {**blocks, id: values}
    assert list(read(merged)) == list({**blocks, id: values})


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("", "not well-formed"),
        ("<ItemAttachedData>", "not well-formed"),
        ("<ItemAttachedData>\x00</ItemAttachedData>", "not well-formed"),
        ("<ItemAttachedData>&nbsp;</ItemAttachedData>", "not well-formed"),
        ("<ItemAttachedData>\ud800</ItemAttachedData>", "lone surrogate"),
        ("<Data/>", "needed is ItemAttachedData"),
        ("<ItemAttachedData><Application/></ItemAttachedData>", "has no id"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><ItemAttachedData>&x;</ItemAttachedData>', "DTD"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><ItemAttachedData/>', "DTD"),
        ("<ItemAttachedData>" + "<a>" * 50 + "</a>" * 50 + "</ItemAttachedData>", "nested deeper than 32"),
        (
            f'<ItemAttachedData><Application id="{"i" * 65}"/></ItemAttachedData>',
            "Application id has 65 characters",
        ),
        (
            f'<ItemAttachedData><Application id="A"><{"n" * 65}/></Application></ItemAttachedData>',
            "field name has 65 characters; at most 64",
        ),
        ('<ItemAttachedData><Application id="A"><p:x/></Application></ItemAttachedData>', "not well-formed"),
        ("<ItemAttachedData>" + " " * 262144 + "</ItemAttachedData>", "at most 262144 are allowed"),
    ],
)
def test_a_bad_document_is_refused_and_says_why(document: str, complaint: str) -> None:
    with pytest.raises(IciRefusal, match=complaint) as refused:
        merge(TRANSFER, document)
    assert refused.value.code == "ICI-XML"


ABAP = (
    '<ItemAttachedData xmlns:asx="http://www.sap.com/abapxml" xmlns:idle="urn:idle">'
    '<Application id="NS" asx:v="1"><asx:a>1</asx:a></Application></ItemAttachedData>'
)


@pytest.mark.parametrize("root", ["<ItemAttachedData/>", "<ItemAttachedData></ItemAttachedData>", ""])
def test_a_prefix_that_abap_declares_at_its_root_is_declared_at_ours(root: str) -> None:
    old = root and DECLARATION + root
    merged = merge(old, ABAP)
    assert '<Application id="NS" asx:v="1"><asx:a>1</asx:a></Application>' in merged
    block = etree.fromstring(merged.encode())[0]
    assert block[0].tag == "{http://www.sap.com/abapxml}a"
    assert block.get("{http://www.sap.com/abapxml}v") == "1"
    assert ("idle" in merged) is (old == "")
    assert merge(merged, ABAP) == merged == merge(merged, merged)


def test_blocks_with_prefixes_of_several_roots_stay_octet_for_octet_and_well_formed() -> None:
    block = "<Application id='{0}'><{1}:x  xsi:type = \"{1}:t\"/></Application >"
    document = TRANSFER
    for id, prefix in (("A", "p"), ("B", "q"), ("C", "p")):
        root = f'<ItemAttachedData xmlns:{prefix}="urn:{prefix}&amp;" xmlns:xsi="urn:xsi">'
        document = merge(document, f"{root}{block.format(id, prefix)}</ItemAttachedData>")
        assert block.format(id, prefix) in document
    etree.fromstring(document.encode())
    assert document.count("xmlns:") == 3
    bare = document
    for declared in (' xmlns:p="urn:p&amp;"', ' xmlns:q="urn:q&amp;"', ' xmlns:xsi="urn:xsi"'):
        bare = bare.replace(declared, "")
    assert (
        bare.replace("".join(block.format(*two) for two in (("A", "p"), ("B", "q"), ("C", "p"))), "") == TRANSFER
    )


def test_a_block_declares_a_prefix_itself_where_our_root_means_something_else_by_it() -> None:
    incoming = (
        '<ItemAttachedData xmlns:asx="urn:other"><Application id="B"><asx:b/></Application></ItemAttachedData>'
    )
    merged = merge(ABAP, incoming)
    kept, new = etree.fromstring(merged.encode())
    assert (kept[0].tag, new[0].tag) == ("{http://www.sap.com/abapxml}a", "{urn:other}b")
    assert ABAP.partition("</ItemAttachedData>")[0] in merged
    assert merge(merged, incoming) == merged


def test_a_value_that_names_a_prefix_of_its_old_root_takes_it_along() -> None:
    merged = merge(
        TRANSFER,
        '<ItemAttachedData xmlns:xsd="urn:xsd"><Application id="A"><x t="xsd:string"/></Application>'
        "</ItemAttachedData>",
    )
    assert 'xmlns:xsd="urn:xsd"' in merged


@pytest.mark.parametrize("stray", ["lost", "<Other/>", "<![CDATA[lost]]>", "<Field>1</Field>"])
def test_what_stands_beside_the_blocks_is_refused_and_not_dropped(stray: str) -> None:
    document = f'<ItemAttachedData>{stray}<Application id="A"/></ItemAttachedData>'
    with pytest.raises(IciRefusal, match="beside its Application blocks; put it into a block") as refused:
        merge(TRANSFER.replace("<Other/>", ""), document)
    assert refused.value.code == "ICI-XML"


def test_a_document_that_grows_too_big_is_refused() -> None:
    old = build("A", {"X": "x" * 150})
    with pytest.raises(IciRefusal, match="at most 300 are allowed"):
        merge(old, build("B", {"X": "x" * 100}), limits=Limits(document=300))


@pytest.mark.parametrize("name", ["", "1A", "A B", "a:b", "Ä", "x" * 65])
def test_a_field_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(IciRefusal, match="field name") as refused:
        build("A", {name: "v"})
    assert refused.value.code == "ICI-XML"
