// Customers help themselves, on the real load balancer: by a link in a browser, with and without scripts, and in a shell with
// the credential of their own session. What they keep goes on, on a healthy server; what they end is over.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser, Page } from '@playwright/test';
import { accessible, expect, test, type Lab } from './world';

/** Support makes a link for the customer, who is on `session`. */
async function linkFor(lab: Lab, browser: Browser, account: string, session: string): Promise<string> {
  const { page, context } = await lab.pageOf(browser, 'sam');
  await page.goto(`/accounts/${account}`);
  await page.getByRole('link', { name: 'Link for the customer' }).click();
  await page.getByLabel('The device that they are on').selectOption(session);
  await page.getByRole('button', { name: 'Make a link' }).click();
  const text = await page.getByRole('region', { name: 'The link, shown this once' }).textContent();
  await accessible(page, 'the link');
  await page.reload();
  await expect(page.getByText('shown this once')).toHaveCount(0);
  await context.close();
  return /https?:\S+code=\S+/.exec(text!)![0];
}

async function healthy(lab: Lab, account: string) {
  const answer = await lab.request(account);
  expect(answer.app.status, 'the session that was kept is signed in').toBe(200);
  expect(['api-1', 'api-3'], 'and on a healthy server').toContain(answer.app.served_by);
}

for (const [account, scripts, theme] of [['stuck-02', true, 'light'], ['stuck-16', false, 'dark']] as const) {
  test(`a customer resets their sessions by a link ${scripts ? 'with' : 'without'} scripts`, async ({ lab, browser }) => {
    const first = await lab.freshSignIn(account);
    const present = await lab.freshSignIn(account);
    expect(present.app.served_by).toBe('api-2');
    const url = await linkFor(lab, browser, account, present.client.session);
    const context = await browser.newContext({ javaScriptEnabled: scripts, colorScheme: theme, viewport: { width: 390, height: 844 } });
    const page: Page = await context.newPage();
    const look = async (what: string) => {
      if (scripts) await accessible(page, what);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth).catch(() => 0);
      expect(wide, `${what} is ${wide} pixels too wide`).toBeLessThanOrEqual(0);
    };
    await page.goto(url);
    await look('the door');
    await page.goto(url);
    await page.getByRole('button', { name: 'Check my sessions' }).click();
    await expect(page.getByRole('region', { name: 'What we found' })).toContainText('Your account is stuck');
    await expect(page.getByText('this one')).toBeVisible();
    await expect(page.locator('body')).not.toContainText('api-2');
    await look('their sessions');
    await page.getByRole('link', { name: /^Reset/ }).click();
    await expect(page.getByText('You stay signed in here.')).toBeVisible();
    await look('the preview');
    await page.getByRole('button', { name: /^Reset, and sign out/ }).click();
    await expect(page.getByRole('region', { name: 'How far it is' })).toContainText('Done. You may need to sign in again');
    await look('the result');
    await healthy(lab, account);
    for (const [table, key] of [['app', first.client.account_key], ['files', first.client.session_key]]) {
      const rows = await lab.rows(table, key);
      expect(rows.filter((row) => row.includes('server_id=2')), `${table} still leads to api-2`).toEqual([]);
    }
    await page.getByRole('button', { name: 'I am done here' }).click();
    await page.goto(url);
    await expect(page.getByText('This link was used already')).toBeVisible();
    await context.close();
    const events = await lab.shell('audit', 'export', '--format', 'ndjson');
    const mine = events.out.split('\n').filter((line) => line.includes(`"actor":"customer:${account}"`));
    for (const action of ['customer.link_opened', 'cleanup.requested']) expect(mine.some((line) => line.includes(action)), action).toBe(true);
  });
}

test('a customer resets in a shell, and keeps the session that asks', async ({ lab }) => {
  const account = 'stuck-01';
  await lab.freshSignIn(account);
  const present = await lab.freshSignIn(account);
  const { credential } = await lab.post(`/customers/${account}/credential`);
  const run = async (...words: string[]) => {
    const env = { PATH: process.env.PATH!, UNSTICK_SERVER: lab.state.console, UNSTICK_CREDENTIAL: credential };
    return promisify(execFile)(lab.state.admin_tool, words, { env, cwd: '/' });
  };
  expect((await run('diagnose-sessions')).stdout).toContain('Your account is stuck');
  expect((await run('reset-sessions')).stdout).toContain('Nothing was done.');
  expect((await lab.request(account)).app.served_by, 'a preview changes nothing').toBe('api-2');
  expect((await run('reset-sessions', '--confirm')).stdout).toContain('Done. You may need to sign in again');
  await healthy(lab, account);
  expect((await lab.request(account)).client.session).toBe(present.client.session);
});
