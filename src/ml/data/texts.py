"""The words of a free text, equal in training, requests and monitoring."""

import re
import unicodedata

# A word; each character of a script that writes no spaces is one: Japanese, Chinese, Thai, Lao, Khmer and Burmese.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
ALONE = re.compile(rf"[{UNSPACED}]")
WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")


def words(text: str) -> list[str]:
    """The words of a text in lower case; composed and decomposed letters are equal, punctuation is left out."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def spoken(text: str) -> int:
    """The number of words that spaces separate; an address, a code or coordinates are one word at most."""
    return sum(len(ALONE.findall(part)) or any(map(str.isalpha, part)) for part in text.split())


def length_class(text: str) -> str:
    """The number of words of a text as one of few levels, such as `4 to 7 words`; each is twice as wide as the last."""
    count = len(words(text))
    if count < 2:  # noqa: PLR2004
        return "1 word" if count else "no word"
    low = 1 << (count.bit_length() - 1)
    return f"{low} to {2 * low - 1} words"
