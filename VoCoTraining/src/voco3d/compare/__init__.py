"""Fine-tuning runs side by side: initialisation x number of labelled cases x seed."""
