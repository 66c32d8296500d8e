"""Training from the window: jobs that outlive Slicer, data sets of the scene, live curves."""
