"""TLS between machines: the instance's own small authority, its certificates, and the listener.

A folder of certificates holds `ca.pem`, `certificate.pem` and `key.pem`. A certificate says its role in a URI:
`havre:client` may ask for keys; `havre:keeper` may serve, and replicate to another keeper, but ask for no key.
TLS 1.3 alone, a certificate on both sides, and no other authority than ours.
"""

import ipaddress
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from havre.keeper.places import CannotStart
from havre.keeper.server import MAX_CONNECTIONS, Role

HANDSHAKE_SECONDS = 2.0
OWN_DAYS, AUTHORITY_DAYS = 730, 3650
AUTHORITY, CERTIFICATE, KEY = "ca.pem", "certificate.pem", "key.pem"
_ROLES = {"havre:client": Role.CLIENT, "havre:keeper": Role.KEEPER}
_NAMES = {role: name for name, role in _ROLES.items()}


class TlsListener:
    """A port where each side shows a certificate of our authority; the caller's gives its role."""

    def __init__(self, address: str, folder: Path) -> None:
        """Listen on "host:port"; CannotStart when it is taken, or when the certificates cannot be used."""
        self.name = address
        self._context = context(folder, server=True)
        host, port = split(address)
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self.listening = socket.create_server((host, port), family=family, backlog=4 * MAX_CONNECTIONS)
        except OSError as error:
            raise CannotStart(f"The keeper cannot listen on {address}: {error.strerror or error}.") from None

    def welcome(self, connection: socket.socket) -> tuple[socket.socket, Role]:
        """Shake hands within HANDSHAKE_SECONDS."""
        connection.settimeout(HANDSHAKE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secured = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        try:
            secured.do_handshake()
            return secured, role_of(secured)
        except OSError:
            secured.close()
            raise

    def refuse(self, connection: socket.socket, words: bytes) -> None:
        """Nothing can be said before hands are shaken, and there is no room to wait for it."""

    def close(self) -> None:
        self.listening.close()


def context(folder: Path, *, server: bool) -> ssl.SSLContext:
    """Both sides' rules, with the certificates of `folder`; CannotStart when they cannot be used."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.verify_mode = ssl.CERT_REQUIRED
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    if server:
        made.num_tickets = 0  # no visit is resumed: each one shows a certificate that is still valid
    try:
        if (folder / KEY).stat().st_mode & 0o077:
            raise CannotStart(f"The key {folder / KEY} is readable by other users: run chmod 600 on it.")
        made.load_verify_locations(folder / AUTHORITY)
        made.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    except OSError as error:
        raise CannotStart(
            f"The certificates in {folder} cannot be used: {error.strerror or error}."
        ) from None
    return made


def role_of(secured: ssl.SSLSocket) -> Role:
    """The role that the other side's certificate gives; PermissionError when it gives none."""
    names: Any = (secured.getpeercert() or {}).get("subjectAltName", ())
    for kind, name in names:
        if kind == "URI" and name in _ROLES:
            return _ROLES[name]
    raise PermissionError


def split(address: str) -> tuple[str, int]:
    """The host and the port of "host:port" or "[host]:port"; CannotStart when it is neither."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) < 65536:
        raise CannotStart(f"{address} is not an address: write it as keeper.example:7443.")
    return host.strip("[]"), int(port)


def days_left(folder: Path) -> int:
    """Whole days before the certificate of `folder`, or its authority's, expires; negative once one has."""
    try:
        found = [
            x509.load_pem_x509_certificate((folder / name).read_bytes()) for name in (CERTIFICATE, AUTHORITY)
        ]
    except (OSError, ValueError) as error:
        raise CannotStart(f"The certificates in {folder} cannot be read: {error}.") from None
    return (min(one.not_valid_after_utc for one in found) - datetime.now(UTC)).days


# --- the authority ---


def make_certificates(
    folder: Path, keepers: Mapping[str, Sequence[str]], clients: Sequence[str]
) -> list[Path]:
    """Make one folder of certificates for each name, below `folder`: `keepers` with their hosts, and `clients`.

    The authority is made the first time, and signs again later. Its key, `folder/ca.key`, is needed for
    nothing else: keep it apart. A folder that exists is never overwritten: CannotStart.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (*keepers, *clients):
            if (folder / name).exists():
                raise CannotStart(f"{folder / name} exists: move it away first to renew its certificate.")
        authority = _authority(folder)
        for name, hosts in keepers.items():
            _issue(folder / name, name, Role.KEEPER, hosts, authority)
        for name in clients:
            _issue(folder / name, name, Role.CLIENT, (), authority)
    except (OSError, ValueError) as error:
        raise CannotStart(f"The certificates cannot be made in {folder}: {error}.") from None
    return [folder / name for name in (*keepers, *clients)]


_Signer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _authority(folder: Path) -> _Signer:
    if (folder / "ca.key").exists():
        certificate = x509.load_pem_x509_certificate((folder / AUTHORITY).read_bytes())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return certificate, key
        raise CannotStart(f"{folder / 'ca.key'} is not a key that was made here.")
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Havre keepers")
    certificate = (
        _draft(name, name, key, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certifies=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(folder / "ca.key", _key_text(key))
    _write(folder / AUTHORITY, _text(certificate))
    return certificate, key


def _issue(folder: Path, name: str, role: Role, hosts: Sequence[str], authority: _Signer) -> None:
    signer, signing_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if role is Role.KEEPER:
        uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
    names = [x509.UniformResourceIdentifier(_NAMES[role]), *map(_host, hosts)]
    signing = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _draft(_name(name), signer.subject, key, OWN_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certifies=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signing), critical=False
        )
        .sign(signing_key, hashes.SHA256())
    )
    folder.mkdir(mode=0o700)
    _write(folder / KEY, _key_text(key))
    _write(folder / CERTIFICATE, _text(certificate))
    _write(folder / AUTHORITY, _text(signer))


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    """Valid from five minutes ago: the machines' clocks differ a little."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, certifies: bool) -> x509.KeyUsage:
    """An authority signs certificates and nothing else; the others shake hands and nothing else."""
    return x509.KeyUsage(
        digital_signature=not certifies,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certifies,
        crl_sign=certifies,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _text(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
