"""The root behind HashiCorp Vault's transit engine, or OpenBao's: `root.transit` holds it encrypted there.

Three calls of their HTTP API, `POST /v1/MOUNT/{encrypt,decrypt,rewrap}/KEY`. The environment says where and who,
as for their own programs: VAULT_ADDR, VAULT_TOKEN_FILE (or VAULT_TOKEN), VAULT_CACERT, VAULT_NAMESPACE.
What the server says of an error is not repeated: a sentence of ours tells what to look at.
"""

import base64
import http.client
import ipaddress
import json
import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from havre.keeper.places import CannotStart
from havre.keeper.roots import ROOT_BYTES, private

TIMEOUT_SECONDS = 5.0
MAX_ANSWER = 1 << 16
_KEY = re.compile(r"(?:(?P<mount>\w[\w.-]*(?:/\w[\w.-]*)*)/)?(?P<key>\w[\w.-]*)", re.ASCII)
_CIPHERTEXT = re.compile(r"vault:v\d+:[A-Za-z0-9+/]+={0,2}")


class Transit:
    """A sealing by a key that never leaves the Vault. `where` is [MOUNT/]KEY; the mount is "transit" if not said."""

    name = "transit"
    file = "root.transit"

    def __init__(self, where: str, environ: Mapping[str, str] = os.environ) -> None:
        parts = _KEY.fullmatch(where)
        if parts is None:
            raise CannotStart(f"--root transit:[MOUNT/]KEY is expected; {where!r} is not such a name.")
        self._mount, self._key = parts["mount"] or "transit", parts["key"]
        self._environ = environ

    def seal(self, root: bytes, present: bytes | None) -> bytes:
        return self._verified(self._asked("encrypt", {"plaintext": base64.b64encode(root).decode()}), root)

    def open(self, content: bytes, path: Path) -> bytes:
        ciphertext = content.decode("ascii", "replace").strip()
        if not _CIPHERTEXT.fullmatch(ciphertext):
            raise CannotStart(f"{path} is damaged: put the saved one back.")
        root = self._decrypted(ciphertext)
        if len(root) != ROOT_BYTES:
            raise CannotStart(f"{path} does not hold a root: put the saved one back.")
        return root

    def again(self, content: bytes, path: Path) -> bytes:
        """The same root under the newest version of the key."""
        root = self.open(content, path)
        return self._verified(self._asked("rewrap", {"ciphertext": content.decode().strip()}), root)

    def _verified(self, answer: dict[str, Any], root: bytes) -> bytes:
        """The ciphertext, once it was seen to open: a token may be allowed to encrypt and not to decrypt."""
        ciphertext = str(answer.get("ciphertext"))
        if not _CIPHERTEXT.fullmatch(ciphertext) or self._decrypted(ciphertext) != root:
            raise CannotStart(
                f"The Vault does not give back what it encrypted under {self._key}: nothing was kept."
            )
        return f"{ciphertext}\n".encode()

    def _decrypted(self, ciphertext: str) -> bytes:
        """The plaintext, or nothing when the answer holds none."""
        answer = self._asked("decrypt", {"ciphertext": ciphertext})
        try:
            return base64.b64decode(answer["plaintext"], validate=True)
        except (KeyError, TypeError, ValueError):
            return b""

    def _asked(self, verb: str, question: dict[str, str]) -> dict[str, Any]:
        """The "data" of the answer."""
        address = _address(self._environ)
        headers = _headers(self._environ)
        connection = _connection(address, self._environ)
        path = f"{address.path.rstrip('/')}/v1/{self._mount}/{verb}/{self._key}"
        try:
            status, body = _exchanged(connection, path, json.dumps(question), headers)
        except ssl.SSLCertVerificationError:
            raise CannotStart(
                f"The certificate of the Vault at {address.netloc} is not trusted: "
                f"name its authority in VAULT_CACERT."
            ) from None
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise CannotStart(f"The Vault at {address.netloc} does not answer: {why}.") from None
        if status != http.client.OK:
            raise CannotStart(f"The Vault at {address.netloc} {self._fault(status, verb)}")
        data = _data(body)
        if data is None:
            raise CannotStart(f"What answers at {address.netloc} is not a Vault.")
        return data

    def _fault(self, status: int, verb: str) -> str:
        call = f"{self._mount}/{verb}/{self._key}"
        match status:
            case 400:
                return (
                    f"refuses {call}: the key is absent there, or what {self.file} holds is not of this key."
                )
            case 403:
                return (
                    f"refuses this token: it needs the capability update on {call}, and the key must exist."
                )
            case 404:
                return f"has no transit engine at {self._mount}, or not in this VAULT_NAMESPACE."
            case 503:
                return "is sealed, or not ready: unseal it first."
            case _:
                return f"answers {call} with the status {status}."


