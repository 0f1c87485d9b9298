"""Words of a text and how often each occurs, whatever its ending."""

import re
from collections import Counter

import snowballstemmer

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def words(text, language="english"):
    """(word, how often), the most frequent first; a word stands for all with its stem."""
    stem = snowballstemmer.stemmer(language).stemWord
    counts, first = Counter(), {}
    for word in WORD.findall(text.lower()):
        root = stem(word)
        first.setdefault(root, word)
        counts[root] += 1
    return sorted(((first[root], n) for root, n in counts.items()), key=lambda pair: (-pair[1], pair[0]))
