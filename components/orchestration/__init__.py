"""Starts a component inside a container of Kubeflow Pipelines or Vertex AI."""
