"""Define-XML 2.1: what the datasets of an export hold, generated from the metadata that the datasets are made by."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tocsin.exports.sdtm_events import scale_titles
from tocsin.exports.sdtm_table import Study, Table, item_oid
from tocsin.knowledge.sdtm_export import Codelist, Qualifier, Term, Variable, sdtm_codelists, sdtm_qualifiers

ODM: Final = "http://www.cdisc.org/ns/odm/v1.3"
DEF: Final = "http://www.cdisc.org/ns/def/v2.1"
XLINK: Final = "http://www.w3.org/1999/xlink"
XML: Final = "http://www.w3.org/XML/1998/namespace"
# Name and version of the guide that a dataset follows; terms are those of the sample study (sdtm_export_terms.csv).
_GUIDES: Final = {"SDTM": ("SDTMIG", "3.4"), "ADaM": ("ADaMIG", "1.3")}
_TERMS: Final = {
    "Name": "CDISC/NCI",
    "Type": "CT",
    "PublishingSet": "SDTM",
    "Version": "2020-12-18",
    "Status": "Final",
}
_PURPOSE: Final = {"SDTM": "Tabulation", "ADaM": "Analysis"}
_TYPES: Final = {
    "text": "text",
    "integer": "integer",
    "datetime": "datetime",
    "date_number": "integer",
    "datetime_number": "integer",
}
_FORMATS: Final = {"date_number": "DATE9.", "datetime_number": "DATETIME20."}
_WIDTH: Final = "8"  # of a number
_GUIDE_OID, _TERMS_OID = "STD.IG", "STD.CT"
_QVAL: Final = "SUPPCE.QVAL"


def write_define(tables: Sequence[Table], path: Path, study: Study) -> None:
    """Write the define.xml of the datasets of one standard."""
    for prefix, name in (("", ODM), ("def", DEF), ("xlink", XLINK)):
        ET.register_namespace(prefix, name)
    root = _odm(study)
    version = _version(
        ET.SubElement(root, _odm_name("Study"), OID=study.oid), tables[0].dataset.standard, study
    )
    for part in (_value_lists, _where_clauses, _groups, _items, _codelists, _methods):
        version.extend(part(tables))
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _odm_name(name: str) -> str:
    return f"{{{ODM}}}{name}"


def _def_name(name: str) -> str:
    return f"{{{DEF}}}{name}"


def _element(name: str, text: str | None = None, /, **attributes: str) -> ET.Element:
    """Return an element; an attribute `def_X` is X of Define-XML."""
    said = {_def_name(key[4:]) if key.startswith("def_") else key: value for key, value in attributes.items()}
    element = ET.Element(name if name.startswith("{") else _odm_name(name), said)
    element.text = text
    return element


def _with(element: ET.Element, *children: ET.Element) -> ET.Element:
    element.extend(children)
    return element


def _words(name: str, text: str) -> ET.Element:
    """Return an element that says something in English."""
    translated = _element("TranslatedText", text)
    translated.set(f"{{{XML}}}lang", "en")
    return _with(_element(name), translated)


def _odm(study: Study) -> ET.Element:
    made = f"{study.made:%Y-%m-%dT%H:%M:%S}"
    return _element(
        "ODM", ODMVersion="1.3.2", FileType="Snapshot", FileOID=f"tocsin.{study.id}.define.{made}", CreationDateTime=made,
        Originator="Tocsin", SourceSystem="Tocsin", SourceSystemVersion=study.tocsin, def_Context="Other",
    )  # fmt: skip


def _version(parent: ET.Element, standard: str, study: Study) -> ET.Element:
    """Add the study and its metadata version; return the version."""
    globals_ = _with(
        _element("GlobalVariables"),
        _element("StudyName", study.id),
        _element("StudyDescription", "CRS grades derived by Tocsin"),
        _element("ProtocolName", study.id),
    )
    version = _element(
        "MetaDataVersion", OID=study.version_oid(standard), Name=f"{standard} export of Tocsin {study.tocsin}",
        Description=f"Derived CRS grades; knowledge {study.knowledge[:12]}", def_DefineVersion="2.1.0",
    )  # fmt: skip
    name, number = _GUIDES[standard]
    guide = _element(
        _def_name("Standard"), OID=_GUIDE_OID, Name=name, Type="IG", Version=number, Status="Final"
    )
    terms = _element(_def_name("Standard"), OID=_TERMS_OID, **_TERMS)
    version.append(_with(_element(_def_name("Standards")), guide, terms))
    parent.extend([globals_, version])
    return version


def _groups(tables: Sequence[Table]) -> Iterator[ET.Element]:
    """Yield the datasets."""
    for table in tables:
        dataset = table.dataset
        group = _with(
            _element(
                "ItemGroupDef", OID=f"IG.{dataset.name}", Name=dataset.name, Repeating="Yes", IsReferenceData="No",
                SASDatasetName=dataset.name, Purpose=_PURPOSE[dataset.standard], def_Structure=dataset.structure,
                def_StandardOID=_GUIDE_OID, def_ArchiveLocationID=f"LF.{dataset.name}",
            ),
            _words("Description", dataset.label),
        )  # fmt: skip
        if dataset.standard == "SDTM":
            group.set("Domain", dataset.name.removeprefix("SUPP"))
        group.extend(
            _item_ref(dataset.name, variable, number) for number, variable in enumerate(dataset.variables, 1)
        )
        file = f"{dataset.name.lower()}.xpt"
        leaf = _with(_element(_def_name("leaf"), ID=f"LF.{dataset.name}"), _element(_def_name("title"), file))
        leaf.set(f"{{{XLINK}}}href", file)
        yield _with(group, _element(_def_name("Class"), Name=dataset.data_class), leaf)


def _item_ref(dataset: str, variable: Variable, number: int) -> ET.Element:
    said = {"ItemOID": item_oid(dataset, variable.name), "OrderNumber": str(number)}
    said["Mandatory"] = "Yes" if variable.mandatory else "No"
    if variable.key is not None:
        said["KeySequence"] = str(variable.key)
    if variable.origin == "Derived":
        said["MethodOID"] = f"MT.{dataset}.{variable.name}"
    if variable.role:
        said["Role"] = variable.role
    return _element("ItemRef", **said)


def _items(tables: Sequence[Table]) -> Iterator[ET.Element]:
    """Yield the variables, and the values of QVAL by qualifier."""
    for table in tables:
        for variable in table.dataset.variables:
            yield _item(table, variable)
        for qualifier in _qualifiers(table):
            item = _element(
                "ItemDef", OID=item_oid(_QVAL, qualifier.name), Name=qualifier.name, DataType="text",
                Length=str(table.lengths["QVAL"]), SASFieldName="QVAL",
            )  # fmt: skip
            yield _with(item, _words("Description", qualifier.label), _origin("Derived", ""))


def _item(table: Table, variable: Variable) -> ET.Element:
    dataset = table.dataset.name
    said = {"OID": item_oid(dataset, variable.name), "Name": variable.name, "DataType": _TYPES[variable.type]}
    if variable.type != "datetime":
        said["Length"] = str(table.lengths.get(variable.name, _WIDTH))
    item = _element("ItemDef", **said, SASFieldName=variable.name)
    if variable.type in _FORMATS:
        item.set(_def_name("DisplayFormat"), _FORMATS[variable.type])
    item.append(_words("Description", variable.label))
    if variable.codelist:
        item.append(_element("CodeListRef", CodeListOID=f"CL.{variable.codelist}"))
    item.append(_origin(variable.origin, variable.method))
    if f"{dataset}.{variable.name}" == _QVAL:
        item.append(_element(_def_name("ValueListRef"), ValueListOID=f"VL.{_QVAL}"))
    return item


def _origin(kind: str, method: str) -> ET.Element:
    """Return where a value comes from; a predecessor is named."""
    origin = _element(_def_name("Origin"), Type=kind)
    if kind in ("Assigned", "Derived"):
        origin.set("Source", "Sponsor")
    if kind == "Predecessor":
        origin.append(_words("Description", method))
    return origin


def _qualifiers(table: Table) -> tuple[Qualifier, ...]:
    return sdtm_qualifiers() if table.dataset.name == "SUPPCE" else ()


def _value_lists(tables: Sequence[Table]) -> Iterator[ET.Element]:
    """Yield what QVAL is, qualifier by qualifier."""
    for qualifiers in filter(None, map(_qualifiers, tables)):
        values = _element(_def_name("ValueListDef"), OID=f"VL.{_QVAL}")
        for number, one in enumerate(qualifiers, 1):
            item = _element(
                "ItemRef", ItemOID=item_oid(_QVAL, one.name), OrderNumber=str(number), Mandatory="No",
                MethodOID=f"MT.{_QVAL}.{one.name}",
            )  # fmt: skip
            where = _element(_def_name("WhereClauseRef"), WhereClauseOID=f"WC.{one.name}")
            values.append(_with(item, where))
        yield values


def _where_clauses(tables: Sequence[Table]) -> Iterator[ET.Element]:
    for one in (qualifier for table in tables for qualifier in _qualifiers(table)):
        check = _element(
            "RangeCheck", Comparator="EQ", SoftHard="Soft", def_ItemOID=item_oid("SUPPCE", "QNAM")
        )
        check.append(_element("CheckValue", one.name))
        yield _with(_element(_def_name("WhereClauseDef"), OID=f"WC.{one.name}"), check)


def _codelists(tables: Sequence[Table]) -> Iterator[ET.Element]:
    """Yield the lists that the variables name: terms of CDISC, and our own."""
    used = {variable.codelist for table in tables for variable in table.dataset.variables}
    for codelist in (*sdtm_codelists(), *_own()):
        if codelist.id not in used:
            continue
        said = {"def_StandardOID": _TERMS_OID} if codelist.nci_list else {"def_IsNonStandard": "Yes"}
        element = _element("CodeList", OID=f"CL.{codelist.id}", Name=codelist.name, DataType="text", **said)
        for number, term in enumerate(codelist.terms, 1):
            item = _element("CodeListItem", CodedValue=term.value, OrderNumber=str(number))
            element.append(_with(item, _words("Decode", term.decode), *_alias(term.nci_code)))
        yield _with(element, *_alias(codelist.nci_list))


def _own() -> Iterator[Codelist]:
    """Yield our own lists: the tests, which are the parameters of ADCRS, and the qualifiers."""
    titles = [(scale.upper(), title) for scale, title in scale_titles().items()]
    for id, name in (("FATESTCD", "Scales, as tests"), ("PARAMCD", "Scales, as parameters")):
        yield Codelist(id, name, "", tuple(Term(code, title, "") for code, title in titles))
    for id, name in (("FATEST", "Names of the tests"), ("PARAM", "Names of the parameters")):
        yield Codelist(id, name, "", tuple(Term(title, title, "") for _, title in titles))
    terms = tuple(Term(one.name, one.label, "") for one in sdtm_qualifiers())
    yield Codelist("QNAM", "Supplemental qualifiers of CE", "", terms)


def _alias(code: str) -> tuple[ET.Element, ...]:
    return (_element("Alias", Name=code, Context="nci:ExtCodeID"),) if code else ()


def _methods(tables: Sequence[Table]) -> Iterator[ET.Element]:
    """Yield how each derived variable and each qualifier is derived."""
    for table in tables:
        dataset = table.dataset.name
        for variable in table.dataset.variables:
            if variable.origin == "Derived":
                yield _method(f"{dataset}.{variable.name}", variable.method)
        for one in _qualifiers(table):
            yield _method(f"{_QVAL}.{one.name}", one.method)


def _method(name: str, text: str) -> ET.Element:
    element = _element("MethodDef", OID=f"MT.{name}", Name=f"Derivation of {name}", Type="Computation")
    return _with(element, _words("Description", text))
