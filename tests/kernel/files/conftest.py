"""Stores as they are in use: a directory, and a bucket of a real server that speaks S3."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from tests.kernel.files.stores import BucketStore, DirectoryStore, Store

from tradehall.settings import Settings


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """A server in a process of its own, so that what it holds in memory is not taken for ours."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            assert server.poll() is None, "the S3 server did not start"
            assert time.monotonic() < until
            time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


@pytest.fixture
def directory(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(Settings(data_dir=tmp_path))


@pytest.fixture
def bucket(s3_address: str) -> BucketStore:
    name = f"evidence-{uuid4().hex[:8]}"
    client = boto3.client(
        "s3", endpoint_url=s3_address, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket=name)
    return BucketStore(
        Settings(
            file_store=f"s3://{name}/hall/files",
            s3_endpoint=s3_address,
            s3_access_key="key",
            s3_secret_key="secret",
            s3_allow_http=True,
        ),
        client,
        name,
    )


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each kind of store in turn."""
    found: Store = request.getfixturevalue(request.param)
    return found
