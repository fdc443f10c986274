"""Converts weights between the published TF1 layout, which we also use, and Hugging Face's."""
