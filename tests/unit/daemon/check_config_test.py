"""--check-config reads the files of TLS and looks at the spool's directory, as the user that the receiver becomes."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from certificates import Certificates  # noqa: E402

RECEIVER = sys.argv[1]


class CheckConfig(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.certificate, cls.key = cls.certificates.pair("client")
        _, cls.other = cls.certificates.pair("localhost")

    @classmethod
    def tearDownClass(cls):
        cls.certificates.close()

    def check(self, *arguments, export="otlp-grpc:https://localhost:4317"):
        user = ("--user", "65534") if os.getuid() == 0 else ()
        return subprocess.run([RECEIVER, "--config", "/dev/null", "--check-config", *user, "--export", export, *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)

    def right(self, *arguments, **how):
        done = self.check(*arguments, **how)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("exporter ", done.stdout)

    def wrong(self, sentence, *arguments, **how):
        done = self.check(*arguments, **how)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn(sentence, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_files_that_are_right_are_accepted(self):
        self.right("--tls-ca-file", self.certificates.authority, "--tls-cert-file", self.certificate, "--tls-key-file", self.key)

    def test_each_file_that_is_wrong_is_named(self):
        trusted = ("--tls-ca-file", self.certificates.authority)
        self.wrong('tls.ca_file: "/nonexistent" cannot be used: No such file', "--tls-ca-file", "/nonexistent")
        self.wrong("tls.ca_file", "--tls-ca-file", "/etc/hostname")
        self.wrong("go together", *trusted, "--tls-cert-file", self.certificate)
        self.wrong("tls.cert_file", *trusted, "--tls-cert-file", "/nonexistent", "--tls-key-file", self.key)
        self.wrong("tls.key_file", *trusted, "--tls-cert-file", self.certificate, "--tls-key-file", self.other)

    def test_endpoints_without_tls_need_no_files(self):
        for export in ("otlp-grpc:http://localhost:4317", "otlp-http:unix:///run/x.sock", "console"):
            done = self.check("--tls-ca-file", "/nonexistent", export=export)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    @unittest.skipIf(os.getuid() != 0, "needs root, to have files that another user cannot read")
    def test_what_only_root_can_use_is_no_use(self):
        os.chmod(self.key, 0o640)
        self.addCleanup(os.chmod, self.key, 0o644)
        self.wrong("tls.key_file: \"%s\" cannot be used: Permission denied" % self.key, "--tls-ca-file",
                   self.certificates.authority, "--tls-cert-file", self.certificate, "--tls-key-file", self.key)
        directory = tempfile.mkdtemp(prefix="shmotel-spool-")
        self.addCleanup(shutil.rmtree, directory)
        unix = {"export": "otlp-grpc:unix:///run/x.sock"}
        self.wrong("cannot be used: Permission denied", "--storage-directory", directory, **unix)
        os.chown(directory, 65534, 65534)
        self.right("--storage-directory", directory, **unix)
        self.assertEqual(os.listdir(directory), [])

    def test_a_directory_that_is_not_there_is_said(self):
        self.wrong("No such file", "--storage-directory", "/nonexistent", export="otlp-grpc:unix:///run/x.sock")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
