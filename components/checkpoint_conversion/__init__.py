"""Published TF1 and Hugging Face weights in; Hugging Face weights out."""
