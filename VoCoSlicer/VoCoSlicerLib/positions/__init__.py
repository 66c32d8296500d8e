"""What a network says about places in a volume, as nodes of the scene."""
