// Accounts as awkward as they come: the longest texts without a place to break, other directions, signs of HTML, nothing at
// all, and more sessions than a page holds. Every page that shows them is accessible and fits.
import { writeFile } from 'node:fs/promises';
import { accessible, expect, fits, test } from './world';

const long = 'W'.repeat(64);
const accounts = [
  { account_id: long, email: `${'m'.repeat(64)}@${'long-'.repeat(35)}example.org`, name: 'Ŵ'.repeat(100), plan: 'enterprise-plan-with-a-long-name' },
  { account_id: 'awkward_rtl', email: 'rtl@awkward.example', name: 'مها 🧵 \u202Eأحمد\u202C O’Neill-Núñez' },
  { account_id: 'awkward_html', email: 'html@awkward.example', name: '<img src=x onerror=alert(1)> & "co" ${7*7} %00' },
  { account_id: 'awkward_bare' },
  { account_id: 'awkward_many', email: 'many@awkward.example', name: 'Many Sessions' },
];
const agent = `Mozilla/5.0 (${'X11; '.repeat(30)}Linux) ${'Very/1.0 '.repeat(20)}`.slice(0, 300);
const sessions = [
  { session_id: `s_${'w'.repeat(60)}`, account_id: long, client: 'C'.repeat(60), user_agent: agent, ip: '2001:db8:85a3:8d3:1319:8a2e:370:7348' },
  { session_id: 's_awk_rtl', account_id: 'awkward_rtl', client: 'تطبيق', reason: 'signed_out' },
  { session_id: 's_awk_html', account_id: 'awkward_html', client: '<b>bold</b>', user_agent: '</script><script>alert(1)</script>' },
  ...Array.from({ length: 530 }, (_, n) => ({ session_id: `s_awk_${n}`, account_id: 'awkward_many', client: 'Desktop 4.2', user_agent: agent, ...(n % 5 ? {} : { reason: 'expired' }) })),
];

test('the most awkward accounts are shown whole, and fit', async ({ lab, browser }, info) => {
  test.setTimeout(240_000);
  const file = info.outputPath('awkward.ndjson');
  await writeFile(file, [...accounts, ...sessions].map((record) => JSON.stringify(record)).join('\n'));
  const loaded = await lab.shell('import', file, '--json');
  expect(loaded.code, loaded.out + loaded.err).toBe(0);
  const done = await lab.shell('cleanup-user-sessions', '--account-id', 'awkward_many', '--mode', 'stale', '--reason', '<b>R</b> '.repeat(40), '--ticket', 'T-1', '--json');
  const ledger = /"(c_[A-Za-z0-9_-]+)"/.exec(done.out)?.[1];
  expect(ledger, done.out + done.err).toBeTruthy();

  const { page, context } = await lab.pageOf(browser, 'ada');
  const said: string[] = [];
  page.on('dialog', (dialog) => said.push(dialog.message()));
  const paths = ['/accounts?text=awkward', `/accounts?text=${long}`, '/?q=awkward', `/?q=${long}`, `/clean-ups/${ledger}`, '/accounts/awkward_many?sessions=all', '/audit?account=awkward_many'];
  for (const { account_id } of accounts) {
    paths.push(`/accounts/${account_id}`, `/accounts/${account_id}/clean-up?mode=force`, `/accounts/${account_id}/clean-up?mode=stale`);
  }
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 900 });
    for (const path of paths) {
      const answer = await page.goto(path);
      expect(answer?.status(), path).toBe(200);
      if (width === 1280) await accessible(page, path);
      await fits(page, `${path} at ${width}`);
    }
  }
  expect(said, 'nothing of a customer ran').toEqual([]);
  await page.goto('/accounts/awkward_html');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('<img src=x onerror=alert(1)>');
  await context.close();
});
