"""Messages to a chat: Slack, Mattermost and Google Chat accept the same JSON."""

import requests

from ml.io.errors import UserError

SECONDS = (5, 15)


def post(url: str, text: str) -> None:
    """Post one message; raises UserError without the URL, which is secret."""
    try:
        answer = requests.post(url, json={"text": text}, timeout=SECONDS)
    except requests.RequestException as error:
        raise UserError(f"ALERT_WEBHOOK did not respond: {type(error).__name__}. Check the address.") from None
    if not answer.ok:
        raise UserError(f"ALERT_WEBHOOK answered {answer.status_code}: {answer.text[:200]!r}. Check the address.")
