"""`bester ca`: what it makes is held against the openssl program, and openssl links with it."""
import contextlib
import datetime
import json
import os
import re
import shutil
import socket
import stat
import subprocess

import pytest

from eventually import eventually

pytestmark = [pytest.mark.one_thread,
              pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl program; tests/run.sh installs it")]


@pytest.fixture
def ca(bin_directory, tmp_path):
    """ca("issue", "alpha", …) → (exit code, standard output, standard error), in a directory of its own."""
    def run(*words, **environment):
        done = subprocess.run([bin_directory / "bester", "ca", *map(str, words)], cwd=tmp_path, capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], **environment})
        return done.returncode, done.stdout, done.stderr
    return run


def must(outcome):
    assert outcome[0] == 0, outcome
    return outcome[1]


def openssl(*words, ok=True, **more):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, **more)
    assert not ok or done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def files(ca, tmp_path):
    """An authority with two servers."""
    must(ca("init"))
    must(ca("issue", "alpha", "b.example"))
    return tmp_path / "bester-ca"


# ---- what is made ----

def test_the_files_and_who_may_read_them(files):
    assert {p.name for p in files.iterdir()} == {"ca.crt", "ca.key", "alpha.crt", "alpha.key", "b.example.crt", "b.example.key"}
    assert mode(files) == 0o700
    for path in files.iterdir():
        assert mode(path) == (0o600 if path.suffix == ".key" else 0o644), path


def test_openssl_verifies_them_strictly(files):
    for name in ("alpha", "b.example"):
        for purpose in ("sslserver", "sslclient"):
            said = openssl("verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", files / "ca.crt", "-purpose", purpose,
                           "-verify_hostname", name, files / f"{name}.crt")
            assert said.endswith(": OK\n"), said
    assert "hostname mismatch" in openssl("verify", "-CAfile", files / "ca.crt", "-verify_hostname", "beta", files / "alpha.crt", ok=False)


def test_openssl_reads_what_was_meant(files):
    text = openssl("x509", "-in", files / "alpha.crt", "-noout", "-text")
    for part in ("CA:FALSE", "Digital Signature", "TLS Web Server Authentication, TLS Web Client Authentication", "DNS:alpha\n",
                 "prime256v1", "Issuer: CN = bester authority", "Subject: CN = alpha"):
        assert part in text, text
    text = openssl("x509", "-in", files / "ca.crt", "-noout", "-text")
    for part in ("CA:TRUE, pathlen:0", "Basic Constraints: critical", "Key Usage: critical", "Certificate Sign, CRL Sign"):
        assert part in text, text
    for name in ("ca", "alpha"):
        public = openssl("x509", "-in", files / f"{name}.crt", "-noout", "-pubkey")
        assert public == openssl("pkey", "-in", files / f"{name}.key", "-pubout")


def test_the_times(ca, tmp_path):
    must(ca("init", "--days", 100, "--name", "Short"))
    must(ca("issue", "alpha", "--days", 7))
    must(ca("issue", "beta"))
    shown = {x["subject"]: x for x in json.loads(must(ca("show", "--json")))}
    assert shown["alpha"]["days_left"] in (6, 7) and shown["Short"]["days_left"] in (99, 100)
    assert shown["beta"]["not_after"] == shown["Short"]["not_after"], "none outlives its authority"
    begin, end = (datetime.datetime.strptime(shown["alpha"][key], "%Y-%m-%dT%H:%M:%SZ") for key in ("not_before", "not_after"))
    assert end - begin == datetime.timedelta(days=7, minutes=5)


def test_show_and_openssl_agree(ca, files):
    (shown,) = json.loads(must(ca("show", files / "alpha.crt", "--json")))
    said = openssl("x509", "-in", files / "alpha.crt", "-noout", "-fingerprint", "-sha256", "-serial")
    assert f"Fingerprint={shown['sha256']}\n" in said and f"serial={shown['serial']}\n" in said
    assert shown["names"] == ["alpha"] and shown["issuer"] == "bester authority" and shown["file"] == str(files / "alpha.crt")
    assert (shown["authority"], shown["for_servers"], shown["for_clients"]) == (False, True, True)
    text = must(ca("show"))
    assert text.index("ca.crt") < text.index("alpha.crt") < text.index("b.example.crt")
    assert re.search(r"36[45] days left", text) and shown["sha256"] in text


