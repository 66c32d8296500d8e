"""BraTS 21: the brain tumour segmentation challenge of 2021, task 1."""

from voco3d.presets.preset import Labels, Layout, Preset, file

LABELS = Labels(
    {"whole tumor": (1, 2, 4), "tumor core": (1, 4), "enhancing tumor": (4,)}, written=(2, 1, 4)
)
"""1 is necrosis, 2 edema, 4 enhancing tumor."""

RENUMBERED = Labels(
    {"whole tumor": (1, 2, 3), "tumor core": (2, 3), "enhancing tumor": (3,)}, written=(1, 2, 3)
)
"""As nnU-Net's conversion numbers them: 1 is edema, 2 necrosis, 3 enhancing tumor."""

BRATS21 = Preset(
    name="brats21",
    title="BraTS 21, three regions of brain tumours on four MR images",
    source="https://www.synapse.org/Synapse:syn25829067 (RSNA-ASNR-MICCAI BraTS 2021, task 1)",
    licence="the terms of use of Synapse, for registered users",
    layouts=(
        Layout(
            "BraTS2021_00000/BraTS2021_00000_flair.nii.gz with ..._seg.nii.gz",
            file(r"(?P<case>BraTS2021_\d{5})_(?P<channel>flair|t1ce|t1|t2)"),
            file(r"(?P<case>BraTS2021_\d{5})_seg"),
            ("flair", "t1ce", "t1", "t2"),
        ),
        Layout(
            "imagesTr/BraTS2021_00000_0000.nii.gz with labelsTr/BraTS2021_00000.nii.gz (nnU-Net)",
            file(r"imagesTr/(?P<case>BraTS2021_\d{5})_(?P<channel>000[0-3])"),
            file(r"labelsTr/(?P<case>BraTS2021_\d{5})"),
            ("0003", "0001", "0000", "0002"),
            RENUMBERED,
        ),
    ),
    count=1251,
    channels=("flair", "t1ce", "t1", "t2"),
    labels=LABELS,
    folds=5,
)
