// tally [--top N] [--all] [--json]: counts the words of standard input.
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

import { count } from '@tally/count';

import { lines } from './lines.js';

const { values: options } = parseArgs({
  options: {
    top: { type: 'string', default: '5' },
    all: { type: 'boolean' },
    json: { type: 'boolean' },
  },
});

const words = count(await text(process.stdin), options);
const total = words.reduce((sum, [, n]) => sum + n, 0);
const top = words.slice(0, Number(options.top));
console.log(options.json ? JSON.stringify({ total, words: top }) : lines(total, top));
