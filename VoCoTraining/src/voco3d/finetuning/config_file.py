"""The options of a fine-tuning run in YAML files and on the command line."""

from voco3d.finetuning.config import FinetuneConfig
from voco3d.training.config_file import ConfigFile

FINETUNING = ConfigFile("voco finetune", FinetuneConfig, "data list (dataset.json)")
