"""The list of structures holds what the bundled models segment, read by Slicer's own reader."""

import json

import pytest
import slicer

from Testing.slicer.extension.places import PACKAGE
from VoCoSlicerLib.terminology_list import TERMINOLOGY_FILE, load_terminology

Entry = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[int, ...], str]


def code(object_: slicer.vtkCodedEntry) -> tuple[str, ...]:
    return (
        object_.GetCodingSchemeDesignator(),
        object_.GetCodeValue(),
        object_.GetCodeMeaning(),
    )


@pytest.fixture(scope="module")
def logic() -> slicer.vtkSlicerTerminologiesModuleLogic:
    return slicer.vtkSlicerTerminologiesModuleLogic()


def entries_in_slicer(logic: slicer.vtkSlicerTerminologiesModuleLogic) -> list[Entry]:
    """Category, type, modifier, colour and name of each entry that a user can choose."""
    name = load_terminology(logic)
    entries = []
    for n in range(logic.GetNumberOfCategoriesInTerminology(name)):
        category = slicer.vtkSlicerTerminologyCategory()
        assert logic.GetNthCategoryInTerminology(name, n, category)
        for k in range(logic.GetNumberOfTypesInTerminologyCategory(name, category)):
            type_ = slicer.vtkSlicerTerminologyType()
            assert logic.GetNthTypeInTerminologyCategory(name, category, k, type_)
            if not type_.GetHasModifiers():
                entries.append((code(category), code(type_), (), *look(type_)))
                continue
            count = logic.GetNumberOfTypeModifiersInTerminologyType(name, category, type_)
            for m in range(count):
                modifier = slicer.vtkSlicerTerminologyType()
                assert logic.GetNthTypeModifierInTerminologyType(name, category, type_, m, modifier)
                entries.append((code(category), code(type_), code(modifier), *look(modifier)))
    return entries


def look(type_: slicer.vtkSlicerTerminologyType) -> tuple[tuple[int, ...], str]:
    return tuple(type_.GetRecommendedDisplayRGBValue()), type_.GetSlicerLabel()


def structures_of_the_models() -> list[Entry]:
    structures = {}
    for path in PACKAGE.glob("models/bundled/*/configs/metadata.json"):
        for values in json.loads(path.read_text())["voco"].get("classes", []):
            structures[values["name"]] = (
                tuple(values["category"]),
                tuple(values["type"]),
                tuple(values.get("modifier", ())),
                tuple(values["color"]),
                values["name"],
            )
    return list(structures.values())


def test_the_list_holds_the_structures_of_the_models_and_no_others(logic):
    assert len(structures_of_the_models()) >= 5
    assert sorted(entries_in_slicer(logic)) == sorted(structures_of_the_models())


def test_the_file_is_named_as_slicer_finds_terminologies():
    assert TERMINOLOGY_FILE.name.startswith("SegmentationCategoryTypeModifier-")
    assert TERMINOLOGY_FILE.name.endswith(".term.json")


def test_the_list_has_a_name_of_its_own(logic):
    assert load_terminology(logic) == "Segmentation category and type - VoCo"
