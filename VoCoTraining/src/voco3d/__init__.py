"""SlicerVoCo's standalone package: CT segmentation with VoCo networks."""
