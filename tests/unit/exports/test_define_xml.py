"""The define.xml describes every variable, leads nowhere wrong, and is valid by the schema of Define-XML 2.1."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tocsin.exports import export
from tocsin.exports.define_xml import DEF, ODM
from tocsin.knowledge.sdtm_export import sdtm_datasets, sdtm_qualifiers
from tocsin.results import Result

STANDARDS = {"sdtm": "SDTM", "adam": "ADaM"}
# Attribute that names, and the elements that it may name.
REFERENCES = {
    "ItemOID": {"ItemDef"},
    f"{{{DEF}}}ItemOID": {"ItemDef"},
    "MethodOID": {"MethodDef"},
    "CodeListOID": {"CodeList"},
    "ValueListOID": {"ValueListDef"},
    "WhereClauseOID": {"WhereClauseDef"},
    f"{{{DEF}}}StandardOID": {"Standard"},
}


@pytest.fixture(scope="module")
def folder(demo: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("define") / "out"
    export(demo, "sdtm", out, study="MADEUP")
    return out


@pytest.fixture(params=STANDARDS)
def define(folder: Path, request: pytest.FixtureRequest) -> tuple[str, ET.Element]:
    return STANDARDS[request.param], ET.parse(folder / request.param / "define.xml").getroot()


def of(root: ET.Element, name: str) -> list[ET.Element]:
    return [*root.iter(f"{{{ODM}}}{name}"), *root.iter(f"{{{DEF}}}{name}")]


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def test_every_variable_is_described_once(define: tuple[str, ET.Element]) -> None:
    standard, root = define
    datasets = [one for one in sdtm_datasets().values() if one.standard == standard]
    found = {
        group.attrib["Name"]: [ref.attrib["ItemOID"] for ref in group.iter(f"{{{ODM}}}ItemRef")]
        for group in of(root, "ItemGroupDef")
    }
    assert found == {
        one.name: [f"IT.{one.name}.{variable.name}" for variable in one.variables] for one in datasets
    }


def test_every_reference_leads_to_one_definition(define: tuple[str, ET.Element]) -> None:
    _, root = define
    definitions: dict[str, str] = {}
    for element in root.iter():
        if "OID" in element.attrib:
            assert element.attrib["OID"] not in definitions
            definitions[element.attrib["OID"]] = local(element)
    used: set[str] = set()
    for element in root.iter():
        for name, kinds in REFERENCES.items():
            if name in element.attrib:
                assert definitions[element.attrib[name]] in kinds
                used.add(element.attrib[name])
    named = {
        oid
        for oid, kind in definitions.items()
        if kind in {"ItemDef", "MethodDef", "CodeList", "WhereClauseDef"}
    }
    assert named <= used


def test_what_is_derived_has_a_method_and_what_is_taken_over_a_source(define: tuple[str, ET.Element]) -> None:
    _, root = define
    methods = {ref.attrib["ItemOID"] for ref in of(root, "ItemRef") if "MethodOID" in ref.attrib}
    for item in of(root, "ItemDef"):
        (origin,) = item.iter(f"{{{DEF}}}Origin")
        assert (origin.attrib["Type"] == "Derived") == (item.attrib["OID"] in methods)
        if origin.attrib["Type"] == "Predecessor":
            assert "".join(origin.itertext()).strip()


def test_lengths_are_those_of_the_files(folder: Path, define: tuple[str, ET.Element]) -> None:
    import pyreadstat

    standard, root = define
    items = {item.attrib["OID"]: item.attrib for item in of(root, "ItemDef")}
    for dataset in (one for one in sdtm_datasets().values() if one.standard == standard):
        meta = pyreadstat.read_xport(
            folder / standard.lower() / f"{dataset.name.lower()}.xpt", metadataonly=True, output_format="dict"
        )[1]
        for variable in dataset.variables:
            if variable.type == "text":
                said = items[f"IT.{dataset.name}.{variable.name}"]["Length"]
                assert int(said) == meta.variable_storage_width[variable.name]


def test_every_qualifier_has_its_value_level(folder: Path) -> None:
    root = ET.parse(folder / "sdtm" / "define.xml").getroot()
    assert [check.text for check in of(root, "CheckValue")] == [one.name for one in sdtm_qualifiers()]


def test_terms_of_cdisc_carry_their_codes(folder: Path) -> None:
    lists = {
        one.attrib["OID"]: one for one in of(ET.parse(folder / "sdtm" / "define.xml").getroot(), "CodeList")
    }
    assert [alias.attrib["Name"] for alias in lists["CL.STENRF"].iter(f"{{{ODM}}}Alias")] == [
        "C53279",
        "C66728",
    ]
    assert lists["CL.FATESTCD"].attrib[f"{{{DEF}}}IsNonStandard"] == "Yes"


@pytest.fixture(scope="module")
def schema() -> Any:
    odmlib = pytest.importorskip(
        "odmlib", reason="odmlib, which carries the schema of Define-XML 2.1, is not installed"
    )
    xmlschema = pytest.importorskip("xmlschema")
    return xmlschema.XMLSchema(Path(odmlib.__file__).parent / "schemas/define/2.1/define2-1-0.xsd")


@pytest.mark.parametrize("name", STANDARDS)
def test_valid_by_the_schema(folder: Path, schema: Any, name: str) -> None:
    assert [str(error.reason) for error in schema.iter_errors(folder / name / "define.xml")] == []


def test_the_schema_refuses_what_is_wrong(folder: Path, schema: Any, tmp_path: Path) -> None:
    text = (folder / "sdtm" / "define.xml").read_text(encoding="utf-8")
    (tmp_path / "define.xml").write_text(
        text.replace(' Type="Derived"', ' Type="Guessed"', 1), encoding="utf-8"
    )
    assert list(schema.iter_errors(tmp_path / "define.xml"))
