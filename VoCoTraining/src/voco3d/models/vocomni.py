"""What the 21 classes of the authors' VoComni checkpoints mean, and how to feed them.

The labels behind VoComni are pseudo-labels. Its HU window clips the lungs, so the COVID-19 lesion
and lung cancer classes deserve little confidence.
"""

from voco3d.data import Preprocessing
from voco3d.models.model import Card
from voco3d.models.structures import (
    ALTERED_STRUCTURE,
    ANATOMICAL_STRUCTURE,
    LEFT,
    RIGHT,
    Code,
    Structure,
)

PREPROCESSING = Preprocessing(spacing=(1.5, 1.5, 1.5), intensity=(-175.0, 250.0))
WINDOW = (96, 96, 96)
OVERLAP = 0.5

CARD = Card(
    task="Segments 20 structures and lesions of trunk CTs (VoComni)",
    description=(
        "Weights released by the authors of VoCo, imported from a file. They were trained on "
        "pseudo-labels. The HU window clips the lungs: COVID-19 lesion and lung cancer deserve "
        "little confidence."
    ),
    data="VoComni (pseudo-labelled CTs collected by the authors of VoCo)",
    licence="not stated by the authors",
    authors="Wu, Zhuang, Chen: VoCo",
)


def _organ(
    name: str,
    color: tuple[int, int, int],
    value: str,
    meaning: str,
    side: Code | None = None,
) -> Structure:
    return Structure(name, color, ANATOMICAL_STRUCTURE, Code("SCT", value, meaning), side)


def _finding(
    name: str, color: tuple[int, int, int], type_: Code, value: str, meaning: str
) -> Structure:
    return Structure(name, color, ALTERED_STRUCTURE, type_, region=Code("SCT", value, meaning))


NEOPLASM = Code("SCT", "108369006", "Neoplasm")
LESION = Code("SCT", "52988006", "Lesion")

STRUCTURES = (
    _organ("spleen", (157, 108, 162), "78961009", "Spleen"),
    _organ("right kidney", (185, 102, 83), "64033007", "Kidney", RIGHT),
    _organ("left kidney", (205, 122, 103), "64033007", "Kidney", LEFT),
    _organ("gallbladder", (139, 150, 98), "28231008", "Gallbladder"),
    _organ("esophagus", (211, 171, 143), "32849002", "Esophagus"),
    _organ("liver", (221, 130, 101), "10200004", "Liver"),
    _organ("stomach", (216, 132, 105), "69695003", "Stomach"),
    _organ("aorta", (224, 97, 76), "15825003", "Aorta"),
    _organ("inferior vena cava", (0, 151, 206), "64131007", "Inferior vena cava"),
    _organ("portal and splenic veins", (0, 111, 186), "32764006", "Portal vein"),
    _organ("pancreas", (249, 180, 111), "15776009", "Pancreas"),
    _organ("right adrenal gland", (249, 186, 150), "23451007", "Adrenal gland", RIGHT),
    _organ("left adrenal gland", (229, 166, 130), "23451007", "Adrenal gland", LEFT),
    _finding("liver tumor", (144, 238, 144), NEOPLASM, "10200004", "Liver"),
    _finding("pancreas tumor", (120, 214, 120), NEOPLASM, "15776009", "Pancreas"),
    _finding("kidney tumor", (96, 190, 96), NEOPLASM, "64033007", "Kidney"),
    _finding("COVID-19 lesion", (253, 232, 158), LESION, "39607008", "Lung"),
    _organ("colon", (204, 168, 143), "71854001", "Colon"),
    _finding("colon cancer", (72, 166, 72), NEOPLASM, "71854001", "Colon"),
    _finding("lung cancer", (48, 142, 48), NEOPLASM, "39607008", "Lung"),
)
