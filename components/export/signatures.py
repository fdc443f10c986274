"""Names of the signatures of exported models."""

# Takes texts.
SERVING_DEFAULT = "serving_default"
# Takes serialized raw tf.Examples.
SERVING_TF_EXAMPLES = "serving_tf_examples"
# Takes token ids, i.e. text that is already tokenised.
SERVING_IDS = "serving_ids"
# Takes serialized question answering records.
SERVING_RECORDS = "serving_records"
