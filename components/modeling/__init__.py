"""XLNet in TensorFlow 2."""
