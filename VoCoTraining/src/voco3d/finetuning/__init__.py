"""Training a network, pre-trained or not, on labelled images."""
