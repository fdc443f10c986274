"""`xlnet-pipeline serve`: serves a model over HTTP, with a page to try it out."""

from __future__ import annotations

import argparse

from components import interruption

HELP = "serve a pushed model over HTTP, with a page to try it"
EXAMPLES = """\
  xlnet-pipeline serve runs/sample                then open http://127.0.0.1:8501/
  xlnet-pipeline serve runs/sample/serving --name sentiment --port 9000
  curl -d '{"instances": [{"text_a": "Lovely."}]}' \\
      http://127.0.0.1:8501/v1/models/xlnet:predict
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the model's folder, the address and the limits."""
    parser.add_argument(
        "model", help="output of a run, folder that it pushed to, or one SavedModel"
    )
    parser.add_argument(
        "--name", default="xlnet", help="name of the model in URLs (default: %(default)s)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    # 8501 is TF Serving's port for REST.
    parser.add_argument(
        "--port", type=int, default=8501, help="port to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--max-body-bytes",
        type=int,
        default=1 << 20,
        help="largest request body in bytes (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=30,
        help="seconds until a request gets 408 or 504 (default: %(default)s)",
    )
    parser.add_argument(
        "--cors-origin",
        dest="origins",
        action="append",
        default=[],
        metavar="ORIGIN",
        help='origin whose pages may call the server, such as https://shop.example, or "*" for '
        "all; may be repeated",
    )


def run(options: argparse.Namespace) -> int:
    """Serves until the process is interrupted; returns the exit status."""
    # The first process of a container is not ended by a signal that it has no handler for, and the
    # server has one only once the model is loaded.
    with interruption.termination_as_exit():
        from components.serving import server
        from pipeline import pushed_folder

        config = server.ServerConfig(
            name=options.name,
            max_body_bytes=options.max_body_bytes,
            timeout_seconds=options.timeout,
            origins=tuple(options.origins),
        )
        server.run(pushed_folder.of(options.model), config, host=options.host, port=options.port)
    return 0
