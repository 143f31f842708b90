// People: a new one chooses their own password, sets up a second factor, signs in with it, and no code counts twice. An admin
// resets it. Everything without scripts as well: these forms are plain ones.
import { createHmac } from 'node:crypto';
import { accessible, expect, test } from './world';

/** The code that an authenticator app shows for `secret` (RFC 6238), some steps of half a minute from now. */
function code(secret: string, steps = 0): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = '';
  for (const letter of secret.replace(/\s/g, '')) bits += alphabet.indexOf(letter).toString(2).padStart(5, '0');
  const key = Buffer.from(bits.match(/.{8}/g)!.map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac('sha1', key).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

const password = 'seven quiet kettles under moss';

test('a new person, a second factor, a replay, a recovery code, a reset', async ({ lab, browser }) => {
  test.setTimeout(180_000);
  const ada = await lab.pageOf(browser, 'ada');
  await ada.page.goto('/staff');
  await ada.page.getByLabel('Sign-in name').fill('nora');
  await ada.page.getByLabel('Name', { exact: true }).fill('Nora Field');
  await ada.page.getByLabel('Role').selectOption('support');
  await ada.page.getByRole('button', { name: 'Add, and get a one-time code' }).click();
  const shown = ada.page.getByRole('region', { name: 'Their one-time code' });
  await expect(shown).toContainText('It counts once');
  const welcome = (await shown.locator('code').first().textContent())!;
  await accessible(ada.page, 'a one-time code');

  const context = await browser.newContext({ baseURL: lab.state.console, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto('/welcome');
  await page.getByLabel('One-time code').fill(welcome);
  await page.getByLabel('New password').fill(password);
  await page.getByRole('button', { name: 'Use it and sign in' }).click();
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();

  // Enrol: the picture is there, the secret is read as a person would type it.
  await page.goto('/me/second-factor');
  await page.getByRole('button', { name: 'Set it up' }).click();
  await expect(page.getByRole('img', { name: /The secret as a picture/ })).toBeVisible();
  const secret = (await page.locator('.enrol .id code').textContent())!;
  await page.getByLabel('2. The code that the app shows now').fill(code(secret));
  await page.getByRole('button', { name: 'Use it from now on' }).click();
  const codes = page.getByRole('region', { name: 'Your recovery codes' }).locator('code');
  const first = await codes.allTextContents();
  expect(first).toHaveLength(10);
  // New ones alone: those from before are void, and the app stays as it is.
  await page.getByRole('button', { name: 'Make new recovery codes' }).click();
  await expect(page.getByText('Those from before are void.')).toBeVisible();
  const recovery = await codes.allTextContents();
  expect(recovery).toHaveLength(10);
  expect(recovery).not.toContain(first[0]);
  await page.reload();
  await expect(page.getByRole('region', { name: 'Your recovery codes' })).toHaveCount(0);

  // Sign in with the next code: the one that set it up is used.
  await page.getByRole('button', { name: 'Sign out' }).click();
  const firstStep = async () => {
    await page.goto('/sign-in');
    await page.getByLabel('Name').fill('nora');
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('heading', { name: 'Your code' })).toBeVisible();
  };
  await firstStep();
  const used = code(secret);
  await page.getByLabel('Code').fill(used);
  await page.getByRole('button', { name: 'Sign in' }).click();
  // Half a minute may have passed meanwhile: then it was a new one, and the next try is the replay.
  if (await page.getByRole('heading', { name: 'Your code' }).isVisible()) {
    await expect(page.getByText('was used already')).toBeVisible();
    await expect
      .poll(async () => {
        await page.getByLabel('Code').fill(code(secret));
        await page.getByRole('button', { name: 'Sign in' }).click();
        return page.getByRole('button', { name: 'Sign out' }).isVisible();
      }, { intervals: [15_000], timeout: 60_000 })
      .toBe(true);
  }
  await page.getByRole('button', { name: 'Sign out' }).click();
  await firstStep();
  await page.getByLabel('Code').fill(used);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByText('was used already')).toBeVisible();

  await page.getByLabel('Code').fill(recovery[0]);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
  await page.goto('/me');
  await expect(page.getByText('9 recovery codes are left')).toBeVisible();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await firstStep();
  await page.getByLabel('Code').fill(recovery[0]);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Your code' }), 'a recovery code counts once too').toBeVisible();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.getByLabel('Code').fill(recovery[1]);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
  await page.goto('/me');
  await expect(page.getByText('8 recovery codes are left')).toBeVisible();

  // Lost telephone: an admin resets, and the person is told.
  await ada.page.goto('/staff/nora');
  await expect(ada.page.getByText('second factor on')).toBeVisible();
  await ada.page.getByRole('button', { name: 'Reset password and second factor' }).click();
  const again = (await ada.page.getByRole('region', { name: 'Their one-time code' }).locator('code').first().textContent())!;
  await page.reload();
  await expect(page).toHaveURL(/\/sign-in/);
  await page.goto('/welcome');
  await page.getByLabel('One-time code').fill(again);
  await page.getByLabel('New password').fill(password);
  await page.getByRole('button', { name: 'Use it and sign in' }).click();
  await page.goto('/me');
  await expect(page.getByText('staff:ada reset your password and your second factor.')).toBeVisible();
  await context.close();
  await ada.context.close();
});

test('a proof that was ended is asked for in the form, and nothing is lost', async ({ lab, browser }) => {
  const [ada, dan] = [await lab.pageOf(browser, 'ada'), await lab.pageOf(browser, 'dan', { javaScriptEnabled: false })];
  await ada.page.goto('/staff/dan');
  await ada.page.getByRole('button', { name: 'Ask for a fresh proof' }).click();
  await expect(ada.page.getByText('dan proves anew who they are')).toBeVisible();
  await dan.page.goto('/tokens');
  await dan.page.getByLabel('Name', { exact: true }).fill('reports');
  await dan.page.getByLabel('sessions:read').check();
  await dan.page.getByRole('button', { name: 'Make it' }).click();
  await expect(dan.page.getByRole('heading', { name: 'Confirm that it is you' })).toBeVisible();
  await dan.page.getByLabel('Your password').fill('not the right one');
  await dan.page.getByRole('button', { name: 'Make the token reports' }).click();
  await expect(dan.page.getByText('That is not your password')).toBeVisible();
  await dan.page.getByLabel('Your password').fill(lab.password('dan'));
  await dan.page.getByRole('button', { name: 'Make the token reports' }).click();
  await expect(dan.page.getByRole('region', { name: 'The new token’s secret' })).toContainText('sac_');
  await dan.page.getByRole('button', { name: 'Revoke reports' }).click();
  await expect(dan.page.getByText(/^Token t_.* is refused from the next request on/)).toBeVisible();
  for (const { context } of [ada, dan]) await context.close();
});
