"""The options of a comparison in YAML files and on the command line."""

from voco3d.compare.config import CompareConfig
from voco3d.training.config_file import ConfigFile

COMPARISON = ConfigFile("voco compare", CompareConfig, "labelled cases (dataset.json)")

config_parser, parse = COMPARISON.parser, COMPARISON.parse
read_config, write_config = COMPARISON.read, COMPARISON.write
