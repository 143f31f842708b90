// The pictures of the README, made on the lab: each is a page as somebody has it before them. `make pictures` makes them anew;
// small enough to be in the repository, which is checked.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { expect, test } from '../tests/world';
import { small } from './small';

/** Bytes of a picture, at most. */
const LARGEST = 150_000;

async function picture(page: Page, name: string, height: number, width = 1280) {
  await page.setViewportSize({ width, height });
  const png = small(await page.screenshot({ animations: 'disabled', caret: 'hide' }));
  expect(png.length, `${name} is small`).toBeLessThan(LARGEST);
  writeFileSync(fileURLToPath(new URL(`${name}.png`, import.meta.url)), png);
}

test('pictures', async ({ fleet: lab, browser }) => {
  await lab.post('/traffic/resume');
  const sam = await lab.pageOf(browser, 'sam');
  await sam.page.goto('/accounts/stuck-03');
  await expect(sam.page.getByRole('region', { name: 'Verdict' })).toContainText('Stuck on a bad server.');
  await picture(sam.page, 'account', 900);

  await sam.page.goto('/accounts/stuck-04/clean-up?mode=force');
  await sam.page.getByLabel('Reason').fill('Lands on api-2 whatever they reinstall');
  await sam.page.getByLabel('Ticket').fill('T-48213');
  await sam.page.getByRole('button', { name: /^End \d+ sessions?/ }).click();
  await expect(sam.page.getByRole('region', { name: 'Where it is' })).toContainText('Clean, and read back.');
  await picture(sam.page, 'ledger', 860);

  const ada = await lab.pageOf(browser, 'ada');
  await ada.page.emulateMedia({ colorScheme: 'dark' });
  await ada.page.goto('/routing/move-off?router=lb-1&pool=app&server=api-2');
  await ada.page.getByLabel('Reason').fill('api-2 fails 16 % of its requests');
  await ada.page.getByLabel('Ticket').fill('T-48213');
  await ada.page.getByRole('button', { name: 'Read who is on it, and count' }).click();
  await expect(ada.page.getByRole('region', { name: 'Where they would go' })).toBeVisible();
  await picture(ada.page, 'move-off', 900);
  await ada.page.getByRole('button', { name: 'Cancel' }).click();

  await ada.page.emulateMedia({ colorScheme: 'light' });
  await ada.page.goto('/bulk/new?text=acc_');
  await ada.page.getByLabel('Force').check();
  await ada.page.getByLabel('Wave').fill('10');
  await ada.page.getByLabel('Reason').fill('left by the outage of 23 Nov');
  await ada.page.getByLabel('Ticket').fill('T-48213');
  await ada.page.getByRole('button', { name: 'Freeze the list and count' }).click();
  await ada.page.getByLabel('Your password').fill(lab.password('ada'));
  await ada.page.getByRole('button', { name: /^Ask for approval/ }).click();
  const dan = await lab.pageOf(browser, 'dan');
  await dan.page.goto(ada.page.url());
  await dan.page.getByLabel('Your password').fill(lab.password('dan'));
  await dan.page.getByRole('button', { name: /^Approve/ }).click();
  await expect(dan.page.getByRole('region', { name: 'Progress' })).toContainText(/[34]\d %/);
  await dan.page.reload();
  await picture(dan.page, 'bulk', 860);

  const present = await lab.freshSignIn('stuck-05');
  await sam.page.goto('/accounts/stuck-05/link');
  await sam.page.getByLabel('The device that they are on').selectOption(present.client.session);
  await sam.page.getByRole('button', { name: 'Make a link' }).click();
  const link = await sam.page.getByRole('region', { name: 'The link, shown this once' }).textContent();
  const customer = await browser.newPage();
  await customer.goto(/https?:\S+code=\S+/.exec(link!)![0]);
  await customer.getByRole('button', { name: 'Check my sessions' }).click();
  await expect(customer.getByRole('region', { name: 'What we found' })).toContainText('Your account is stuck');
  await picture(customer, 'customer', 480, 760);

  await ada.page.goto('/staff');
  await ada.page.getByLabel('Sign-in name').fill('nora');
  await ada.page.getByLabel('Name', { exact: true }).fill('Nora Field');
  await ada.page.getByLabel('Role').selectOption('support');
  await ada.page.getByRole('button', { name: 'Add, and get a one-time code' }).click();
  await expect(ada.page.getByRole('region', { name: 'Their one-time code' })).toBeVisible();
  await picture(ada.page, 'staff', 860);
  for (const { context } of [sam, ada, dan]) await context.close();
});
