export function lines(total, words) {
  const rows = words.map(([word, n]) => `${String(n).padStart(6)}  ${word}`);
  return [`${total} words, the most frequent:`, ...rows].join('\n');
}
