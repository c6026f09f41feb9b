"""A password file is what mosquitto_passwd would have written."""

import base64

from bench.peers.mqtt.passwords import hashed, password_file


def test_a_hash_is_the_one_of_mosquitto_passwd() -> None:
    # Written by mosquitto_passwd 2.0.11: mosquitto_passwd -b -c FILE ann secret
    salt = base64.b64decode("JEU1+zJ8n2z6lFgN")
    assert hashed("secret", salt) == (
        "$7$101$JEU1+zJ8n2z6lFgN$"
        "QWyMTxY/4aYDfamXifeOOjuIGnpHBQJH/OewY0D3vWTg5xTgQE/JXJSjpTqKN5u/BxAGFS3ydj9QNwuz3bkKYQ=="
    )


def test_each_user_has_a_line_and_a_salt_of_their_own() -> None:
    lines = password_file([("ann", "secret"), ("bob", "secret")]).splitlines()
    assert [line.split(":")[0] for line in lines] == ["ann", "bob"]
    assert lines[0].split("$")[3] != lines[1].split("$")[3]
