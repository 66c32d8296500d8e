"""What is written down of a pre-training run."""

TRAINING_COLUMNS = (
    "step",
    "seconds",
    "loss",
    "prediction",
    "regularisation",
    "inter_volume",
    "gradient_norm",
    "learning_rate",
    "volumes_per_second",
    "waiting_share",
    "gpu_memory_gib",
)
"""The training record: a row every few steps."""
PROBE_COLUMNS = (
    "step",
    "seconds",
    "total_steps",
    "warmup_steps",
    "crops",
    "chance",
    "untrained",
    "top1",
    "overlap_error",
    "reference_top1",
    "reference_overlap_error",
    "prediction",
    "regularisation",
    "similarity",
    "effective_rank",
    "deviation",
    "channels",
)
"""The probe's record: a row a probe; ``similarity`` is the mean over pairs of bases."""
