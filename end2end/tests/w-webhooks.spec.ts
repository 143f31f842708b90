// Webhooks on the lab: a receiver that checks every signature and the order, is killed half-way, comes back, and has lost
// nothing; the console's log says what came of each event and sends it again under the same id.
import { expect, test, type Lab } from './world';

type Told = { events: number; duplicates: number; out_of_order: number; bad_signatures: number; kinds: Record<string, number> };

async function told(lab: Lab): Promise<Told> {
  return (await fetch(`${lab.state.control}/receiver`)).json();
}

test('a receiver that is killed half-way gets everything, in order, and can be sent it again', async ({ lab, browser }) => {
  test.setTimeout(120_000);
  const before = await told(lab);
  const account = 'stuck-15';
  await lab.freshSignIn(account);
  await lab.post('/receiver/kill');
  await lab.post(`/customers/${account}/sign-out?badly=true`);
  const { page, context } = await lab.pageOf(browser, 'ada');
  await page.goto('/webhooks');
  await page.getByRole('link', { name: /127\.0\.0\.1/ }).first().click();
  await page.goto(`${page.url()}?account=${account}`);
  await expect(page.getByText('session.ended').last()).toBeVisible();
  await lab.post('/receiver/start');
  await expect.poll(async () => (await told(lab)).events, { timeout: 60_000 }).toBeGreaterThan(before.events);
  await expect.poll(async () => {
    await page.reload();
    return page.getByRole('cell', { name: 'delivered' }).count();
  }, { timeout: 60_000 }).toBeGreaterThan(0);

  const seen = await told(lab);
  expect([seen.bad_signatures, seen.out_of_order]).toEqual([0, 0]);
  await page.getByRole('button', { name: /^Send again: evt_/ }).first().click();
  await expect(page.getByText('It is sent again, under the same id.')).toBeVisible();
  await expect.poll(async () => (await told(lab)).duplicates, { timeout: 30_000 }).toBeGreaterThan(seen.duplicates);
  await context.close();
});

test('a viewer sees no webhooks', async ({ lab, browser }) => {
  const { page, context } = await lab.pageOf(browser, 'vera');
  await expect(page.getByRole('link', { name: 'Webhooks' })).toHaveCount(0);
  await page.goto('/webhooks');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Make it' })).toHaveCount(0);
  await context.close();
});
