"""JSON Web Tokens that are signed with a private key, by OpenSSL's own program: RS256, ES256, EdDSA."""
import subprocess
import time

from tokens import encoded

KINDS = {"RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
         "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
         "EdDSA": ["-algorithm", "ed25519"]}


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60).stdout


def integer(der):
    """(the first INTEGER of DER as 32 bytes, what follows)"""
    size = der[1]
    return der[2:2 + size].lstrip(b"\0").rjust(32, b"\0"), der[2 + size:]


class Signer:
    """A key pair for one algorithm; `public` is the file with the public key."""

    def __init__(self, directory, algorithm):
        self.algorithm = algorithm
        self.key = directory / f"{algorithm}.key"
        self.public = directory / f"{algorithm}.pem"
        openssl("genpkey", *KINDS[algorithm], "-out", self.key)
        openssl("pkey", "-in", self.key, "-pubout", "-out", self.public)

    def sign(self, text):
        message = self.key.with_suffix(".text")
        message.write_text(text)
        if self.algorithm == "EdDSA":
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.key, "-in", message)
        signature = openssl("dgst", "-sha256", "-sign", self.key, message)
        if self.algorithm == "RS256":
            return signature
        first, rest = integer(signature[2:])   # both numbers, one behind the other
        return first + integer(rest)[0]

    def token(self, user, is_forged=False, lifetime=3600, **claims):
        header, body = {"alg": self.algorithm, "typ": "JWT"}, {"sub": user, "exp": time.time() + lifetime, **claims}
        text = encoded(header) + "." + encoded(body)
        signature = self.sign(text + "." if is_forged else text)
        return text + "." + encoded(signature)
