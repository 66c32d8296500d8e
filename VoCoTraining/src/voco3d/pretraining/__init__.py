"""VoCo pre-training."""
