"""Names of the signatures of exported models."""

# Takes texts.
SERVING_DEFAULT = "serving_default"
# Takes serialized raw tf.Examples.
SERVING_TF_EXAMPLES = "serving_tf_examples"
# Takes token ids, i.e. text that is already tokenised.
SERVING_IDS = "serving_ids"
# Takes serialized question answering records.
SERVING_RECORDS = "serving_records"

# Where a pushed model has rows to try, for the page of the server. TF Serving ignores unknown files
# in this folder of a SavedModel.
EXAMPLES_PATH = ("assets.extra", "examples.json")
