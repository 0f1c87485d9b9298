import './style.css';
import { table } from './components/table.js';
import { averages } from './api.js';

const app = document.querySelector('#app');

async function refresh() {
  try {
    app.replaceChildren(table(await averages()));
  } catch (why) {
    app.textContent = `No readings: ${why.message}`;
  }
}

refresh();
setInterval(refresh, 10_000);
