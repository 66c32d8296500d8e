"""VoCo results in a MRML scene, free of Qt: for 3D Slicer and for slicer-core."""
