const base = import.meta.env?.VITE_API ?? '/api';

export async function averages() {
  const answer = await fetch(`${base}/averages`);
  if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
  return answer.json();
}
