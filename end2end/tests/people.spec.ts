// Who may what, two people at once, and mistakes that lose nothing.
import { expect, test } from './world';

test('a viewer sees why and cannot clean up, and is told whom to ask', async ({ lab, browser }) => {
  const { page, context } = await lab.pageOf(browser, 'vera');
  await page.goto('/accounts/stuck-09');
  await expect(page.getByRole('region', { name: 'Verdict' })).toContainText('Stuck');
  await expect(page.getByText('Your role, viewer, may not clean up. Ask support or an admin.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Clean up …' })).toBeDisabled();
  await page.goto('/accounts/stuck-09/clean-up?mode=force');
  await expect(page.getByRole('button', { name: /^End / })).toBeDisabled();
  const answer = await page.goto('/audit');
  expect(answer!.status()).toBe(403);
  await context.close();
});

test('an auditor reads the log and no customer', async ({ lab, browser }) => {
  const { page, context } = await lab.pageOf(browser, 'otto');
  const answer = await page.goto('/accounts/stuck-09');
  expect(answer!.status()).toBe(403);
  await expect(page.getByRole('main')).not.toContainText('api-2');
  await page.goto('/audit');
  await expect(page.getByRole('table')).toBeVisible();
  await context.close();
});

test('two people at once: one clean-up, and both see it', async ({ lab, browser }) => {
  const account = 'stuck-10';
  await lab.freshSignIn(account);
  const [one, two] = [await lab.pageOf(browser, 'sam'), await lab.pageOf(browser, 'ben')];
  for (const { page } of [one, two]) {
    await page.goto(`/accounts/${account}/clean-up?mode=force`);
    await page.getByLabel('Reason').fill('both of us got the ticket');
  }
  await Promise.all([one, two].map(({ page }) => page.getByRole('button', { name: /^End \d+ sessions?/ }).click()));
  for (const { page } of [one, two]) {
    await expect(page).toHaveURL(/\/clean-ups\/c_/);
    await expect(page.getByRole('region', { name: 'Where it is' })).toContainText('Clean, and read back.');
  }
  expect(one.page.url()).toBe(two.page.url());
  for (const { context } of [one, two]) await context.close();
});

test('a plan that changed is shown anew, and what was typed is kept', async ({ lab, browser }) => {
  const account = 'stuck-11';
  await lab.freshSignIn(account);
  const { page, context } = await lab.pageOf(browser, 'sam');
  await page.goto(`/accounts/${account}/clean-up?mode=force`);
  await page.getByLabel('Reason').fill('typed with care and not to be lost');
  await lab.freshSignIn(account);
  await page.getByRole('button', { name: /^End \d+ sessions?/ }).click();
  await expect(page.getByText('The plan is new.')).toBeVisible();
  await expect(page.getByLabel('Reason')).toHaveValue('typed with care and not to be lost');
  await page.getByRole('button', { name: /^End \d+ sessions?/ }).click();
  await expect(page).toHaveURL(/\/clean-ups\/c_/);
  await context.close();
});

test('a wrong password says so and nothing more; an unknown search says what to do', async ({ lab, browser }) => {
  const context = await browser.newContext({ baseURL: lab.state.console });
  const page = await context.newPage();
  await page.goto('/');
  await expect(page).toHaveURL(/\/sign-in/);
  await page.getByLabel('Name').fill('nobody');
  await page.getByLabel('Password').fill('not the password at all');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByText('That name and password do not fit.')).toBeVisible();
  expect(page.url()).not.toContain('nobody');
  await context.close();
  const sam = await lab.pageOf(browser, 'sam');
  await sam.page.goto('/?q=no-such-thing-anywhere');
  await expect(sam.page.getByRole('main')).toContainText(/nothing|no account/i);
  await sam.context.close();
});

test('signing out ends the session, and the old cookie is worth nothing', async ({ lab, browser }) => {
  const { page, context } = await lab.pageOf(browser, 'ben');
  const cookies = await context.cookies();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  await context.addCookies(cookies);
  await page.goto('/accounts');
  await expect(page).toHaveURL(/\/sign-in/);
  await context.close();
});
