"""Vertex AI's gRPC services on loopback, and a client library that finds them there."""

import contextlib
from collections.abc import Iterator, Mapping
from concurrent import futures
from typing import Any

import google.auth
import grpc
import pytest
from google.auth import credentials
from google.cloud.aiplatform.utils import gcs_utils


@contextlib.contextmanager
def serve(service: str, methods: Mapping[str, grpc.RpcMethodHandler]) -> Iterator[str]:
    """Serves methods of a service; gives the address."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    handler = grpc.method_handlers_generic_handler(service, methods)
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None)


def redirect(monkeypatch: pytest.MonkeyPatch, transport: Any, address: str) -> None:
    """Lets a transport of the client library connect to `address`, without credentials."""
    anonymous = credentials.AnonymousCredentials()
    monkeypatch.setattr(google.auth, "default", lambda *_, **__: (anonymous, "project"))
    monkeypatch.setattr(
        transport, "create_channel", lambda *_, **__: grpc.insecure_channel(address)
    )
    # It asks the storage service about the bucket, with retries that take minutes.
    monkeypatch.setattr(
        gcs_utils,
        "create_gcs_bucket_for_pipeline_artifacts_if_it_does_not_exist",
        lambda **_: None,
    )
