"""Free text as a bag of words, hashed into a fixed number of columns: no pandas, no scikit-learn.

scikit-learn's HashingVectorizer does the same with another hash; it takes no missing values, and an image has no
scikit-learn. Training, batch scoring and API call this one function, so they cannot differ.
"""

from math import sqrt
from zlib import crc32

from ml.data.texts import words


def hashed(text: str | None, size: int) -> list[float]:
    """`size` numbers: the first is 1 where the text is missing, the others are counts of words, scaled to length 1.

    Different words may share a column (Weinberger et al., Feature hashing for large scale multitask learning, 2009).
    """
    found = [0.0] * size
    if text is None:
        found[0] = 1.0
        return found
    for word in words(text):
        found[1 + crc32(word.encode(errors="surrogatepass")) % (size - 1)] += 1.0
    length = sqrt(sum(count * count for count in found))
    return [count / length for count in found] if length else found
