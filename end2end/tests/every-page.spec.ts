// Every page in both themes, wide and narrow, with and without scripts: axe finds nothing, nothing overflows the page.
import type { Page } from '@playwright/test';
import { accessible, expect, fits, test } from './world';

const account = 'stuck-12';
const pages = ['/', '/?q=stuck', '/?q=nothing-like-this', '/accounts', '/accounts?leftover=1', '/bulk', '/bulk/new', `/accounts/${account}`, `/accounts/${account}?sessions=all`,
  `/accounts/${account}/clean-up?mode=stale`, `/accounts/${account}/clean-up?mode=force`, '/clean-ups', '/routing', '/routing/server?router=lb-1&pool=app&server=api-1', '/routing/move-off?router=lb-1&pool=app&server=api-1', '/routing/re-pin?router=lb-1&pool=app&key=' + account,
  '/findings', '/findings/repair', '/webhooks', '/audit', '/staff', '/staff/vera', '/tokens', '/me', '/me/second-factor', '/confirm', `/accounts/${account}/link`, '/self', '/self?code=nothing-like-this', '/no-such-page'];

async function looksRight(page: Page, path: string, how: string) {
  await page.goto(path);
  await accessible(page, `${path} in ${how}`);
  await fits(page, `${path} in ${how}`);
}

for (const theme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    test(`every page is accessible and fits: ${theme}, ${width} wide`, async ({ lab, browser }) => {
      test.setTimeout(180_000);
      const { page, context } = await lab.pageOf(browser, 'ada');
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize({ width, height: 900 });
      const ledger = (await lab.shell('cleanup-user-sessions', '--account-id', theme === 'light' ? 'stuck-13' : 'stuck-14', '--reason', 'for a look', '--json'));
      const id = /"(c_[A-Za-z0-9_-]+)"/.exec(ledger.out)?.[1];
      const hook = /"(wh_[A-Za-z0-9_-]+)"/.exec((await lab.shell('webhook', 'list', '--json')).out)?.[1];
      for (const path of [...pages, ...(id ? [`/clean-ups/${id}`] : []), ...(hook ? [`/webhooks/${hook}`] : [])]) {
        await looksRight(page, path, `${theme} at ${width}`);
      }
      await context.close();
    });

    // By itself: it is the longest page by far, and the accessibility check reads every part of it.
    test(`the API reference is accessible and fits: ${theme}, ${width} wide`, async ({ lab, browser }) => {
      test.setTimeout(180_000);
      const { page, context } = await lab.pageOf(browser, 'ada');
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize({ width, height: 900 });
      await looksRight(page, '/api/docs', `${theme} at ${width}`);
      await context.close();
    });
  }
}

test('the ways in are accessible', async ({ lab, page }) => {
  for (const path of ['/sign-in', '/sign-in/code', '/welcome', '/setup']) {
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 900 });
      await page.goto(lab.state.console + path);
      await accessible(page, `${path} at ${width}`);
    }
  }
});

test('pages are useful without scripts', async ({ lab, browser }) => {
  const { page, context } = await lab.pageOf(browser, 'sam', { javaScriptEnabled: false });
  for (const path of [...pages, '/api/docs']) {
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  }
  await context.close();
});
