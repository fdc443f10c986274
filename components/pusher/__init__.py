"""Shipping a model: TFX's Pusher, and what an evaluation adds to the copy that is shipped."""
