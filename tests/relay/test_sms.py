"""The gateways hand codes over, and say so when they cannot, without ever quoting one."""

import json
from pathlib import Path

import pytest

from actors.ports import system_entropy
from relay.config import Config
from relay.errors import GatewayError
from relay.sms import ConsoleGateway, FileGateway, SmsGateway, gateway_from
from relay.webhook import WebhookGateway

PHONE, CODE = "+491713920001", "123456"


class FixedClock:
    def now(self) -> float:
        return 1_000.5


async def test_the_console_shows_phone_and_code() -> None:
    lines: list[str] = []
    await ConsoleGateway(lines.append).send_code(PHONE, CODE, "sms")
    assert lines == [f"Verification code for {PHONE} (by sms): {CODE}"]


async def test_the_file_gets_one_json_line_a_code(tmp_path: Path) -> None:
    path = tmp_path / "sms.jsonl"
    gateway = FileGateway(path, FixedClock())
    await gateway.send_code(PHONE, CODE, "sms")
    await gateway.send_code(PHONE, "000000", "voice")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [
        {"phone": PHONE, "code": CODE, "via": "sms", "at": 1_000.5},
        {"phone": PHONE, "code": "000000", "via": "voice", "at": 1_000.5},
    ]


async def test_a_file_that_cannot_be_written_is_a_gateway_error(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="cannot be written"):
        await FileGateway(tmp_path / "no" / "sms.jsonl", FixedClock()).send_code(PHONE, CODE, "sms")


@pytest.mark.parametrize(
    ("setting", "kind"),
    [("console", ConsoleGateway), ("file:a", FileGateway), ("webhook:https://b", WebhookGateway)],
)
def test_the_setting_names_the_gateway(setting: str, kind: type[SmsGateway]) -> None:
    config = Config(sms=setting, sms_secret="n" * 16 + "," + "o" * 16)
    assert isinstance(gateway_from(config, FixedClock(), system_entropy, print), kind)
