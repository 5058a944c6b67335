"""Certificates for listeners, made with OpenSSL's own program, once for each run of the tests."""
import functools
import pathlib
import ssl
import subprocess
import tempfile
import time

EXTENSIONS = {
    "server": "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth\n",
    "client": "subjectAltName=DNS:{name}\nextendedKeyUsage=clientAuth\n",
}


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)


class Authority:
    """An authority of its own: `ca.crt`, and what it signs."""

    def __init__(self, name="test authority"):
        self.keeper = tempfile.TemporaryDirectory(prefix="bester-tls-")
        self.directory = pathlib.Path(self.keeper.name)
        self.certificate = self.directory / "ca.crt"
        self.key = self.directory / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 100,
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    def issue(self, name, kind="server", days=90, until=None):
        """(certificate, key) for a server on loopback, or for a client of this name; `until`: seconds since 1970."""
        files = {end: self.directory / f"{name}.{end}" for end in ("key", "csr", "crt", "ext")}
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", files["key"], "-out", files["csr"])
        files["ext"].write_text(EXTENSIONS[kind].format(name=name))
        if until is None:
            openssl("x509", "-req", "-in", files["csr"], "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                    "-days", days, "-extfile", files["ext"], "-out", files["crt"])
        else:
            self.issue_until(until, files)
        return str(files["crt"]), str(files["key"])

    def issue_until(self, until, files):
        """`openssl ca` alone can be told the second."""
        config = self.directory / "ca.config"
        config.write_text(f"[ca]\ndefault_ca = own\n[own]\nnew_certs_dir = {self.directory}\ndatabase = {self.directory}/index\n"
                          "default_md = sha256\npolicy = names\nunique_subject = no\nrand_serial = yes\n[names]\ncommonName = supplied\n")
        (self.directory / "index").touch()
        openssl("ca", "-batch", "-config", config, "-cert", self.certificate, "-keyfile", self.key, "-in", files["csr"], "-extfile", files["ext"],
                "-enddate", time.strftime("%Y%m%d%H%M%SZ", time.gmtime(until)), "-out", files["crt"])


@functools.lru_cache
def usual():
    """(authority, certificate, key) of the listeners that every test broker has."""
    authority = Authority()
    return (authority, *authority.issue("localhost"))


def first_flight():
    """A ClientHello."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    outgoing = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()
