"""A small synthetic data set that comes with the project, so that a first run needs no download."""

import pathlib

# Below it: classification/, corpus/ and question_answering/.
SAMPLE_DATA_DIRECTORY = pathlib.Path(__file__).resolve().parent
