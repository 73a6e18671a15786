"""TLS: who is let in, who is not, and the certificates of the instance's own authority."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from cryptography import x509

from havre.core.keeper_client import KeeperAbsent, KeeperClient
from havre.keeper import protocol, server, tls
from havre.keeper.places import CannotStart
from havre.keeper.protocol import Call, Refusal
from havre.keeper.server import Role, Server
from havre.keeper.standby import RemotePlace
from havre.keeper.tls import TlsListener
from tests.keeper.ports import asked, echo, serving


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, two keepers, a web machine."""
    folder = tmp_path_factory.mktemp("certificates")
    tls.make_certificates(folder, {"keeper": ["127.0.0.1", "localhost"], "standby": ["127.0.0.1"]}, ["web"])
    return folder


@pytest.fixture
def port(certificates: Path) -> Iterator[int]:
    """A keeper that echoes, on this port."""
    listener = TlsListener("127.0.0.1:0", certificates / "keeper")
    with serving(Server(echo, [listener])):
        yield listener.listening.getsockname()[1]


@contextlib.contextmanager
def visit(port: int, rules: ssl.SSLContext, host: str = "127.0.0.1") -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=3) as plain,
        rules.wrap_socket(plain, server_hostname=host) as secured,
    ):
        yield secured


def heard(port: int, rules: ssl.SSLContext) -> bool:
    """Whether a question gets an answer; only then is the certificate known to be accepted."""
    try:
        with visit(port, rules) as connection:
            return asked(connection, 9, b"fact") == (0, [b"fact"])
    except OSError:
        return False


def test_a_web_machine_asks_over_tls_1_3(port: int, certificates: Path) -> None:
    with visit(port, tls.context(certificates / "web", server=False)) as connection:
        assert asked(connection, 9, b"fact") == (0, [b"fact"])
        assert connection.version() == "TLSv1.3"


def test_without_a_certificate_nothing_is_answered(port: int, certificates: Path) -> None:
    rules = ssl.create_default_context(cafile=certificates / "ca.pem")
    assert not heard(port, rules)
    assert heard(port, tls.context(certificates / "web", server=False))


def test_a_certificate_of_another_authority_is_refused(port: int, certificates: Path, tmp_path: Path) -> None:
    tls.make_certificates(tmp_path, {}, ["web"])
    stranger = ssl.create_default_context(cafile=certificates / "ca.pem")
    stranger.load_cert_chain(tmp_path / "web" / "certificate.pem", tmp_path / "web" / "key.pem")
    assert not heard(port, stranger)


def test_an_expired_certificate_is_refused(port: int, certificates: Path, tmp_path: Path) -> None:
    for name in ("ca.pem", "ca.key"):
        (tmp_path / name).write_bytes((certificates / name).read_bytes())
    with time_machine.travel(timedelta(days=-tls.OWN_DAYS - 1)):
        tls.make_certificates(tmp_path, {}, ["old"])
    with time_machine.travel(timedelta(days=-tls.OWN_DAYS + 1)):
        tls.make_certificates(tmp_path, {}, ["ending"])
    assert not heard(port, tls.context(tmp_path / "old", server=False))
    assert heard(port, tls.context(tmp_path / "ending", server=False))


def test_tls_1_2_is_refused(port: int, certificates: Path) -> None:
    rules = tls.context(certificates / "web", server=False)
    rules.minimum_version = rules.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="version"), visit(port, rules):
        pass


def test_another_keeper_may_not_ask_for_keys(port: int, certificates: Path) -> None:
    with visit(port, tls.context(certificates / "standby", server=False)) as connection:
        assert asked(connection, Call.OPEN_KEY, b"fact")[0] == Refusal.FORBIDDEN


def test_a_certificate_without_a_role_is_not_heard(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "_ROLES", {"havre:keeper": Role.KEEPER})
    listener = TlsListener("127.0.0.1:0", certificates / "keeper")
    with serving(Server(echo, [listener])):
        assert not heard(listener.listening.getsockname()[1], tls.context(certificates / "web", server=False))


def test_a_web_machine_cannot_pass_for_the_keeper_even_under_its_name(
    certificates: Path, tmp_path: Path
) -> None:
    tls._issue(tmp_path / "web", "web", Role.CLIENT, ["127.0.0.1"], tls._authority(certificates))
    listener = TlsListener("127.0.0.1:0", tmp_path / "web")
    address = f"tls://127.0.0.1:{listener.listening.getsockname()[1]}"
    with serving(Server(echo, [listener])):
        with pytest.raises(KeeperAbsent, match="certificate purpose"):
            KeeperClient(address, certificates=certificates / "web").check()
        with pytest.raises(OSError, match="certificate purpose"):
            RemotePlace(address, lambda: 1, certificates / "keeper").read("store.log")


def test_the_keepers_certificate_must_bear_the_name_that_was_asked_for(port: int, certificates: Path) -> None:
    rules = tls.context(certificates / "web", server=False)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"), visit(port, rules, "keeper.example"):
        pass
    with visit(port, rules, "localhost") as connection:
        assert asked(connection, 9)[0] == 0


