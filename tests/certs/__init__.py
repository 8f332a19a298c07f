# SPDX-License-Identifier: Apache-2.0
"""A certificate authority and certificates for a fleet, good ones and those that must be refused.

With tests/ in sys.path:

    from certs import make_certs, Authority

    make_certs(directory, {"admin-vm": ["192.168.101.10"], "gui-vm": ["192.168.101.3"]})

writes directory/NAME/{ca-cert,cert,key}.pem for each name (SAN dNSName NAME and these addresses, P-256, serverAuth and
clientAuth) and directory/ca-cert.pem, ca-key.pem. A value may be a dictionary of Authority.issue()'s arguments instead
of a list. When directory holds a CA already, that CA signs: so certificates are added or renewed. It returns the
Authority.

    ca = Authority("Some CA")                 or Authority.load(directory)
    ca.issue("app-vm", addresses=["192.168.101.5"], key="ed25519", ...) → Issued with .write(directory), .serial
    ca.write_crl(path, [issued or serial, ...])
    ca.intermediate("Name") → an Authority below it, whose certificates carry it in their chain

What issue() takes is in its docstring. KINDS names the certificates of R11, all of which write_kinds() writes."""

import datetime
import ipaddress
import os
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
KEYS = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "dsa": lambda: dsa.generate_private_key(1024),
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
}
USES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH,
        "code": ExtendedKeyUsageOID.CODE_SIGNING}


class Raw:
    """A dNSName or iPAddress as it stands, which the builder would refuse."""

    def __init__(self, name):
        self.name = name


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)


def subject(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def digest_for(key):
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def write_private(path, data):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(data)


def tlv(tag, data):
    n = len(data)
    length = bytes([n]) if n < 128 else b"\x83" + n.to_bytes(3, "big") if n > 65535 else b"\x82" + n.to_bytes(2, "big")
    return bytes([tag]) + length + data


def alternative_names(names, addresses):
    """GeneralNames by hand: the tests need names that no builder writes. An address is text or raw bytes."""
    out = b"".join(tlv(0x82, n if isinstance(n, bytes) else n.encode()) for n in names)
    for a in addresses:
        out += tlv(0x87, a if isinstance(a, bytes) else ipaddress.ip_address(a).packed)
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), tlv(0x30, out))


class Issued:
    """A certificate, its key, the chain above it and the CA that the other side trusts."""

    def __init__(self, certificate, key, chain, ca):
        self.certificate, self.key, self.chain, self.ca = certificate, key, chain, ca

    @property
    def serial(self):
        return self.certificate.serial_number

    def cert_pem(self):
        return b"".join(pem(c) for c in [self.certificate, *self.chain])

    def write(self, directory):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "ca-cert.pem").write_bytes(pem(self.ca))
        (directory / "cert.pem").write_bytes(self.cert_pem())
        write_private(directory / "key.pem", key_pem(self.key))
        return self


