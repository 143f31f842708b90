// What a load balancer does with a server, set from the console and read back from HAProxy itself; and a customer who is
// pinned to a server that a person chose. Without scripts.
import { expect, test } from './world';

test('an admin drains a server, sees it read back, and makes it ready again', async ({ lab, browser }) => {
  const { page, context } = await lab.pageOf(browser, 'ada', { javaScriptEnabled: false });
  const shown = () => lab.shell('server-state', '--router', 'lb-1', '--pool', 'app', '--server', 'api-3');
  await page.goto('/routing');
  await page.getByRole('link', { name: 'api-3' }).first().click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('api-3');
  await page.getByLabel('drain').check();
  await page.getByLabel('Reason').fill('   no   ');
  await page.getByRole('button', { name: 'Set the state' }).click();
  await expect(page.getByText('Say why, in at least 5 characters')).toBeVisible();
  await expect(page.getByLabel('drain')).toBeChecked();
  for (const state of ['drain', 'ready']) {
    await page.getByLabel(state).check();
    await page.getByLabel('Reason').fill('its disk is replaced');
    await page.getByRole('button', { name: 'Set the state' }).click();
    await expect(page.getByText(`api-3 is set to ${state}, read back on lb-1`)).toBeVisible();
    expect((await shown()).out).toContain(`lb-1: ${state}`);
  }
  await context.close();
});

test('support pins a customer to another server, and the next request goes there', async ({ lab, browser }) => {
  const account = 'stuck-08';
  await lab.freshSignIn(account);
  const { page, context } = await lab.pageOf(browser, 'sam', { javaScriptEnabled: false });
  await page.goto(`/accounts/${account}`);
  await page.getByRole('link', { name: 'Pin elsewhere' }).first().click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Pin to another server');
  await page.getByLabel(/^api-1 /).check();
  await page.getByLabel('Reason').fill('their upload is on api-1');
  await page.getByRole('button', { name: 'Pin it there' }).click();
  await expect(page.getByText(/is pinned to api-1, read back on lb-1/)).toBeVisible();
  expect((await lab.request(account)).app.served_by).toBe('api-1');
  await context.close();
});

test('a viewer sees a server and may not set it', async ({ lab, browser }) => {
  const { page, context } = await lab.pageOf(browser, 'vera');
  await page.goto('/routing/server?router=lb-1&pool=app&server=api-1');
  await expect(page.getByRole('button', { name: 'Set the state' })).toBeDisabled();
  await expect(page.getByText('Only admins set the state of a server.')).toBeVisible();
  await context.close();
});
