"""MM-WHS: Multi-Modality Whole Heart Segmentation, the CT part."""

from voco3d.presets.preset import Layout, Preset, file, numbered

LABELS = numbered(
    {
        205: "myocardium",
        420: "left atrium",
        500: "left ventricle",
        550: "right atrium",
        600: "right ventricle",
        820: "ascending aorta",
        850: "pulmonary artery",
    }
)

MM_WHS = Preset(
    name="mm-whs",
    title="MM-WHS, 7 structures of the heart on CT",
    source="https://zmiclab.github.io/zxh/0/mmwhs",
    licence="for research, on request from the organisers",
    layouts=(
        Layout(
            "ct_train/ct_train_1001_image.nii.gz with ct_train_1001_label.nii.gz",
            file(r"ct_train_(?P<case>\d{4})_image"),
            file(r"ct_train_(?P<case>\d{4})_label"),
        ),
    ),
    count=20,
    labels=LABELS,
    cases=tuple(str(number) for number in range(1001, 1021)),
    validation=("1001", "1002", "1003", "1004"),
)
