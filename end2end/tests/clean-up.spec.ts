// The main job: find a stuck account, see why, force its clean-up, prove it on the load balancer itself, find it in the
// audit log. Once with scripts and once without.
import { expect, test } from './world';

for (const scripts of [true, false]) {
  test(`a stuck account is found, explained, cleaned and proved ${scripts ? 'with' : 'without'} scripts`, async ({ lab, browser }) => {
    const account = scripts ? 'stuck-03' : 'stuck-04';
    const before = await lab.freshSignIn(account);
    expect(before.app.served_by, 'a fresh sign-in from a new client lands on the bad server').toBe('api-2');
    expect((await lab.request(account)).app.served_by, 'and so does its next request').toBe('api-2');
    const { page, context } = await lab.pageOf(browser, 'sam', { javaScriptEnabled: scripts });

    await page.getByRole('searchbox').first().fill(account);
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: new RegExp(account) }).or(page.getByRole('main').getByRole('link').filter({ hasText: /\w/ })).first().click();
    await expect(page).toHaveURL(new RegExp(`/accounts/${account}`));
    const verdict = page.getByRole('region', { name: 'Verdict' });
    await expect(verdict).toContainText('Stuck on a bad server.');
    await expect(verdict).toContainText('api-2');

    await page.goto(`/accounts/${account}/clean-up?mode=force`);
    await expect(page.getByRole('heading', { level: 1 })).toContainText('Clean up');
    await page.getByLabel('Reason').fill('Lands on api-2 whatever they reinstall');
    await page.getByLabel('Ticket').fill('T-48213');
    const confirm = page.getByRole('button', { name: /^End \d+ sessions?/ });
    await confirm.click();

    await expect(page).toHaveURL(/\/clean-ups\/c_/);
    const where = page.getByRole('region', { name: 'Where it is' });
    await expect(where).toContainText('Clean, and read back.');
    await expect(where).toContainText(/cleared at \d\d:\d\d:\d\d\.\d+ · verified at \d\d:\d\d:\d\d/);
    await expect(page.getByText('We checked afterwards that nothing of it is left')).toBeVisible();
    const cleanup = page.url().split('/').pop()!;

    for (const [table, key] of [['app', before.client.account_key], ['files', before.client.session_key]]) {
      expect(await lab.rows(table, key), `HAProxy's own ${table} has no row for ${key}`).toEqual([]);
    }
    expect((await lab.request(account)).app.status, 'the old session is over').toBe(401);
    const after = await lab.freshSignIn(account);
    for (const answer of [after.app, after.files]) {
      expect(answer.status).toBe(200);
      expect(['api-1', 'api-3'], 'a fresh sign-in lands on a healthy server').toContain(answer.served_by);
    }
    await page.goto(`/accounts/${account}`);
    await expect(verdict).toContainText('Sessions are not the cause.');
    await context.close();

    const auditor = await lab.pageOf(browser, 'otto', { javaScriptEnabled: scripts });
    await auditor.page.goto(`/audit?account=${account}`);
    for (const action of ['cleanup.requested', 'cleanup.done']) {
      await expect(auditor.page.getByRole('row').filter({ hasText: action }).filter({ hasText: account }).first()).toBeVisible();
    }
    await auditor.context.close();
    const exported = await lab.shell('audit', 'export', '--format', 'ndjson');
    const done = exported.out.split('\n').filter((line) => line.includes(cleanup) && line.includes('cleanup.done'));
    expect(done.length, 'exactly one completion').toBe(1);
    const verified = await lab.shell('audit', 'verify');
    expect(verified, 'the chain verifies').toMatchObject({ code: 0 });
  });
}

test('a request in flight writes the entry back, and it does not stay', async ({ lab }) => {
  const account = 'stuck-05';
  const fresh = await lab.freshSignIn(account);
  const slow = lab.post(`/customers/${account}/slow-request?ms=1500`);
  const cleaned = await lab.shell('cleanup-user-sessions', '--account-id', account, '--force', '--reason', 'in flight', '--json');
  await slow;
  expect(cleaned.code, cleaned.err).toBe(0);
  expect(await lab.rows('app', fresh.client.account_key)).toEqual([]);
  expect((await lab.freshSignIn(account)).app.served_by).not.toBe('api-2');
});

test('the gentle modes free an account and sign nobody out', async ({ lab }) => {
  for (const [account, mode] of [['stuck-06', 'stale'], ['stuck-07', 'unstick']]) {
    const fresh = await lab.freshSignIn(account);
    expect(fresh.app.served_by).toBe('api-2');
    const cleaned = await lab.shell('cleanup-user-sessions', '--account-id', account, '--mode', mode, '--reason', 'gently', '--json');
    expect(cleaned.code, cleaned.err).toBe(0);
    const next = await lab.request(account);
    expect(next.app.status, `${mode}: still signed in`).toBe(200);
    expect(next.app.served_by, `${mode}: on a healthy server`).not.toBe('api-2');
  }
});

test('what comes back after it was verified is found, said, and cleaned again', async ({ lab, browser }) => {
  const account = 'stuck-13';
  const fresh = await lab.freshSignIn(account);
  const cleaned = await lab.shell('cleanup-user-sessions', '--account-id', account, '--force', '--reason', 'will come back', '--json');
  expect(cleaned.code, cleaned.err).toBe(0);
  const { page, context } = await lab.pageOf(browser, 'sam');
  await page.goto(`/clean-ups/${JSON.parse(cleaned.out).cleanup_id}`);
  const where = page.getByRole('region', { name: 'Where it is' });
  await expect(where).toContainText(/watched until \d\d:\d\d:\d\d/);

  await lab.post(`/haproxy/table/files?key=${fresh.client.session_key}`);
  expect(await lab.rows('files', fresh.client.session_key), 'a peer taught it again').toHaveLength(1);
  await expect(async () => {
    await page.reload();
    await expect(page.getByText('It came back after it was verified.')).toBeVisible({ timeout: 500 });
    await expect(where).toContainText('Clean, and read back.', { timeout: 500 });
  }).toPass({ timeout: 30_000 });
  expect(await lab.rows('files', fresh.client.session_key), 'and it is gone again').toEqual([]);
  await page.goto('/clean-ups');
  await expect(page.getByRole('row').filter({ hasText: 'came back once' }).first()).toBeVisible();
  const exported = await lab.shell('audit', 'export', '--format', 'ndjson');
  const told = exported.out.split('\n').filter((line) => line.includes(account) && line.includes('cleanup.came_back'));
  expect(told).toHaveLength(1);
  await context.close();
});
