"""MSD Spleen: task 9 of the Medical Segmentation Decathlon."""

from voco3d.presets.preset import Layout, Preset, file, numbered

TEST = {1, 4, 5, 7, 11, 15, 23, 30, 34, 35, 36, 37, 39, 42, 43, 48, 50, 51, 54, 55, 57, 58}
"""Numbers from 1 to 63 that are test images, or that nothing has."""

MSD_SPLEEN = Preset(
    name="msd-spleen",
    title="MSD Spleen, the spleen on CT",
    source="http://medicaldecathlon.com (Task09_Spleen.tar)",
    licence="CC BY-SA 4.0",
    layouts=(
        Layout(
            "Task09_Spleen/imagesTr/spleen_2.nii.gz with labelsTr/spleen_2.nii.gz",
            file(r"imagesTr/spleen_(?P<case>\d+)(?:_0000)?"),
            file(r"labelsTr/spleen_(?P<case>\d+)"),
        ),
    ),
    count=41,
    labels=numbered({1: "spleen"}),
    cases=tuple(str(number) for number in range(1, 64) if number not in TEST),
    validation=("10", "13", "14", "17", "31", "33", "44", "47", "56"),
)
