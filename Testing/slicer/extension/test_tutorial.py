"""The tutorial's pictures, links and names are there, and it has the parts that users need."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from Testing.slicer.extension.places import MODULE, RESOURCES, ROOT

TUTORIAL = MODULE / "README.md"
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchor(heading: str) -> str:
    """As GitHub names a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def links() -> list[str]:
    return [link for link in LINK.findall(TUTORIAL.read_text()) if "://" not in link]


@pytest.mark.parametrize("link", links())
def test_each_link_leads_somewhere(link: str):
    path, _, place = link.partition("#")
    target = (MODULE / path).resolve() if path else TUTORIAL

    assert target.is_file()
    assert target.is_relative_to(ROOT)
    if place:
        headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
        assert place in {anchor(heading) for heading in headings}


def test_it_has_the_parts_that_users_and_the_catalogue_need():
    headings = re.findall(r"^## (.+)$", TUTORIAL.read_text(), re.MULTILINE)

    assert headings == [
        "What you need",
        "Install",
        "Tutorial: from a CT to a corrected, exported segmentation",
        "More",
        "When something goes wrong",
        "What it does not do",
        "Privacy",
        "Publication and licence",
    ]


def test_buttons_in_the_tutorial_are_called_as_in_the_window():
    """What is bold and not a heading of a table or list must be a text of a form."""
    words = set()
    for form in (RESOURCES / "UI").glob("*.ui"):
        for string in ElementTree.parse(form).getroot().iter("string"):
            words.add((string.text or "").replace("&", "").rstrip(".…: "))
    named = {"Volume", "Model", "Structures", "Result", "Apply", "Copy", "Export CSV", "Cancel"}
    named |= {"Show in 3D", "Measure again", "Segment"}
    named |= {"Show bases", "Show plot", "Go to crop", "Sweep", "Export", "Remove"}
    named |= {"Link", "Side by side"}
    text = TUTORIAL.read_text()

    for name in named:
        assert f"**{name}" in text, name
        assert name in words, name


def test_pictures_say_that_they_are_not_slicer():
    text = TUTORIAL.read_text()

    assert Path("screenshots") in {
        Path(link).parent.relative_to("../Resources")
        for link in links()
        if link.endswith(".png") and "screenshots" in link
    }
    assert "without 3D Slicer" in text
    assert "has not been run inside 3D Slicer" in text