class Authority:
    """A CA: its key, its certificate, and the chain from it to below the root."""

    def __init__(self, name="givc test CA", key="p256", parent=None, days=3650, path_length=8):
        self.key = KEYS[key]()
        self.name = subject(name)
        self.parent = parent
        start = now() - DAY
        issuer = parent or self
        self.certificate = (
            x509.CertificateBuilder().subject_name(self.name).issuer_name(issuer.name)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(start).not_valid_after(start + (days + 1) * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(key_usage(sign_certificates=True), critical=True)
            .sign(issuer.key, digest_for(issuer.key)))

    @classmethod
    def load(cls, directory):
        directory = pathlib.Path(directory)
        return cls.of(x509.load_pem_x509_certificate((directory / "ca-cert.pem").read_bytes()),
                      serialization.load_pem_private_key((directory / "ca-key.pem").read_bytes(), None))

    @classmethod
    def of(cls, certificate, key, parent=None):
        """Signs with what is there, whether it may or not."""
        ca = cls.__new__(cls)
        ca.certificate, ca.key, ca.name, ca.parent = certificate, key, certificate.subject, parent
        return ca

    def write(self, directory):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "ca-cert.pem").write_bytes(pem(self.certificate))
        write_private(directory / "ca-key.pem", key_pem(self.key))
        return self

    def intermediate(self, name, **arguments):
        return Authority(name, parent=self, **arguments)

    def root(self):
        return self.parent.root() if self.parent else self

    def chain(self):
        return [self.certificate, *self.parent.chain()] if self.parent else []

    def issue(self, name, addresses=(), key="p256", names=None, uses=("server", "client"), days=3650, starts=-1,
              padding=0, two_extensions=False, critical=False, serial=None, modulus_bits=0):
        """A certificate whose CN is name. names: its SAN dNSNames (default [name]; [] for none; bytes go in as they
        are). addresses: its SAN iPAddresses, as text or bytes. key: one of KEYS. uses: of USES, () for no
        extendedKeyUsage. It is valid for days days, from starts days after now (negative: before; so starts=-10, days=5
        has expired). padding: bytes of an extension that makes it big. two_extensions: a second subjectAltName
        extension, which names "other". critical: an unknown critical extension. modulus_bits: in place of key's public
        half an RSA key that nobody has, whose every use takes its reader long."""
        private = KEYS[key]()
        public = private.public_key()
        if modulus_bits:
            public = rsa.RSAPublicNumbers((1 << modulus_bits) - 3, (1 << modulus_bits) - 1).public_key()
        start = now() + starts * DAY
        names = [name] if names is None else names
        builder = (
            x509.CertificateBuilder().subject_name(subject(name)).issuer_name(self.name)
            .public_key(public)
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(start).not_valid_after(start + days * DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(), critical=True))
        extensions = [alternative_names(names, addresses)] if names or addresses else []
        if two_extensions:
            extensions.append(alternative_names(["other"], []))
        if uses:
            builder = builder.add_extension(x509.ExtendedKeyUsage([USES[u] for u in uses]), critical=False)
        if padding:
            unknown = x509.ObjectIdentifier("1.3.6.1.4.1.55555.1")
            extensions.append(x509.UnrecognizedExtension(unknown, tlv(4, bytes(padding))))
        if critical:
            unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.2"), tlv(4, b"?"))
            builder = builder.add_extension(unknown, critical=True)
        # The builder refuses a second extension of a kind, which is what one of the kinds is about.
        builder._extensions = builder._extensions + [x509.Extension(e.oid, False, e) for e in extensions]
        return Issued(builder.sign(self.key, digest_for(self.key)), private, self.chain(), self.root().certificate)

    def crl(self, revoked, days=30):
        """The PEM text of a revocation list; revoked: Issued or serial numbers. Negative days: past its next update."""
        start = now() - 60 * DAY
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.name)
                   .last_update(start).next_update(now() + days * DAY))
        for r in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(getattr(r, "serial", r)).revocation_date(start).build())
        return pem(builder.sign(self.key, digest_for(self.key)))

    def write_crl(self, path, revoked, days=30):
        pathlib.Path(path).write_bytes(self.crl(revoked, days))


def key_usage(sign_certificates=False):
    allowed = {"digital_signature": True, "key_cert_sign": sign_certificates, "crl_sign": sign_certificates}
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
              "decipher_only")
    return x509.KeyUsage(**allowed, **dict.fromkeys(others, False))


def make_certs(directory, machines):
    """See the module's docstring."""
    directory = pathlib.Path(directory)
    if (directory / "ca-key.pem").exists():
        ca = Authority.load(directory)
    else:
        ca = Authority().write(directory)
    for name, wishes in machines.items():
        arguments = wishes if isinstance(wishes, dict) else {"addresses": wishes}
        ca.issue(name, **arguments).write(directory / name)
    return ca


