"""The OpenAPI document says what the server does: its routes, and the form of its answers."""

import asyncio
import json

import jsonschema
import pytest
from aiohttp.test_utils import TestClient, TestServer

from components.serving.server import Server, ServerConfig
from tests.components.serving.test_server import rows


@pytest.fixture(scope="module")
def document(project_root):
    return json.loads((project_root / "components/serving/static/openapi.json").read_text())


@pytest.fixture
def server(serving_dir):
    return Server(str(serving_dir), ServerConfig(name="letters"))


def _with_schemas(schema, document):
    return {**schema, "components": document["components"]}


def _resolved(found, document):
    if "$ref" in found:
        for part in found["$ref"].removeprefix("#/").split("/"):
            document = document[part]
        return document
    return found


def test_every_route_is_described_and_nothing_else(server, document):
    app = server.make_app()
    there = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.method != "HEAD"
    }
    described = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    }
    assert described == there


def test_schemas_are_legal_and_examples_have_their_form(document):
    ids = []
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for methods in document["paths"].values():
        for method, operation in methods.items():
            if method == "parameters":
                continue
            ids.append(operation["operationId"])
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                for kind, media in _resolved(body, document).get("content", {}).items():
                    examples = [one["value"] for one in media.get("examples", {}).values()]
                    if "example" in media and kind == "application/json":
                        examples.append(media["example"])
                    for example in examples:
                        jsonschema.Draft202012Validator(
                            _with_schemas(media["schema"], document)
                        ).validate(example)
    assert len(set(ids)) == len(ids)


def test_answers_have_the_described_form(server, document):
    asked = [
        ("post", "/v1/models/{name}:predict", rows("aab")),
        ("post", "/v1/models/{name}:predict", b'{"inputs": {"text_a": ["a"], "text_b": [""]}}'),
        ("post", "/v1/models/{name}/versions/{version}:predict", rows("a")),
        ("post", "/v1/models/{name}:predict", b"{"),
        ("post", "/v1/models/{name}:predict", rows("nan")),
        ("post", "/v1/models/{name}:reach", rows("aab")),
        ("post", "/v1/models/{name}:predict_file", b'{"text_a": "aab"}\n'),
        ("post", "/v1/models/{name}:predict_file?input=x.csv&output=y.json", b"text_a\naab\n"),
        ("post", "/v1/models/{name}:predict_file?input=x.csv&output=y.csv", b"text_a\n\n"),
        ("post", "/v1/models/{name}:predict_file?input=x.csv", b"nothing\na\n"),
        *(("get", path, None) for path, methods in document["paths"].items() if "get" in methods),
    ]

    async def run():
        async with TestClient(TestServer(server.make_app())) as client:
            for method, path, body in asked:
                address = path.replace("{name}", "letters").replace("{version}", "12")
                response = await client.request(method, address, data=body)
                described = document["paths"][path.partition("?")[0]][method]["responses"]
                found = _resolved(described[str(response.status)], document)
                media = found["content"][response.content_type]
                if response.content_type == "application/json":
                    content = await response.json()
                    jsonschema.Draft202012Validator(
                        _with_schemas(media["schema"], document)
                    ).validate(content)

    asyncio.run(run())
