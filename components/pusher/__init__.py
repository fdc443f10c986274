"""Ships a blessed model with TFX's Pusher, adding what its evaluation has found out."""