# Folder → arguments of issue() for "peer" at 192.168.101.5, from the trusted CA.
KINDS = {
    "good": {}, "ed25519": {"key": "ed25519"}, "p384": {"key": "p384"}, "rsa2048": {"key": "rsa2048"},
    "rsa1024": {"key": "rsa1024"}, "huge-rsa": {"key": "rsa2048", "modulus_bits": 100000},
    "expired": {"starts": -10, "days": 5}, "not-yet": {"starts": 5},
    "no-name": {"names": []}, "no-san": {"names": [], "addresses": []},
    "two-names": {"names": ["peer", "other"]}, "two-extensions": {"two_extensions": True},
    "many-names": {"names": [f"peer-{i}" for i in range(17)]},
    "many-addresses": {"addresses": [f"10.0.0.{i}" for i in range(17)]},
    "huge-san": {"names": ["peer"] * 4000}, "wildcard": {"names": ["*.example"]},
    "nul-name": {"names": [b"peer\0evil"]}, "blank-name": {"names": ["pe er"]}, "empty-name": {"names": [""]},
    "odd-address": {"addresses": [b"\x0a\0\0"]},
    "mapped-address": {"addresses": ["::ffff:192.168.101.5"]}, "v6-address": {"addresses": ["fd00::5"]},
    "no-use": {"uses": ()}, "server-only": {"uses": ("server",)}, "client-only": {"uses": ("client",)},
    "code-only": {"uses": ("code",)}, "huge": {"padding": 64 * 1024}, "big": {"padding": 20000}, "revoked": {},
    "critical": {"critical": True},
}


def write_kinds(directory):
    """All of KINDS, and those that need another CA: foreign, chain-2, chain-3, chain-20, not-ca (signed by a leaf),
    revoked-ca (its intermediate is), dsa-ca, too-deep, expired-ca, weak-ca. Beside them lists of CAs and of the
    revoked, and server (the other end)."""
    directory = pathlib.Path(directory)
    ca = Authority("Test CA").write(directory)
    issued = {}
    for kind, arguments in KINDS.items():
        issued[kind] = ca.issue("peer", **{"addresses": ["192.168.101.5"], **arguments}).write(directory / kind)
    ca.issue("server", addresses=["192.168.101.10"]).write(directory / "server")
    foreign = Authority("Test CA")
    foreign.issue("peer").write(directory / "foreign")
    foreign.write(directory / "foreign-ca")
    below = ca.intermediate("Below")
    revoked_below = ca.intermediate("Below, revoked")
    below.issue("peer").write(directory / "chain-2")
    below.intermediate("Further below").issue("peer").write(directory / "chain-3")
    ca.intermediate("Old-fashioned", key="dsa").issue("peer").write(directory / "dsa-ca")
    deep = ca
    for i in range(19):
        deep = deep.intermediate(f"Level {i}", path_length=30)
    deep.issue("peer").write(directory / "chain-20")
    revoked_below.issue("peer").write(directory / "revoked-ca")
    Authority.of(issued["good"].certificate, issued["good"].key, ca).issue("peer").write(directory / "not-ca")
    ca.intermediate("Without power", path_length=0).intermediate("Too deep").issue("peer").write(directory / "too-deep")
    expired, weak = Authority("Old CA", days=-0.5), Authority("Weak CA", key="rsa1024")
    for name, authority in ("expired-ca", expired), ("weak-ca", weak):
        authority.issue("peer").write(directory / name)
        (directory / f"and-{name}.pem").write_bytes(pem(ca.certificate) + pem(authority.certificate))
    ca.write_crl(directory / "crl.pem", [issued["revoked"], revoked_below.certificate.serial_number])
    ca.write_crl(directory / "crl-old.pem", [issued["revoked"]], days=-1)
    ca.write_crl(directory / "crl-empty.pem", [])
    foreign.write_crl(directory / "crl-foreign.pem", [issued["good"]])
    other = Authority("Other CA").write(directory / "other-ca")
    other.write_crl(directory / "crl-other.pem", [issued["good"]])
    (directory / "crl-garbage.pem").write_bytes(b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
    (directory / "two-cas.pem").write_bytes(pem(ca.certificate) + pem(other.certificate))
    return issued
