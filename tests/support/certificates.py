"""Certificates for tests of TLS, made by the openssl program: an authority, and what is wrong in various ways."""
import os
import shutil
import subprocess
import tempfile


class Certificates:
    """pair(name) is (certificate, key) of a server for that host name or address. Of these names the certificate is
    another: stranger (for localhost, by an authority of its own), expired (for localhost), common-name (localhost as
    common name, and no other name), nul (for localhost, NUL, .example)."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="shmotel-certificates-")
        os.chmod(self.directory, 0o755)
        self.authority, self.authority_key = self.self_signed("authority")

    def close(self):
        shutil.rmtree(self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def self_signed(self, name):
        certificate, key = self.path(name + ".pem"), self.path(name + ".key")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                     "-subj", "/CN=shmotel test " + name, "-keyout", key, "-out", certificate)
        return certificate, key

    def pair(self, name):
        certificate, key, request = self.path(name + "-host.pem"), self.path(name + "-host.key"), self.path(name + ".csr")
        if os.path.exists(certificate):
            return certificate, key
        host = "localhost" if name in ("stranger", "expired") else name
        authority, authority_key = (self.self_signed("other") if name == "stranger" else
                                    (self.authority, self.authority_key))
        extensions = self.path(name + ".ext")
        nul = b"localhost\0.example"
        with open(extensions, "w", encoding="ascii") as out:
            if name == "nul":
                out.write("subjectAltName=DER:30%02x82%02x%s\n" % (len(nul) + 2, len(nul), nul.hex()))
            elif name == "common-name":
                out.write("basicConstraints=CA:FALSE\n")
            else:
                out.write("subjectAltName=%s:%s\n" % ("IP" if host[0].isdigit() else "DNS", host))
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                     "/CN=" + ("localhost" if name in ("common-name", "nul") else "shmotel test host"), "-keyout", key, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority_key, "-CAcreateserial",
                     "-days", "-1" if name == "expired" else "1", "-extfile", extensions, "-out", certificate)
        os.chmod(key, 0o644)  # the exporter's user has to read it
        return certificate, key