def test_show_reads_foreign_certificates_and_says_what_is_expired(ca, tmp_path):
    (tmp_path / "extensions").write_text("subjectAltName=DNS:one,DNS:two,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "f.key", "-out", tmp_path / "f.csr", "-subj", "/CN=evil\x1b[31m")
    openssl("x509", "-req", "-in", tmp_path / "f.csr", "-signkey", tmp_path / "f.key", "-days", "-1", "-out", tmp_path / "f.crt",
            "-extfile", tmp_path / "extensions")
    text = must(ca("show", "f.crt"))
    assert "one, two" in text and "expired" in text and "\x1b" not in text
    (shown,) = json.loads(must(ca("show", "f.crt", "--json")))
    assert shown["days_left"] < 0 and shown["for_servers"] and not shown["for_clients"]


def test_issue_to_another_directory_brings_the_authority_along(ca, files, tmp_path):
    must(ca("issue", "gamma", "--out", "carried"))
    assert {p.name for p in (tmp_path / "carried").iterdir()} == {"ca.crt", "gamma.crt", "gamma.key"}
    assert (tmp_path / "carried/ca.crt").read_bytes() == (files / "ca.crt").read_bytes()
    must(ca("issue", "delta", "--out", "carried"))
    must(ca("init", "--directory", "other"))
    code, _, err = ca("issue", "epsilon", "--directory", "other", "--out", "carried")
    assert code == 1 and "carried/ca.crt" in err and not (tmp_path / "carried/epsilon.key").exists()


def test_the_directory_from_the_environment(ca, tmp_path):
    must(ca("init", BESTER_CA_DIRECTORY="elsewhere"))
    must(ca("issue", "alpha", BESTER_CA_DIRECTORY="elsewhere"))
    assert (tmp_path / "elsewhere/alpha.crt").exists()


# ---- renew ----

def test_renew_keeps_the_key_or_makes_a_new_one(ca, files):
    before = (files / "alpha.key").read_bytes()
    serial = json.loads(must(ca("show", files / "alpha.crt", "--json")))[0]["serial"]
    must(ca("renew", "alpha", "--days", 20))
    (shown,) = json.loads(must(ca("show", files / "alpha.crt", "--json")))
    assert shown["serial"] != serial and shown["days_left"] in (19, 20) and shown["names"] == ["alpha"]
    assert (files / "alpha.key").read_bytes() == before
    must(ca("renew", "alpha", "--new-key"))
    assert (files / "alpha.key").read_bytes() != before and mode(files / "alpha.key") == 0o600
    openssl("verify", "-CAfile", files / "ca.crt", files / "alpha.crt")
    assert openssl("x509", "-in", files / "alpha.crt", "-noout", "-pubkey") == openssl("pkey", "-in", files / "alpha.key", "-pubout")


# ---- what is refused ----

def test_nothing_is_overwritten(ca, files):
    before = {p: p.read_bytes() for p in files.iterdir()}
    for words in (["init"], ["issue", "alpha"], ["issue", "new", "alpha"]):
        code, out, err = ca(*words)
        assert code == 1 and "exists already" in err, (words, code, err)
    (files / "new.crt").unlink()
    (files / "new.key").unlink()
    assert before == {p: p.read_bytes() for p in files.iterdir()}
    assert "bester ca renew alpha" in ca("issue", "alpha")[2]


@pytest.mark.parametrize("name", ["a b", "../up", "*.example", "a,DNS:b", "", "x" * 65, "ca", ".hidden"])
def test_wrong_names(ca, files, name):
    before = sorted(files.iterdir())
    code, out, err = ca("issue", "good", name)
    assert code == 2 and not out and err
    assert sorted(files.iterdir()) == before


def test_wrong_usage(ca, files):
    for words in ([], ["issue"], ["renew"], ["issue", "x", "--days", "0"], ["issue", "x", "--days", "many"], ["init", "--days", "40000"],
                  ["init", "--directory", "x", "--name", ""], ["nonsense"]):
        code, out, err = ca(*words)
        assert code == 2 and not out and err, words


def test_missing_damaged_and_foreign_files(ca, files, tmp_path):
    code, _, err = ca("issue", "x", "--directory", "none")
    assert code == 3 and "none/ca.crt" in err and "bester ca init" in err
    assert ca("renew", "nobody")[0] == 3
    (tmp_path / "damaged.crt").write_text((files / "alpha.crt").read_text()[:200])
    code, out, err = ca("show", "damaged.crt", files / "alpha.crt", "none.crt")
    assert code == 3 and "damaged.crt" in err and "none.crt" in err and "alpha" in out
    must(ca("init", "--directory", "other"))
    must(ca("issue", "gamma", "--directory", "other"))
    code, _, err = ca("renew", "gamma", "--out", "other")
    assert code == 1 and "wrong_authority" in err
    (files / "ca.key").chmod(0o644)
    code, _, err = ca("issue", "x")
    assert code == 1 and "chmod 600" in err and not (files / "x.crt").exists()


def test_a_directory_that_cannot_be_written(ca, tmp_path):
    (tmp_path / "file").write_text("")
    for directory in ("file", "none/deeper"):
        code, out, err = ca("init", "--directory", directory)
        assert code == 3 and directory in err and not out


# ---- openssl links with what was made ----

@contextlib.contextmanager
def server(files, name):
    """openssl s_server that echoes lines reversed, on a free port; gives the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_3", "-cert", files / f"{name}.crt",
                                "-key", files / f"{name}.key", "-CAfile", files / "ca.crt", "-Verify", "2", "-verify_return_error",
                                "-rev"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def listens():
        assert process.poll() is None, process.stdout.read()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False
    try:
        eventually(listens)
        yield port
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def client(files, port, name, authority=None):
    """Says hello; True if the reversed word came back, and what openssl said."""
    process = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", authority or files / "ca.crt", "-no-CApath",
                                "-no-CAstore", "-verify_return_error", "-verify_hostname", "b.example", "-servername", "b.example",
                                "-quiet", "-cert", files / f"{name}.crt", "-key", files / f"{name}.key"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write("hello\n")
            process.stdin.flush()
        said = ""
        # The end of the output comes when openssl gives up; the server never closes by itself.
        for line in process.stdout:
            said += line
            if line == "olleh\n":
                break
        return "olleh\n" in said, said
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def test_two_servers_link(files):
    with server(files, "b.example") as port:
        linked, said = client(files, port, "alpha")
        assert linked and "verify error" not in said, said


def test_a_renewed_certificate_links_and_a_foreign_one_does_not(ca, files, tmp_path):
    must(ca("renew", "alpha", "--new-key"))
    must(ca("init", "--directory", "other"))
    must(ca("issue", "alpha", "--directory", "other"))
    with server(files, "b.example") as port:
        linked, said = client(files, port, "alpha")
        assert linked, said
        linked, said = client(tmp_path / "other", port, "alpha")
        assert not linked and "verify error" in said, said
        linked, said = client(tmp_path / "other", port, "alpha", authority=files / "ca.crt")
        assert not linked and "alert" in said, said
