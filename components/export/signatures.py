"""Names of the signatures of exported models."""

# Takes text.
SERVING_DEFAULT = "serving_default"
# Takes serialized raw tf.Examples.
SERVING_TF_EXAMPLES = "serving_tf_examples"
# Takes ready ids.
SERVING_IDS = "serving_ids"
# Takes serialized records of question answering.
SERVING_RECORDS = "serving_records"
