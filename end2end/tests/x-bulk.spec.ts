// Many accounts at once, on two real load balancers: one admin freezes the list and asks, another one approves exactly that, it
// runs in waves, is paused, and goes on; the server is killed in the middle, and whoever starts it again has nothing else to do.
// The report then names every account once, and everything that tells of it tells the same.
import { bulkOf, expect, test } from './world';

test('two admins, one list, a server that is killed in the middle, and one end for every account', async ({ fleet: lab, browser }) => {
  test.setTimeout(240_000);
  const clients = await lab.everybody();
  const accounts = clients.map((client) => client.account).sort();

  const ada = await lab.pageOf(browser, 'ada', { outage: true });
  const { page } = ada;
  await page.goto('/accounts?text=acc_');
  await page.getByRole('link', { name: 'Clean these up …' }).click();
  await expect(page.getByLabel('Id, e-mail or name')).toHaveValue('acc_');
  await page.getByLabel('Force').check();
  await page.getByLabel('Wave').fill('5');
  await page.getByLabel('Reason').fill('left by clients that were signed out badly');
  await page.getByRole('button', { name: 'Freeze the list and count' }).click();
  await expect(page).toHaveURL(/\/bulk\/b_/);
  const url = page.url().split('?')[0];
  const id = url.split('/').pop()!;
  await expect(page.getByText('these customers must sign in again')).toBeVisible();
  // Above the limit the password is asked for in the form that carries the list, however fresh the sign-in is.
  await page.getByLabel('Your password').fill(lab.password('ada'));
  await page.getByRole('button', { name: `Ask for approval of ${accounts.length} accounts` }).click();
  await expect(page.getByText('you asked for it: another admin must approve it')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Approve/ })).toHaveCount(0);

  const dan = await lab.pageOf(browser, 'dan', { javaScriptEnabled: false });
  await dan.page.goto(url);
  await dan.page.getByLabel('Your password').fill(lab.password('dan'));
  await dan.page.getByRole('button', { name: `Approve ${accounts.length} accounts` }).click();
  await expect(dan.page.getByText('approved by staff:dan')).toBeVisible();

  // Paused: what is under way ends, and nothing begins.
  await dan.page.getByRole('button', { name: 'Pause' }).click();
  await expect(dan.page.getByRole('button', { name: 'Go on' })).toBeVisible();
  await expect.poll(async () => (await bulkOf(lab, id)).counts.running).toBe(0);
  const paused = await bulkOf(lab, id);
  expect(paused.status).toBe('paused');
  expect(paused.counts.waiting, 'most of it is still to be done').toBeGreaterThan(accounts.length / 2);
  await page.goto(url);
  await page.getByRole('button', { name: 'Go on' }).click();
  const progress = page.getByRole('region', { name: 'Progress' });
  await expect.poll(async () => (await bulkOf(lab, id)).counts.done).toBeGreaterThan(paused.counts.done);
  await expect(progress).toContainText(/live/);

  await lab.post('/console/kill');
  const killed = await bulkOf(lab, id);
  expect(killed.status, 'nobody could say goodbye').toBe('running');
  expect(killed.counts.waiting, 'it died in the middle').toBeGreaterThan(0);
  expect(killed.counts.running, 'with clean-ups under way').toBeGreaterThan(0);
  await expect(progress).toContainText('connection lost, trying again');
  await lab.post('/console/start');

  // Nobody does anything: the page that lost its server has it again, and shows the end.
  await expect(progress).toContainText('100 %', { timeout: 120_000 });
  await expect(page.getByText('done', { exact: true })).toBeVisible();
  await expect(progress).toContainText(`${accounts.length} of ${accounts.length}`);
  await expect(progress.getByRole('link', { name: `${accounts.length} verified` })).toBeVisible();

  const csv = (await (await page.request.get(`${url}/report.csv`)).text()).trim().split('\r\n').map((line) => line.split(','));
  expect(csv.shift()).toEqual(['no', 'account_id', 'outcome', 'cleanup_id', 'note']);
  expect(csv.map((row) => row[1]).sort(), 'every account has one line').toEqual(accounts);
  expect(csv.map((row) => row[2]), 'and one outcome').toEqual(accounts.map(() => 'done'));
  const lines = (await (await page.request.get(`${url}/report.ndjson`)).text()).trim().split('\n').map((line) => JSON.parse(line));
  expect(lines.map((line) => [line.account, line.outcome, line.cleanup].join())).toEqual(csv.map((row) => [row[1], row[2], row[3]].join()));

  // The audit log: one request and one completion for each account, neither lost nor told twice, and one end of the whole.
  const events = (await lab.shell('audit', 'export', '--format', 'ndjson')).out.trim().split('\n');
  const cleanups = csv.map((row) => row[3]);
  for (const action of ['cleanup.requested', 'cleanup.done']) {
    const told = events.filter((event) => JSON.parse(event).action === action);
    const each = cleanups.map((cleanup) => told.filter((event) => event.includes(`"${cleanup}"`)).length);
    expect(each, `${action}: one for each account`).toEqual(accounts.map(() => 1));
  }
  expect(events.filter((event) => JSON.parse(event).action === 'bulk.done' && event.includes(id))).toHaveLength(1);
  expect((await lab.shell('audit', 'verify')).code, 'the chain verifies').toBe(0);

  // What the load balancers and the map themselves hold of those who were signed in: nothing.
  const keys = new Set(clients.flatMap((client) => [client.account_key, client.session_key]));
  const keyOf = (row: string) => /key=(\S+)/.exec(row)![1];
  for (const on of ['lb-1', 'lb-2']) {
    for (const table of ['app', 'files']) {
      expect((await lab.rows(table, undefined, on)).filter((row) => keys.has(keyOf(row))), `${table} of ${on}`).toEqual([]);
    }
  }
  const { entries } = await lab.get('/redis');
  expect(Object.keys(entries).filter((key) => keys.has(key)), 'the map').toEqual([]);
  expect((await lab.request(accounts[0])).app.status, 'the old session is over').toBe(401);
  for (const { context } of [ada, dan]) await context.close();
});
