"""The root behind a real OpenBao's transit engine, and its faults as one sentence each."""

import base64
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from havre.keeper import roots
from havre.keeper.places import CannotStart
from havre.keeper.roots import shamir, transit
from havre.keeper.roots.kept import Kept
from havre.keeper.roots.transit import Transit
from tests.keeper.openbao import OpenBao

USE = {"encrypt": ["update"], "decrypt": ["update"], "rewrap": ["update"]}
ROOT = bytes(range(32))


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    server = OpenBao(tmp_path_factory.mktemp("openbao"))
    server.key("havre")
    yield server
    server.close()


@pytest.fixture
def environ(bao: OpenBao, tmp_path: Path) -> dict[str, str]:
    """A keeper's: the address, and a token file of its own that may only use the key."""
    token = tmp_path / "token"
    token.write_text(bao.token_for(**USE) + "\n")
    token.chmod(0o600)
    return {"VAULT_ADDR": bao.address, "VAULT_TOKEN_FILE": os.fspath(token)}


def kept(environ: dict[str, str], where: str = "havre") -> Kept:
    return Kept(Transit(where, environ))


def refusal(environ: dict[str, str], home: Path, where: str = "havre") -> str:
    """The one sentence that a first start is refused with; nothing is left in the folder."""
    with pytest.raises(CannotStart) as refused:
        kept(environ, where).create(home)
    assert not list(home.iterdir())
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return str(refused.value)


# --- with OpenBao ---


def test_the_root_lies_there_encrypted_and_opens_at_each_start(
    environ: dict[str, str], home: Path, bao: OpenBao
) -> None:
    root = kept(environ).create(home)
    content = (home / "root.transit").read_text()
    assert re.fullmatch(r"vault:v1:[A-Za-z0-9+/=]+\n", content)
    assert base64.b64encode(root).decode() not in content
    assert (home / "root.transit").stat().st_mode & 0o777 == 0o600
    assert kept(environ).load(home) == kept(environ).create(home) == root
    plain = bao.call("POST", "transit/decrypt/havre", {"ciphertext": content.strip()})
    assert base64.b64decode(plain["data"]["plaintext"]) == root


def test_a_root_is_rotated_under_the_transit_key(environ: dict[str, str], home: Path) -> None:
    first = kept(environ).create(home)
    said = list[bytes]()
    second = roots.rotate(kept(environ), kept(environ), home, said.append, pytest.fail)
    assert said == [second] != [first]
    assert kept(environ).load(home) == second
    assert [path.name for path in home.iterdir()] == ["root.transit"]


def test_after_its_key_was_rotated_the_same_root_is_wrapped_anew(
    environ: dict[str, str], home: Path, bao: OpenBao
) -> None:
    bao.key("tourne")
    root = kept(environ, "tourne").create(home)
    bao.call("POST", "transit/keys/tourne/rotate")
    assert kept(environ, "tourne").load(home) == root
    kept(environ, "tourne").reseal(home)
    assert (home / "root.transit").read_text().startswith("vault:v2:")
    bao.call("POST", "transit/keys/tourne/config", {"min_decryption_version": 2})
    assert kept(environ, "tourne").load(home) == root


def test_the_engine_may_be_mounted_elsewhere(environ: dict[str, str], home: Path, bao: OpenBao) -> None:
    bao.call("POST", "sys/mounts/cles/maison", {"type": "transit"})
    bao.call("POST", "cles/maison/keys/havre")
    environ = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.token}
    root = kept(environ, "cles/maison/havre").create(home)
    assert kept(environ, "cles/maison/havre").load(home) == root
    with pytest.raises(CannotStart, match="is not of this key"):
        kept(environ, "havre").load(home)


