import { eng, removeStopwords } from 'stopword';

const segmenter = new Intl.Segmenter('en', { granularity: 'word' });

/** The words in lower case with how often each occurs, the most frequent first, equal ones in order. */
export function count(text, { all = false } = {}) {
  let words = [];
  for (const { segment, isWordLike } of segmenter.segment(text.toLowerCase())) {
    if (isWordLike) words.push(segment);
  }
  if (!all) words = removeStopwords(words, eng);
  const counts = new Map();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}
