"""The module's sample CT in Slicer's Sample Data module: a synthetic head and neck."""

from pathlib import Path

RESOURCES = Path(__file__).resolve().parents[1] / "Resources"
CATEGORY = "VoCo"
SAMPLE_NAME = "VoCoHeadNeckPhantom"
SAMPLE_FILE = RESOURCES / f"SampleData/{SAMPLE_NAME}.nrrd"
SAMPLE_CHECKSUM = "SHA256:d41dbc91a3ea740488b3d07130e65317ab8b804f2cf73d3e84ed185f99d84e96"
THUMBNAIL = RESOURCES / f"Icons/{SAMPLE_NAME}.png"


def register_sample_data() -> None:
    """Add the sample CT to the Sample Data module; it lies on disk and needs no network.

    Call it when Slicer has started: the Sample Data module is loaded then.
    """
    import SampleData  # type: ignore[import-not-found]

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE_NAME,
        uris=SAMPLE_FILE.as_uri(),
        fileNames=SAMPLE_FILE.name,
        nodeNames=SAMPLE_NAME,
        checksums=SAMPLE_CHECKSUM,
        thumbnailFileName=str(THUMBNAIL),
        loadFileType="VolumeFile",
    )