def test_a_namespace_has_keys_of_its_own(home: Path, bao: OpenBao) -> None:
    bao.call("POST", "sys/namespaces/equipe")
    bao.call("POST", "sys/mounts/transit", {"type": "transit"}, namespace="equipe")
    bao.call("POST", "transit/keys/havre", namespace="equipe")
    environ = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.token, "VAULT_NAMESPACE": "equipe"}
    root = kept(environ).create(home)
    assert kept(environ).load(home) == root
    with pytest.raises(CannotStart, match="is not of this key"):
        kept({**environ, "VAULT_NAMESPACE": ""}).load(home)
    with pytest.raises(CannotStart, match="no transit engine at transit, or not in this VAULT_NAMESPACE"):
        kept({**environ, "VAULT_NAMESPACE": "autre"}).load(home)


def test_over_https_its_certificate_is_verified(environ: dict[str, str], home: Path, bao: OpenBao) -> None:
    environ = {**environ, "VAULT_ADDR": bao.secure_address}
    assert "is not trusted: name its authority in VAULT_CACERT" in refusal(environ, home)
    elsewhere = environ | {
        "VAULT_CACERT": os.fspath(bao.authority),
        "VAULT_ADDR": _localhost(bao.secure_address),
    }
    assert "is not trusted" in refusal(elsewhere, home)
    root = kept({**environ, "VAULT_CACERT": os.fspath(bao.authority)}).create(home)
    assert kept(environ | {"VAULT_ADDR": bao.address}).load(home) == root


def _localhost(address: str) -> str:
    """The same server under a name that its certificate has not."""
    return address.replace("127.0.0.1", "localhost")


def test_a_sealed_vault_is_one_sentence(environ: dict[str, str], home: Path, bao: OpenBao) -> None:
    root = kept(environ).create(home)
    bao.seal()
    try:
        with pytest.raises(CannotStart, match="is sealed, or not ready: unseal it first"):
            kept(environ).load(home)
    finally:
        assert bao.unseal(bao.shares)
    assert kept(environ).load(home) == root


def test_a_token_that_may_not_is_told_what_it_needs(
    environ: dict[str, str], home: Path, bao: OpenBao
) -> None:
    token = environ.pop("VAULT_TOKEN_FILE")
    Path(token).unlink()
    for name in ("hvs.inconnu", bao.token_for(decrypt=["update"])):
        said = refusal({**environ, "VAULT_TOKEN": name}, home)
        assert said.endswith(
            "refuses this token: it needs the capability update on transit/encrypt/havre, and the key must exist."
        )
        assert name not in said


def test_a_root_that_could_never_be_read_again_is_not_made(
    environ: dict[str, str], home: Path, bao: OpenBao
) -> None:
    del environ["VAULT_TOKEN_FILE"]
    said = refusal({**environ, "VAULT_TOKEN": bao.token_for(encrypt=["update"])}, home)
    assert "needs the capability update on transit/decrypt/havre" in said


def test_a_key_or_an_engine_that_is_not_there_is_said(
    environ: dict[str, str], home: Path, bao: OpenBao
) -> None:
    assert "update on transit/encrypt/absente, and the key must exist" in refusal(environ, home, "absente")
    (home / "root.transit").write_text("vault:v1:QUJD")
    (home / "root.transit").chmod(0o600)
    with pytest.raises(CannotStart, match="transit/decrypt/absente: the key is absent there"):
        kept(environ, "absente").load(home)
    (home / "root.transit").unlink()
    root_token = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.token}
    assert "has no transit engine at rien" in refusal(root_token, home, "rien/havre")


def test_an_altered_or_foreign_ciphertext_is_one_sentence(
    environ: dict[str, str], home: Path, bao: OpenBao
) -> None:
    kept(environ).create(home)
    path = home / "root.transit"
    good = path.read_text()
    flipped = good[:20] + ("A" if good[20] != "A" else "B") + good[21:]
    bao.key("autre")
    foreign = bao.call("POST", "transit/encrypt/autre", {"plaintext": base64.b64encode(ROOT).decode()})
    short = bao.call("POST", "transit/encrypt/havre", {"plaintext": base64.b64encode(b"court").decode()})
    for content, said in [
        (flipped, "what root.transit holds is not of this key"),
        (foreign["data"]["ciphertext"], "what root.transit holds is not of this key"),
        (short["data"]["ciphertext"], "does not hold a root: put the saved one back"),
        ("", "is damaged: put the saved one back"),
        ("vault:v1:a b", "is damaged: put the saved one back"),
        (good.strip() + '","x":"', "is damaged: put the saved one back"),
    ]:
        path.write_text(content)
        with pytest.raises(CannotStart, match=re.escape(said)):
            kept(environ).load(home)


