"""BTCV: Multi-Atlas Labeling Beyond the Cranial Vault, the abdomen."""

from voco3d.presets.preset import Layout, Preset, file, numbered

LABELS = numbered(
    {
        1: "spleen",
        2: "right kidney",
        3: "left kidney",
        4: "gallbladder",
        5: "esophagus",
        6: "liver",
        7: "stomach",
        8: "aorta",
        9: "inferior vena cava",
        10: "portal and splenic veins",
        11: "pancreas",
        12: "right adrenal gland",
        13: "left adrenal gland",
    }
)

BTCV = Preset(
    name="btcv",
    title="BTCV, 13 abdominal organs on CT",
    source="https://www.synapse.org/Synapse:syn3193805 (Abdomen/RawData.zip)",
    licence="the terms of use of Synapse, for registered users",
    layouts=(
        Layout(
            "RawData/Training/img/img0001.nii.gz with label/label0001.nii.gz",
            file(r"Training/img/img(?P<case>\d{4})"),
            file(r"Training/label/label(?P<case>\d{4})"),
        ),
        Layout(
            "imagesTr/img0001.nii.gz with labelsTr/label0001.nii.gz (Decathlon, nnU-Net)",
            file(r"imagesTr/[^/]*?(?P<case>\d{3,4})(?:_0000)?"),
            file(r"labelsTr/[^/]*?(?P<case>\d{3,4})"),
        ),
    ),
    count=30,
    labels=LABELS,
    cases=tuple(f"{number:04}" for number in (*range(1, 11), *range(21, 41))),
    validation=tuple(f"{number:04}" for number in range(35, 41)),
)
