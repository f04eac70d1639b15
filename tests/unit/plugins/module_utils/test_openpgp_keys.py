# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpgp_samples import (
    FIRST,
    FIRST_FINGERPRINT,
    SECOND,
    SECOND_FINGERPRINT,
    VERSION_6,
    VERSION_6_FINGERPRINT,
)

from ansible_collections.kvmcloud.stack.plugins.module_utils.openpgp_keys import (
    KeyFileError,
    armored,
    dearmored,
    normal_fingerprint,
    read_keys,
    refuse_unlisted,
)


@pytest.mark.parametrize(
    ("data", "fingerprints"),
    [
        pytest.param(FIRST, [FIRST_FINGERPRINT], id="armoured"),
        pytest.param(dearmored(FIRST), [FIRST_FINGERPRINT], id="binary"),
        pytest.param(SECOND, [SECOND_FINGERPRINT], id="armour headers"),
        pytest.param(FIRST.replace(b"\n", b"\r\n"), [FIRST_FINGERPRINT], id="Windows line ends"),
        pytest.param(FIRST + SECOND, [FIRST_FINGERPRINT, SECOND_FINGERPRINT], id="two blocks in one file"),
        pytest.param(
            armored(dearmored(FIRST) + dearmored(SECOND)),
            [FIRST_FINGERPRINT, SECOND_FINGERPRINT],
            id="two keys in one block",
        ),
        pytest.param(b"fetched today\n" + FIRST + b"thanks\n", [FIRST_FINGERPRINT], id="text around the block"),
        pytest.param(VERSION_6, [VERSION_6_FINGERPRINT], id="version 6, the sample of RFC 9580"),
    ],
)
def test_fingerprints(data: bytes, fingerprints: list[str]) -> None:
    keys, packets = read_keys(data)
    assert [key.fingerprint for key in keys] == fingerprints
    assert read_keys(armored(packets)) == (keys, packets)


def test_user_ids_and_subkeys_are_told() -> None:
    (key,), _packets = read_keys(FIRST)
    assert key.user_ids == ("First Signer <first@example.org>",)
    (key,), _packets = read_keys(VERSION_6)
    assert [subkey[:16] for subkey in key.subkeys] == ["12C83F1E706F6308"]


SECRET = FIRST.replace(b"PUBLIC KEY", b"PRIVATE KEY")
DAMAGED = FIRST.replace(b"aRzluvC0", b"aRzluvC1")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(b"", "neither an armoured nor a binary", id="empty"),
        pytest.param(b"<html>404</html>", "begins with '<html>404</html'", id="an error page"),
        pytest.param(SECRET, "private key", id="private key"),
        pytest.param(b"\x94\x03\x04\x00\x00", "private key", id="private key, binary"),
        pytest.param(DAMAGED, "checksum differs", id="one letter changed"),
        pytest.param(FIRST.replace(b"aRzl", b"a-zl"), "not base64", id="not base64"),
        pytest.param(dearmored(FIRST)[:-5], "cut off", id="cut off"),
        pytest.param(dearmored(FIRST)[:1], "cut off", id="cut off in the header"),
        pytest.param(b"\x99\x00\x02\x03\x00", "version 3", id="version 3 key"),
        pytest.param(b"\xb4\x01A", "begins with a packet of type 13", id="user id first"),
        pytest.param(dearmored(FIRST) + b"\xcb\x01A", "packet of type 11", id="a message behind the key"),
        pytest.param(dearmored(FIRST) + b"\x00", "damaged", id="rubbish behind the key"),
        pytest.param(b"\xc6\xe0\x00", "in parts", id="partial length"),
        pytest.param(b"\x9b\x00", "no length", id="indeterminate length"),
        pytest.param(
            b"-----BEGIN PGP SIGNED MESSAGE-----\n\nhello\n-----END PGP SIGNED MESSAGE-----\n",
            "SIGNED MESSAGE",
            id="another kind of block",
        ),
    ],
)
def test_what_is_no_key_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(KeyFileError, match=sentence):
        read_keys(data)


@given(st.binary(max_size=200))
def test_any_bytes_end_in_keys_or_a_sentence(data: bytes) -> None:
    try:
        keys, _packets = read_keys(data)
    except KeyFileError as error:
        assert str(error)
    else:
        assert keys


# From the second byte on: with another first one the same key may be in the other of the two forms of packets.
@given(st.integers(1, len(dearmored(FIRST)) - 1), st.integers(1, 255))
def test_a_changed_key_packet_never_keeps_the_fingerprint(position: int, difference: int) -> None:
    data = bytearray(dearmored(FIRST))
    data[position] ^= difference
    try:
        keys, _packets = read_keys(bytes(data))
    except KeyFileError:
        return
    in_key_packet = position < 2 + data[1]
    assert (keys[0].fingerprint == FIRST_FINGERPRINT) is not in_key_packet


@pytest.mark.parametrize(
    "text",
    [
        FIRST_FINGERPRINT.lower(),
        "0x" + FIRST_FINGERPRINT,
        "2D9C 9B16 EAA9 21FA 5E6F  86B8 9CED 45DC CF8F C58D",
        "2D:9C:9B:16:EA:A9:21:FA:5E:6F:86:B8:9C:ED:45:DC:CF:8F:C5:8D",
    ],
)
def test_ways_to_write_a_fingerprint(text: str) -> None:
    assert normal_fingerprint(text) == FIRST_FINGERPRINT


@pytest.mark.parametrize("text", ["CF8FC58D", "9CED45DCCF8FC58D", "", "Z" * 40, FIRST_FINGERPRINT + "00"])
def test_short_ids_are_no_fingerprints(text: str) -> None:
    with pytest.raises(KeyFileError, match="not a full fingerprint"):
        normal_fingerprint(text)


def test_every_primary_key_must_be_listed() -> None:
    keys, _packets = read_keys(FIRST + SECOND)
    refuse_unlisted(keys, [SECOND_FINGERPRINT, FIRST_FINGERPRINT], "x")
    with pytest.raises(KeyFileError) as caught:
        refuse_unlisted(keys, [FIRST_FINGERPRINT], "https://example.org/key")
    assert f"Found: {SECOND_FINGERPRINT} (Second Signer <second@example.org>)" in str(caught.value)
    assert f"Wanted: {FIRST_FINGERPRINT}" in str(caught.value)


@pytest.mark.skipif(not shutil.which("gpg"), reason="gpg is not installed")
@pytest.mark.parametrize("algorithm", ["rsa2048", "nistp256", "ed25519"])
def test_fingerprints_are_those_that_gpg_prints(algorithm: str, tmp_path: Path) -> None:
    def gpg(*arguments: str) -> bytes:
        command = ["gpg", "--homedir", str(tmp_path), "--batch", "--quiet", *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout

    tmp_path.chmod(0o700)
    gpg("--passphrase", "", "--quick-gen-key", "Someone", algorithm, "default", "never")
    shown = gpg("--list-keys", "--with-colons", "--with-subkey-fingerprint").decode().splitlines()
    said = [line.split(":")[9] for line in shown if line.startswith("fpr:")]
    exported = (gpg("--export"), gpg("--export", "--armor"))
    subprocess.run(["gpgconf", "--homedir", str(tmp_path), "--kill", "all"], check=True)
    for data in exported:
        (key,), _packets = read_keys(data)
        assert [key.fingerprint, *key.subkeys] == said
