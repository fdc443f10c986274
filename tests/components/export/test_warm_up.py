from tensorflow_serving.apis import prediction_log_pb2

from components import tfrecords
from components.export import warm_up


def test_requests_are_where_and_what_tf_serving_reads(tmp_path):
    texts = warm_up.short_and_long_text(64)
    warm_up.write(
        str(tmp_path), "serving_default", [{"text_a": [t], "text_b": [""]} for t in texts]
    )
    path = tmp_path / "assets.extra" / "tf_serving_warmup_requests"
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record)
        for record in tfrecords.read_records(str(path))
    ]
    read = warm_up.read(str(tmp_path))
    assert [(name, inputs["text_a"].tolist()) for name, inputs in read] == [
        ("serving_default", [text.encode()]) for text in texts
    ]
    assert warm_up.read(str(tmp_path / "nowhere")) == []
    assert [len(text.split()) for text in texts] == [1, 64]
    for log, text in zip(logs, texts, strict=True):
        request = log.predict_log.request
        assert request.model_spec.signature_name == "serving_default"
        assert list(request.inputs["text_a"].string_val) == [text.encode()]