def test_our_shares_open_openbao_and_its_shares_are_ours(bao: OpenBao) -> None:
    """Its unseal key is shared by Vault's own code: a third implementation of the same field and polynomials."""
    (x1, y1), (x2, y2), (x3, y3) = bao.shares.items()
    assert (
        shamir.combine({x1 ^ x3: y1, x2 ^ x3: y2}) == y3
    )  # the line through two shares, seen from the third
    key = shamir.combine({x1: y1, x2: y2})
    bao.seal()
    ours = shamir.split(key, 2, 5)
    assert bao.unseal({4: ours[4], 2: ours[2]})


# --- faults that OpenBao does not have ---


@pytest.mark.parametrize(
    "address",
    [
        "",
        "vault.example.org:8200",
        "ftp://127.0.0.1",
        "https://",
        "http://127.0.0.1:port",
        "https://me:word@127.0.0.1",
    ],
)
def test_an_address_that_is_none_is_refused(home: Path, address: str) -> None:
    said = refusal({"VAULT_ADDR": address, "VAULT_TOKEN": "hvs.x"}, home)
    assert said.startswith("VAULT_ADDR is the address of the Vault, as in https://")
    assert "word" not in said


@pytest.mark.parametrize("host", ["vault.example.org", "192.0.2.7", "127.0.0.1.example.org", "[2001:db8::1]"])
def test_the_root_never_travels_in_clear(home: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", pytest.fail)
    said = refusal({"VAULT_ADDR": f"http://{host}:8200", "VAULT_TOKEN": "hvs.x"}, home)
    assert "the root would travel in clear, use https" in said


@pytest.mark.parametrize("token", ["", "deux mots", "hvs.x\r\nX-Other: 1", "hvs.é"])
def test_a_token_that_is_none_is_refused_and_not_shown(home: Path, token: str, tmp_path: Path) -> None:
    environ = {"VAULT_ADDR": "http://127.0.0.1:1"}
    file = tmp_path / "token"
    file.write_text(token)
    file.chmod(0o600)
    for name, value in (("VAULT_TOKEN", token), ("VAULT_TOKEN_FILE", os.fspath(file))):
        said = refusal({**environ, name: value}, home)
        assert said == f"{name} is empty, or is not a word of printable characters."


def test_a_token_file_is_private_and_there(environ: dict[str, str], home: Path, tmp_path: Path) -> None:
    file = Path(environ["VAULT_TOKEN_FILE"])
    file.chmod(0o640)
    assert "The token" in (said := refusal(environ, home))
    assert "is readable by other users: run chmod 600" in said
    root = kept({**environ, "CREDENTIALS_DIRECTORY": os.fspath(file.parent)}).create(home)
    assert len(root) == 32
    (home / "root.transit").unlink()
    file.unlink()
    assert "there is no such file" in refusal(environ, home)


def test_an_authority_that_cannot_be_read_is_said(home: Path, tmp_path: Path) -> None:
    environ = {"VAULT_ADDR": "https://127.0.0.1:1", "VAULT_TOKEN": "hvs.x"}
    for content in (None, b"not a certificate"):
        file = tmp_path / "authority.pem"
        if content:
            file.write_bytes(content)
        said = refusal({**environ, "VAULT_CACERT": os.fspath(file)}, home)
        assert said.endswith("no certificate can be read there.")


class Answering:
    """A socket that answers each connection with the same bytes, or never."""

    def __init__(self, *answers: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.environ = {
            "VAULT_ADDR": f"http://127.0.0.1:{self._listener.getsockname()[1]}",
            "VAULT_TOKEN": "hvs.x",
        }
        self.questions: list[bytes] = []
        self._thread = threading.Thread(target=self._answer, args=(answers,))
        self._thread.start()

    def _answer(self, answers: tuple[bytes, ...]) -> None:
        for answer in answers:
            connection, _ = self._listener.accept()
            with connection:
                self.questions.append(_whole(connection))
                connection.sendall(answer)
                if not answer:
                    connection.recv(1)  # silent until the other side gives up

    def close(self) -> None:
        self._thread.join(timeout=10)
        self._listener.close()


def _whole(connection: socket.socket) -> bytes:
    """A question, its body included."""
    question = b""
    while not question.endswith(b"}"):
        question += connection.recv(10_000)
    return question


def http(status: int, body: object) -> bytes:
    text = body if isinstance(body, str) else json.dumps(body)
    return f"HTTP/1.1 {status} Said\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (http(307, ""), "answers transit/encrypt/havre with the status 307"),
        (http(500, {"errors": ["hvs.x"]}), "answers transit/encrypt/havre with the status 500"),
        (http(429, {"errors": []}), "with the status 429"),
        (http(200, "<html>"), "is not a Vault"),
        (http(200, []), "is not a Vault"),
        (http(200, {"data": "x"}), "is not a Vault"),
        (http(200, {"data": {}}), "does not give back what it encrypted under havre: nothing was kept"),
        (http(200, {"data": {"ciphertext": "vault:v1:"}}), "nothing was kept"),
        (http(200, {"data": {"ciphertext": "x" * (1 << 17)}}), "is not a Vault"),
        (b"SSH-2.0-x\r\n\r\n", "does not answer: BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "is not a Vault"),
    ],
)
def test_a_strange_answer_is_one_sentence(home: Path, answer: bytes, sentence: str) -> None:
    server = Answering(answer)
    try:
        said = refusal(server.environ, home)
    finally:
        server.close()
    assert sentence in said
    assert "hvs.x" not in said


def test_a_vault_that_decrypts_to_something_else_is_not_trusted(home: Path) -> None:
    """Its first answer is well formed; what it gives back is not what it got."""
    server = Answering(
        http(200, {"data": {"ciphertext": "vault:v1:QUJD"}}),
        http(200, {"data": {"plaintext": base64.b64encode(ROOT).decode()}}),
    )
    try:
        assert "nothing was kept" in refusal(server.environ, home)
    finally:
        server.close()


def test_each_question_carries_the_headers_of_the_contract(home: Path) -> None:
    server = Answering(http(403, {"errors": ["permission denied"]}))
    refusal({**server.environ, "VAULT_NAMESPACE": "equipe"}, home)
    server.close()
    head, _, body = server.questions[0].decode().partition("\r\n\r\n")
    assert head.startswith("POST /v1/transit/encrypt/havre HTTP/1.1\r\n")
    for header in ("X-Vault-Token: hvs.x", "X-Vault-Namespace: equipe", "X-Vault-Request: true"):
        assert header in head.split("\r\n")
    assert list(json.loads(body)) == ["plaintext"]


def test_a_silent_vault_is_given_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transit, "TIMEOUT_SECONDS", 0.2)
    server = Answering(b"")
    start = time.monotonic()
    try:
        assert "does not answer: TimeoutError" in refusal(server.environ, home)
    finally:
        server.close()
    assert time.monotonic() - start < 2


def test_a_closed_port_is_one_sentence(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environ = {"VAULT_ADDR": f"http://127.0.0.1:{port}", "VAULT_TOKEN": "hvs.x"}
    assert refusal(environ, home) == f"The Vault at 127.0.0.1:{port} does not answer: Connection refused."


def test_a_proxy_of_the_environment_never_sees_the_root(
    environ: dict[str, str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert len(kept(environ).create(home)) == 32
