"""Authorities and certificates for the tests, made by the openssl program."""
import os
import ssl
import subprocess
from pathlib import Path


class Authority:
    """An authority of its own in a folder, and what it signs."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = Path(folder), name
        self._openssl("req", "-x509", *self._key(name), "-days", "2", "-subj", f"/CN={name}",
                      "-addext", "basicConstraints=critical,CA:TRUE", "-out", f"{name}.pem")
        self.file = self.folder / f"{name}.pem"

    def issue(self, name, names, days=2, subject=None, kind="ec"):
        """NAME.pem and NAME.key for those subject alternative names; the key for its owner alone."""
        self._openssl("req", *self._key(name, kind), "-subj", subject or f"/CN={name}", "-out", f"{name}.csr",
                      "-addext", f"subjectAltName={names}")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.pem", "-CAkey", f"{self.name}.key",
                      "-set_serial", str(int.from_bytes(os.urandom(8), "big")), "-days", str(days),
                      "-copy_extensions", "copy", "-out", f"{name}.pem")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def client(self, certificate=None):
        """What a client that believes this authority connects with."""
        context = ssl.create_default_context(cafile=str(self.file))
        if certificate:
            context.load_cert_chain(*map(str, certificate))
        return context

    def _key(self, name, kind="ec"):
        what = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        return ["-newkey", *what, "-nodes", "-keyout", f"{name}.key"]

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, umask=0o077)
