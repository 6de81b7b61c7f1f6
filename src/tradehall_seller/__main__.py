"""`python -m tradehall_seller`: the sample seller as a server. Its first line of output is its address, as JSON."""

import argparse
import json
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tradehall_seller.book import BookDamaged, BookInUse
from tradehall_seller.crypt import CryptographyMissing
from tradehall_seller.sample import BREACHES, MANNERS, SampleSeller, SampleSellerV1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    chosen = parser.parse_args(arguments)
    keys = chosen.key or [os.environ.get("TRADEHALL_SELLER_KEY", "")]
    if not all(keys):
        sys.stderr.write("An access key is needed: --key, or the environment's TRADEHALL_SELLER_KEY.\n")
        return 2
    if chosen.generation == "v2" and chosen.manner in BREACHES and chosen.manner not in SampleSeller.breaches:
        parser.error(f"--manner {chosen.manner} is for --generation v1")
    try:
        import uvicorn
    except ImportError:
        sys.stderr.write("The sample server runs on uvicorn, which is not installed: pip install uvicorn\n")
        return 1
    try:
        seller = _seller(chosen, keys)
    except (CryptographyMissing, BookInUse, BookDamaged, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1

    config = uvicorn.Config(
        seller,
        # Some marketplaces mind how Body-Sign is written, and uvicorn's other implementation writes it in lower case.
        http="h11" if chosen.generation == "v1" else "auto",
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    with socket.create_server((chosen.host, chosen.port), family=family, backlog=config.backlog) as listener:
        port = listener.getsockname()[1]
        host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
        # It listens already: whoever calls from now on is answered, if only when the server has started.
        said = {"address": f"http://{host}:{port}/", "generation": chosen.generation, "manner": chosen.manner}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
    return 0


def _seller(chosen: argparse.Namespace, keys: list[str]) -> SampleSeller | SampleSellerV1:
    settings = {
        "manner": chosen.manner,
        "ready_after": chosen.ready_after,
        "hang_for": chosen.hang_for,
        "seed": chosen.seed,
        "book": chosen.book,
        "used": chosen.used,
        "allow_control": chosen.allow_control,
    }
    if chosen.generation == "v1":
        return SampleSellerV1(keys, encryption=chosen.encryption, **settings)
    return SampleSeller(keys, **settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tradehall_seller", description="A sample seller.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", action="append", help="the access key; once more for each that is accepted besides")
    parser.add_argument("--generation", choices=("v1", "v2"), default="v2", help="of the protocol")
    parser.add_argument("--encryption", choices=("aes128", "aes256"), default="aes256", help="of V1's accounts")
    parser.add_argument("--manner", choices=(*MANNERS, *BREACHES), default="instant", help="how it behaves")
    parser.add_argument("--ready-after", type=float, default=5.0, metavar="SECONDS", help="how slow slow is")
    parser.add_argument("--hang-for", type=float, default=30.0, metavar="SECONDS", help="how long a hanging call hangs")
    parser.add_argument("--seed", type=int, default=0, help="which failures a flaky seller has")
    parser.add_argument("--used", type=float, default=0.0, metavar="N", help="in use: a change to less is refused")
    parser.add_argument("--book", type=Path, metavar="FILE", help="keep instances across restarts")
    parser.add_argument("--allow-control", action="store_true", help="POST /_manner?name=… from this machine")
    return parser


if __name__ == "__main__":
    sys.exit(main())
