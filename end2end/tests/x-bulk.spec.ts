// Many accounts at once: one admin freezes the list and asks, another one approves exactly that, it runs in waves on the real
// load balancer, is paused and goes on, and tells what became of everybody. Late: it frees customers that others want stuck.
import { expect, test } from './world';

test('two admins, one list, and an end for every account', async ({ lab, browser }) => {
  test.setTimeout(120_000);
  const listed = await lab.shell('cleanup-user-sessions', '--filter', 'text=acc_', '--dry-run', '--reason', 'a look', '--json');
  expect(listed.code, listed.err).toBe(0);
  const count: number = JSON.parse(listed.out).bulk.counts.waiting;
  expect(count).toBeGreaterThan(50);

  const ada = await lab.pageOf(browser, 'ada');
  const { page } = ada;
  await page.goto('/accounts?text=acc_');
  await page.getByRole('link', { name: 'Clean these up …' }).click();
  await expect(page.getByLabel('Part of id, e-mail or name')).toHaveValue('acc_');
  await page.getByLabel('Clean up left-overs').check();
  await page.getByLabel('Wave').fill('5');
  await page.getByLabel('Reason').fill('left by clients that were signed out badly');
  await page.getByRole('button', { name: 'Freeze the list and count' }).click();
  await expect(page).toHaveURL(/\/bulk\/b_/);
  const url = page.url();
  await expect(page.getByText('Nobody is signed out.')).toBeVisible();
  // Above the limit the password is asked for in the form that carries the list, however fresh the sign-in is.
  await page.getByLabel('Your password').fill(lab.password('ada'));
  await page.getByRole('button', { name: /^Ask for approval of \d+ accounts$/ }).click();
  await expect(page.getByText('you asked for it: another admin must approve it')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Approve/ })).toHaveCount(0);

  const dan = await lab.pageOf(browser, 'dan', { javaScriptEnabled: false });
  await dan.page.goto(url);
  await dan.page.getByLabel('Your password').fill(lab.password('dan'));
  await dan.page.getByRole('button', { name: /^Approve \d+ accounts$/ }).click();
  await expect(dan.page.getByText('approved by staff:dan')).toBeVisible();
  await dan.page.getByRole('button', { name: 'Pause' }).click();
  await expect(dan.page.getByRole('button', { name: 'Go on' })).toBeVisible();
  await page.goto(url);
  await page.getByRole('button', { name: 'Go on' }).click();
  const progress = page.getByRole('region', { name: 'Progress' });
  await expect(progress).toContainText('100 %', { timeout: 60_000 });
  await expect(page.getByRole('link', { name: /verified|nothing to clean/ }).first()).toBeVisible();
  const report = await page.request.get(`${url.split('?')[0]}/report.csv`);
  expect((await report.text()).trim().split('\n').length - 1).toBeGreaterThan(50);
  expect((await lab.shell('audit', 'verify')).code, 'the chain verifies').toBe(0);
  for (const { context } of [ada, dan]) await context.close();
});

test('a whole server is un-stuck: where they would go is said before', async ({ lab, browser }) => {
  const { page, context } = await lab.pageOf(browser, 'ada', { javaScriptEnabled: false });
  await page.goto('/routing/server?router=lb-1&pool=app&server=api-2');
  await page.getByRole('link', { name: 'Move everybody off it …' }).click();
  await expect(page.getByRole('heading', { name: 'Move everybody off api-2' })).toBeVisible();
  await page.getByLabel('Reason').fill('api-2 is replaced');
  await page.getByRole('button', { name: 'Read who is on it, and count' }).click();
  await expect(page.getByRole('region', { name: 'Where they would go' })).toContainText('api-1');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('cancelled', { exact: true })).toBeVisible();
  await context.close();
});
