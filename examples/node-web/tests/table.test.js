import assert from 'node:assert';
import test from 'node:test';

import { rows } from '../src/components/table.js';

test('rows are sorted and rounded', () => {
  assert.deepEqual(rows({ Roof: 3.14159, Cellar: 12 }), [['Cellar', '12.0 °C'], ['Roof', '3.1 °C']]);
});
