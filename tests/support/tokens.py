"""JSON Web Tokens for tests: made here, so that bad ones can be made, too."""
import base64
import hashlib
import hmac
import json
import subprocess
import time

SECRET = "a secret of more than 32 bytes, as it has to be"


def encoded(data):
    if isinstance(data, dict):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(user, secret=SECRET, header=None, lifetime=3600, **claims):
    """A token of HS256; `lifetime` in seconds from now."""
    text = encoded(header or {"alg": "HS256", "typ": "JWT"}) + "." + encoded({"sub": user, "exp": time.time() + lifetime, **claims})
    return text + "." + encoded(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


class Ed25519:
    """A key pair, made by OpenSSL's own program."""

    def __init__(self, directory, name):
        self.key = directory / f"{name}.key"
        self.name = name
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key], check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        self.public = der[-32:]

    def jwk(self):
        return {"kty": "OKP", "crv": "Ed25519", "kid": self.name, "use": "sig", "x": encoded(self.public)}

    def token(self, user, lifetime=3600, **claims):
        text = encoded({"alg": "EdDSA", "kid": self.name}) + "." + encoded({"sub": user, "exp": time.time() + lifetime, **claims})
        message = self.key.with_suffix(".text")
        message.write_text(text)
        signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.key, "-in", message],
                                   check=True, capture_output=True).stdout
        return text + "." + encoded(signature)
