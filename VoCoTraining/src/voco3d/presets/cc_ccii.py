"""CC-CCII: chest CTs of the China Consortium of Chest CT Image Investigation."""

import re

from voco3d.presets.preset import Layout, Preset, file

SCAN = r"(?P<category>NCP|CP|Normal)(?:-\d+)?/(?P<patient>[^/]+)/(?P<case>[^/]+)"

CC_CCII = Preset(
    name="cc-ccii",
    title="CC-CCII, COVID-19 (NCP), other pneumonia (CP) or neither on chest CT",
    source="http://ncov-ai.big.ac.cn/download",
    licence="the terms of the China National Center for Bioinformation, shown there",
    layouts=(
        Layout("NCP/206/1556.nii.gz: class, patient, scan", file(rf"{SCAN}(?:/[^/]+)?")),
        Layout(
            "NCP/206/1556/0000.png: class, patient, scan, slice",
            re.compile(rf"(?:.*/)?{SCAN}/[^/]+\.(?:png|jpe?g)", re.IGNORECASE),
            slices=True,
        ),
    ),
    count=2742,
    categories=("Normal", "CP", "NCP"),
    folds=3,
)
