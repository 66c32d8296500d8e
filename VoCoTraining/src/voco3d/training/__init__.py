"""What pre-training and fine-tuning share: the trainer, checkpoints, draws, options, records."""
