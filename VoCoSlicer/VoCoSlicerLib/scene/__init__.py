"""A result in a MRML scene: volume, segmentation, and the scene as a file."""
