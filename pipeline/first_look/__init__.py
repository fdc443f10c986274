"""Looks at files that nobody has described yet, and says in plain words what is in them.

`source` recognises what a path holds, `table`, `questions` and `documents` read it with the readers
of the components, and `wording` says what was found. Nothing here imports TensorFlow or TFX.
"""
