"""Writing results: Slicer segmentation, label map, DICOM SEG; never half-written."""
