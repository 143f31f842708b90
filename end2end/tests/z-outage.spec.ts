// The load balancer goes away: last, for it comes back with empty tables and frees everybody.
import { expect, test } from './world';

test('HAProxy stops half-way: owed, and done by itself after it is back', async ({ lab, browser }) => {
  const account = 'stuck-08';
  await lab.freshSignIn(account);
  const { page, context } = await lab.pageOf(browser, 'sam');
  await page.goto(`/accounts/${account}/clean-up?mode=force`);
  await page.getByLabel('Reason').fill('the load balancer goes away meanwhile');
  await page.getByRole('button', { name: /^End \d+ sessions?/ }).click();
  await expect(page).toHaveURL(/\/clean-ups\/c_/);
  await lab.post('/haproxy/stop');
  const where = page.getByRole('region', { name: 'Where it is' });
  try {
    await expect(where).toContainText('Owed.');
    await expect(where).toContainText('lb-1');
    await page.goto('/routing');
    await expect(page.getByRole('main')).toContainText(/owed|does not answer|not answer/i);
    await page.goBack();
  } finally {
    await lab.post('/haproxy/start');
    await lab.post('/servers/api-2/drain');
  }
  await expect(where).toContainText('Clean, and read back.', { timeout: 40_000 });
  await context.close();
});
