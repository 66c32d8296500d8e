"""LiTS: the Liver Tumor Segmentation challenge."""

from voco3d.presets.preset import Layout, Preset, file, numbered

VALIDATION = (
    *("2", "3", "14", "16", "17", "48", "49", "51", "57", "65", "67", "70", "74", "81", "85"),
    *("92", "99", "100", "101", "103", "116", "123", "126"),
)

LITS = Preset(
    name="lits",
    title="LiTS, liver and its tumours on CT",
    source="https://competitions.codalab.org/competitions/17094, or as Task03_Liver from "
    "http://medicaldecathlon.com",
    licence="the terms of the challenge; as part of the Decathlon CC BY-SA 4.0",
    layouts=(
        Layout(
            "Training Batch 1/volume-0.nii with segmentation-0.nii",
            file(r"volume-(?P<case>\d+)"),
            file(r"segmentation-(?P<case>\d+)"),
        ),
        Layout(
            "imagesTr/liver_0.nii.gz with labelsTr/liver_0.nii.gz (Decathlon, nnU-Net)",
            file(r"imagesTr/liver_(?P<case>\d+)(?:_0000)?"),
            file(r"labelsTr/liver_(?P<case>\d+)"),
        ),
    ),
    count=131,
    labels=numbered({1: "liver", 2: "liver tumor"}),
    cases=tuple(str(number) for number in range(131)),
    validation=VALIDATION,
)
