export const rows = (averages) =>
  Object.entries(averages)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([place, value]) => [place, `${value.toFixed(1)} °C`]);

export function table(averages) {
  const element = document.createElement('table');
  for (const cells of rows(averages)) {
    const row = element.insertRow();
    for (const cell of cells) row.insertCell().textContent = cell;
  }
  return element;
}
