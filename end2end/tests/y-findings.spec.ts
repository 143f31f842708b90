// What is left over anywhere is found without anyone asking for an account, and removed by a plan that names it. Without
// scripts, and late: it frees customers that earlier journeys want stuck.
import { expect, test } from './world';

test('a census finds what is left over, and a repair removes exactly that', async ({ lab, browser }) => {
  const { page, context } = await lab.pageOf(browser, 'ada', { javaScriptEnabled: false });
  await page.goto('/findings');
  // What one census saw counts when a second one sees it again.
  for (const look of ['first', 'second']) {
    await page.getByRole('button', { name: 'Run now' }).click();
    await expect(page.getByRole('heading', { level: 1 }), look).toHaveText('Findings');
    await expect(async () => {
      await page.goto('/findings');
      await expect(page.getByRole('main')).toContainText(/Last census: .* read, ended/, { timeout: 1_000 });
      await expect(page.getByRole('button', { name: 'Run now' })).toBeEnabled({ timeout: 1_000 });
    }).toPass();
  }
  const orphans = page.getByRole('link', { name: /orphaned sessions/ });
  await expect(orphans).not.toContainText(/^0/);
  await orphans.click();
  await expect(page).toHaveURL(/kind=orphaned_session/);

  await page.getByRole('link', { name: 'Plan a repair' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Plan a repair');
  await expect(page.getByText('Nobody is signed out.')).toBeVisible();
  await page.getByLabel('Reason').fill('left by clients that were signed out badly');
  await page.getByRole('button', { name: /^Repair \d+ accounts?$/ }).click();

  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Repair');
  const made = page.getByRole('row').filter({ has: page.getByRole('link', { name: 'Its ledger' }) }).first();
  const account = await made.getByRole('link').first().innerText();
  await made.getByRole('link', { name: 'Its ledger' }).click();
  const where = page.getByRole('region', { name: 'Where it is' });
  await expect(where).toContainText('Clean, and read back.', { timeout: 40_000 });
  const diagnosis = await lab.shell('diagnose-sessions', '--account-id', account, '--json');
  expect(diagnosis.code, diagnosis.err).toBe(0);
  expect(JSON.parse(diagnosis.out).account.leftover_sessions, 'nothing of it is left over').toBe(0);
  expect((await lab.shell('audit', 'verify')).code, 'the chain verifies').toBe(0);
  await context.close();
});
