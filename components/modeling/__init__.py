"""XLNet in TensorFlow 2: the encoder, the heads of all tasks, and their losses."""
