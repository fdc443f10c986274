"""A small synthetic data set that comes with the project, so that a first run needs no download.

The files are made by `pipeline.sample_data.generate`.
"""

import pathlib

# It contains classification/, corpus/ and question_answering/.
SAMPLE_DATA_DIRECTORY = pathlib.Path(__file__).resolve().parent
