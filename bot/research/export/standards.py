"""The datapackage in two other standards: CSV on the Web (W3C) and DDI-Codebook 2.5, which archives take in."""

from collections.abc import Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring  # nosec B405  # nothing is read by it

_DDI: Final = "ddi:codebook:2_5"
_BASES: Final = {"string": "string", "integer": "integer", "number": "double"}


def csvw(package: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata by the W3C recommendation "Metadata Vocabulary for Tabular Data" (2015), for all CSV files together."""
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "dc:title": package["title"],
        "dc:description": package["description"],
        "dc:license": package["licenses"][0]["title"],
        "dc:created": package["version"],
        "tables": [_csvw_table(one, package) for one in package["resources"]],
    }


def _csvw_table(one: Mapping[str, Any], package: Mapping[str, Any]) -> dict[str, Any]:
    schema = one["schema"]
    paths = {other["name"]: other["path"] for other in package["resources"]} | {"": one["path"]}
    found: dict[str, Any] = {
        "columns": [_csvw_column(column) for column in schema["fields"]],
        "primaryKey": schema["primaryKey"],
    }
    if "foreignKeys" in schema:
        found["foreignKeys"] = [
            {
                "columnReference": key["fields"],
                "reference": {
                    "resource": paths[key["reference"]["resource"]],
                    "columnReference": key["reference"]["fields"],
                },
            }
            for key in schema["foreignKeys"]
        ]
    dialect = {"encoding": "utf-8", "lineTerminators": ["\r\n"], "header": True}
    says = {"dc:title": one["title"], "dc:description": one["description"]}
    return {"url": one["path"], **says, "dialect": dialect, "tableSchema": found}


def _csvw_column(column: Mapping[str, Any]) -> dict[str, Any]:
    bounds = column.get("constraints", {})
    kind: dict[str, Any] = {"base": _BASES[column["type"]]}
    kind |= {name: bounds[name] for name in ("minimum", "maximum") if name in bounds}
    if column["type"] == "string" and ("enum" in bounds or "pattern" in bounds):
        kind["format"] = "|".join(map(str, bounds["enum"])) if "enum" in bounds else bounds["pattern"]
    if column["type"] == "integer" and "enum" in bounds:
        kind |= {"minimum": min(bounds["enum"]), "maximum": max(bounds["enum"])}
    return {
        "name": column["name"],
        "titles": column["name"],
        "dc:description": column["description"],
        "datatype": kind,
        "required": bool(bounds.get("required", False)),
        "null": [""],
    }


def ddi(package: Mapping[str, Any]) -> str:
    """DDI-Codebook 2.5: the study, the files and the variables; elements in the order that its schema asks for."""
    root = Element("codeBook", {"xmlns": _DDI, "version": "2.5"})
    study = SubElement(root, "stdyDscr")
    citation = SubElement(study, "citation")
    _said(SubElement(citation, "titlStmt"), "titl", package["title"])
    _said(SubElement(citation, "rspStmt"), "AuthEnty", package["contributors"][0]["title"])
    production = SubElement(citation, "prodStmt")
    _said(production, "software", package["sources"][0]["title"])
    _said(SubElement(citation, "verStmt"), "version", package["version"])
    info = SubElement(study, "stdyInfo")
    subject = SubElement(info, "subject")
    for word in package["keywords"]:
        _said(subject, "keyword", word)
    _said(info, "abstract", package["description"])
    summary = SubElement(info, "sumDscr")
    for event, name in (("start", "first"), ("end", "last")):
        if package["period"][name]:
            SubElement(summary, "timePrd", {"event": event}).text = package["period"][name]
    _said(summary, "anlyUnit", "decision point")
    use = SubElement(SubElement(study, "dataAccs"), "useStmt")
    _said(use, "conditions", package["licenses"][0]["title"])
    for number, one in enumerate(package["resources"], start=1):
        file = SubElement(SubElement(root, "fileDscr", {"ID": f"F{number}"}), "fileTxt")
        _said(file, "fileName", one["path"])
        _said(file, "fileCont", one["description"])
        sizes = SubElement(file, "dimensns")
        _said(sizes, "caseQnty", str(one["rows"]))
        _said(sizes, "varQnty", str(len(one["schema"]["fields"])))
        _said(file, "fileType", "text/csv; charset=utf-8")
    data = SubElement(root, "dataDscr")
    for number, one in enumerate(package["resources"], start=1):
        for column in one["schema"]["fields"]:
            _variable(data, column, number)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _variable(data: Element, column: Mapping[str, Any], file: int) -> None:
    bounds = column.get("constraints", {})
    discrete = column["type"] == "string" or "enum" in bounds
    found = SubElement(
        data,
        "var",
        {
            "ID": f"F{file}.{column['name']}",
            "name": column["name"],
            "files": f"F{file}",
            "intrvl": "discrete" if discrete else "contin",
        },
    )
    _said(found, "labl", column["name"])
    if "minimum" in bounds or "maximum" in bounds:
        limits = {
            short: str(bounds[long]) for short, long in (("min", "minimum"), ("max", "maximum")) if long in bounds
        }
        SubElement(SubElement(found, "valrng"), "range", limits)
    _said(found, "txt", column["description"])
    for value in bounds.get("enum", ()):
        _said(SubElement(found, "catgry"), "catValu", str(value))
    SubElement(found, "varFormat", {"type": "character" if column["type"] == "string" else "numeric"})


def _said(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text