def _exchanged(
    connection: http.client.HTTPConnection, path: str, question: str, headers: dict[str, str]
) -> tuple[int, bytes]:
    try:
        connection.request("POST", path, question, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(MAX_ANSWER)
    finally:
        connection.close()


def _data(body: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(body)["data"]
    except (ValueError, KeyError, TypeError):
        return None
    return data if isinstance(data, dict) else None


def _address(environ: Mapping[str, str]) -> SplitResult:
    """VAULT_ADDR with a host and a port; https, unless on this machine."""
    text = environ.get("VAULT_ADDR", "")
    try:
        address = urlsplit(text)
        port = address.port or (443 if address.scheme == "https" else 80)
    except ValueError:
        address, port = SplitResult("", "", "", "", ""), 0
    host = address.hostname
    if not host or "@" in address.netloc or address.scheme not in {"http", "https"}:
        raise CannotStart("VAULT_ADDR is the address of the Vault, as in https://vault.example.org:8200.")
    if address.scheme == "http" and not _loopback(host):
        raise CannotStart(f"VAULT_ADDR is http://{host}: the root would travel in clear, use https.")
    shown = f"[{host}]" if ":" in host else host
    return address._replace(netloc=f"{shown}:{port}")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _connection(address: SplitResult, environ: Mapping[str, str]) -> http.client.HTTPConnection:
    host = str(address.hostname)
    if address.scheme == "http":
        return http.client.HTTPConnection(host, address.port, timeout=TIMEOUT_SECONDS)
    authority = environ.get("VAULT_CACERT") or None
    try:
        context = ssl.create_default_context(cafile=authority)
    except OSError:
        raise CannotStart(f"VAULT_CACERT is {authority}: no certificate can be read there.") from None
    return http.client.HTTPSConnection(host, address.port, timeout=TIMEOUT_SECONDS, context=context)


def _headers(environ: Mapping[str, str]) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "X-Vault-Request": "true",  # asked by its proxy: no page of a browser can send it
        "X-Vault-Token": _token(environ),
    }
    if environ.get("VAULT_NAMESPACE"):
        headers["X-Vault-Namespace"] = _printable("VAULT_NAMESPACE", environ["VAULT_NAMESPACE"])
    return headers


def _token(environ: Mapping[str, str]) -> str:
    file = environ.get("VAULT_TOKEN_FILE")
    if not file:
        return _printable("VAULT_TOKEN", environ.get("VAULT_TOKEN", ""))
    content = _token_file(Path(file), environ.get("CREDENTIALS_DIRECTORY"))
    if content is None:
        raise CannotStart(f"VAULT_TOKEN_FILE is {file}: there is no such file.")
    return _printable("VAULT_TOKEN_FILE", content.decode("ascii", "replace").strip())


def _token_file(path: Path, credentials: str | None) -> bytes | None:
    """systemd guards a credential itself, at times by an ACL that looks like a mode open to the group."""
    guarded = credentials is not None and path.parent == Path(credentials)
    return private.read(path, "token", guarded=guarded)


def _printable(name: str, text: str) -> str:
    """A header's value; what is wrong with it is said without it."""
    if not re.fullmatch(r"[!-~]+", text):
        raise CannotStart(f"{name} is empty, or is not a word of printable characters.")
    return text
