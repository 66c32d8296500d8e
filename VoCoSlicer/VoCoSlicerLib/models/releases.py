"""The weights that the authors of VoCo released.

They are not part of this extension: the user downloads them after accepting that their licence is
not stated, or brings a file to a machine without a network.
"""

from dataclasses import dataclass

from slicer.i18n import tr as _

PLACE = "https://huggingface.co/Luffy503/VoCo"


@dataclass(frozen=True)
class Release:
    """One released file.

    Attributes:
        name: of the model.
        megabytes: size of the file, about.
        segments: whether it segments; otherwise it is an encoder to fine-tune.
        refusal: why it cannot be used, or None.
    """

    name: str
    megabytes: int
    segments: bool = True
    refusal: str | None = None

    @property
    def address(self) -> str:
        """Where the file is downloaded from."""
        return f"{PLACE}/resolve/main/{self.file}"

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.name}.pt"

    @property
    def size(self) -> str:
        """The size as shown: "290 MB"."""
        if self.megabytes < 1000:
            return f"{self.megabytes} MB"
        return f"{self.megabytes / 1000:.1f} GB"

    @property
    def task(self) -> str:
        """What it does, one line."""
        if self.segments:
            return _("Segments 20 structures and lesions of trunk CTs")
        return _("Encoder to fine-tune; it does not segment by itself")

    @property
    def data(self) -> str:
        """What it was trained on."""
        if self.segments:
            return _("VoComni, CTs with pseudo-labels")
        return _("pre-training of the authors on CTs without labels")


def releases() -> tuple[Release, ...]:
    """All releases, in the order shown."""
    return (
        Release("VoComni_B", 291),
        Release("VoComni_L", 1160),
        Release("VoComni_H", 4800),
        Release("VoCo_B_SSL_head", 213, segments=False),
        Release("VoCo_L_SSL_head", 848, segments=False),
        Release("VoCo_H_SSL_head", 3270, segments=False),
        Release(
            "VoComni_nnunet",
            125,
            refusal=_(
                "This file is an nnU-Net, which is not read here: use it with the SlicerNNUnet "
                "extension, or take VoComni_B instead."
            ),
        ),
    )