def test_a_slow_handshake_is_ended_and_holds_nobody_up(
    port: int, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_SECONDS", 0.3)
    rules = tls.context(certificates / "web", server=False)
    with socket.create_connection(("127.0.0.1", port), timeout=3) as slow:
        start = time.monotonic()
        slow.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert heard(port, rules)
        assert time.monotonic() - start < 0.3
        for _ in range(100):  # a byte from time to time changes nothing
            with contextlib.suppress(OSError):
                slow.sendall(b"\x00")
            time.sleep(0.02)
            if not _open(slow):
                break
        assert 0.3 <= time.monotonic() - start < 1


def _open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_noise_in_the_place_of_a_handshake_ends_nothing(port: int, certificates: Path) -> None:
    for noise in (b"\x00" * 400, b"GET / HTTP/1.1\r\n\r\n", protocol.encode(Call.CHECK, [])):
        with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
            connection.sendall(noise)
            with contextlib.suppress(OSError):
                while connection.recv(1000):
                    pass
    assert heard(port, tls.context(certificates / "web", server=False))


def test_a_crowd_at_the_door_is_left_without_a_word(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 2)
    listener = TlsListener("127.0.0.1:0", certificates / "keeper")
    port, rules = listener.listening.getsockname()[1], tls.context(certificates / "web", server=False)
    with serving(Server(echo, [listener])):
        with visit(port, rules) as first, visit(port, rules) as second:
            assert asked(first, 9)[0] == asked(second, 9)[0] == 0
            assert not heard(port, rules)
            assert asked(second, 9)[0] == 0
        until = time.monotonic() + 2
        while not heard(port, rules):
            assert time.monotonic() < until


def test_many_machines_ask_at_once(port: int, certificates: Path) -> None:
    rules = tls.context(certificates / "web", server=False)
    wrong: list[int] = []

    def talk(number: int) -> None:
        with visit(port, rules) as connection:
            for turn in range(20):
                said = f"{number} {turn}".encode()
                if asked(connection, 9, said) != (0, [said]):
                    wrong.append(number)

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- certificates ---


def test_a_machines_folder_holds_what_it_needs_and_is_closed(certificates: Path) -> None:
    for name in ("keeper", "standby", "web"):
        found = {path.name: path.stat().st_mode & 0o777 for path in (certificates / name).iterdir()}
        assert found == {"ca.pem": 0o600, "certificate.pem": 0o600, "key.pem": 0o600}
        assert (certificates / name).stat().st_mode & 0o777 == 0o700
    assert (certificates / "ca.key").stat().st_mode & 0o777 == 0o600


def test_a_certificate_is_never_overwritten_and_the_authority_signs_again(tmp_path: Path) -> None:
    tls.make_certificates(tmp_path, {"keeper": ["127.0.0.1"]}, ["web"])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    with pytest.raises(CannotStart, match="web exists: move it away"):
        tls.make_certificates(tmp_path, {}, ["other", "web"])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
    (tmp_path / "web").rename(tmp_path / "web.old")
    assert tls.make_certificates(tmp_path, {}, ["web"]) == [tmp_path / "web"]
    assert (tmp_path / "web" / "ca.pem").read_bytes() == before[tmp_path / "ca.pem"]
    assert (tmp_path / "web" / "key.pem").read_bytes() != before[tmp_path / "web" / "key.pem"]


def test_certificates_last_two_years_and_the_authority_ten(certificates: Path) -> None:
    for name, days in (("web/certificate.pem", 730), ("ca.pem", 3650)):
        found = x509.load_pem_x509_certificate((certificates / name).read_bytes())
        assert timedelta(days=days) <= found.not_valid_after_utc - found.not_valid_before_utc
        assert found.not_valid_after_utc - found.not_valid_before_utc < timedelta(days=days + 1)


@pytest.mark.parametrize(("later", "left"), [(0, 729), (700, 29), (731, -2)])
def test_the_days_left_are_those_of_the_first_to_expire(certificates: Path, later: int, left: int) -> None:
    with time_machine.travel(timedelta(days=later)):
        assert tls.days_left(certificates / "web") in (left, left + 1)


def test_an_authority_that_ends_before_its_certificates_counts(tmp_path: Path) -> None:
    with time_machine.travel(timedelta(days=-3640)):
        tls.make_certificates(tmp_path, {}, ["old"])
    tls.make_certificates(tmp_path, {}, ["web"])
    assert tls.days_left(tmp_path / "web") == 9


def test_what_cannot_be_used_is_said_in_one_sentence(certificates: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="cannot be used: No such file"):
        tls.context(tmp_path, server=True)
    with pytest.raises(CannotStart, match="cannot be read"):
        tls.days_left(tmp_path)
    for name in ("ca.pem", "certificate.pem", "key.pem"):
        (tmp_path / name).write_bytes((certificates / "web" / name).read_bytes())
        (tmp_path / name).chmod(0o640)
    with pytest.raises(CannotStart, match="readable by other users"):
        tls.context(tmp_path, server=True)
    (tmp_path / "key.pem").chmod(0o600)
    (tmp_path / "key.pem").write_bytes((certificates / "keeper" / "key.pem").read_bytes())
    with pytest.raises(CannotStart, match="cannot be used"):
        tls.context(tmp_path, server=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "keeper.example:", ":7443", "host:70000", "host:port"])
def test_a_wrong_address_is_said_in_one_sentence(certificates: Path, address: str) -> None:
    with pytest.raises(CannotStart, match="is not an address"):
        TlsListener(address, certificates / "keeper")


def test_a_port_in_use_is_said_in_one_sentence(port: int, certificates: Path) -> None:
    with pytest.raises(CannotStart, match="cannot listen"):
        TlsListener(f"127.0.0.1:{port}", certificates / "keeper")
