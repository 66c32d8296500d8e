"""The options of a pre-training run in YAML files and on the command line."""

from voco3d.pretraining.config import PretrainConfig
from voco3d.training.config_file import ConfigFile

PRETRAINING = ConfigFile("voco pretrain", PretrainConfig, "training cache (voco cache build)")

config_parser, parse = PRETRAINING.parser, PRETRAINING.parse
read_config, write_config = PRETRAINING.read, PRETRAINING.write
