import assert from 'node:assert';
import test from 'node:test';

import { count } from '../src/index.js';

test('case and punctuation mean nothing', () => {
  assert.deepEqual(count('Tea, tea! The cake: tea.'), [['tea', 3], ['cake', 1]]);
});

test('common words count when they are asked for', () => {
  assert.deepEqual(count('the tea', { all: true }), [['tea', 1], ['the', 1]]);
});
