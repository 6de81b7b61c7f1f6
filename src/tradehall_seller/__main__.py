"""`python -m tradehall_seller`: the sample seller as a server. Its first line of output is its address, as JSON."""

import argparse
import json
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tradehall_seller.sample import MANNERS, SampleSeller


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    if not chosen.key:
        sys.stderr.write("An access key is needed: --key, or the environment's TRADEHALL_SELLER_KEY.\n")
        return 2
    try:
        import uvicorn
    except ImportError:
        sys.stderr.write("The sample server runs on uvicorn, which is not installed: pip install uvicorn\n")
        return 1

    seller = SampleSeller(
        chosen.key,
        manner=chosen.manner,
        ready_after=chosen.ready_after,
        hang_for=chosen.hang_for,
        seed=chosen.seed,
        book=chosen.book,
        allow_control=chosen.allow_control,
    )
    config = uvicorn.Config(seller, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    with socket.create_server((chosen.host, chosen.port), family=family, backlog=config.backlog) as listener:
        port = listener.getsockname()[1]
        host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
        # It listens already: whoever calls from now on is answered, if only when the server has started.
        sys.stdout.write(json.dumps({"address": f"http://{host}:{port}/", "manner": chosen.manner}) + "\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tradehall_seller", description="A sample V2 seller.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", default=os.environ.get("TRADEHALL_SELLER_KEY", ""), help="the access key")
    parser.add_argument("--manner", choices=MANNERS, default="instant")
    parser.add_argument("--ready-after", type=float, default=5.0, metavar="SECONDS", help="how slow slow is")
    parser.add_argument("--hang-for", type=float, default=30.0, metavar="SECONDS", help="how long a hanging call hangs")
    parser.add_argument("--seed", type=int, default=0, help="which failures a flaky seller has")
    parser.add_argument("--book", type=Path, metavar="FILE", help="keep instances across restarts")
    parser.add_argument("--allow-control", action="store_true", help="POST /_manner?name=… from this machine")
    return parser


if __name__ == "__main__":
    sys.exit(main())
