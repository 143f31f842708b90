// What every journey shares: the lab, people who sign in, and what the load balancer itself says.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import AxeBuilder from '@axe-core/playwright';
import { test as base, expect, type Browser, type BrowserContext, type Page } from '@playwright/test';

export type Client = { account: string; session: string; account_key: string; session_key: string };
export type Answer = { status: number; served_by: string };
type State = {
  console: string;
  control: string;
  config: string;
  admin_tool: string;
  staff: { name: string; role: string; password: string }[];
  story: { stuck: string[]; tried: number; still_bad: number };
};

export class Lab {
  readonly state: State = JSON.parse(readFileSync(process.env.UNSTICK_LAB_JSON!, 'utf8'));

  async post(path: string): Promise<any> {
    const answer = await fetch(this.state.control + path, { method: 'POST' });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return answer.json();
  }

  /** The rows that HAProxy's own `show table` prints for a key. */
  async rows(table: string, key: string): Promise<string[]> {
    const answer = await fetch(`${this.state.control}/haproxy/table/${table}?key=${key}`);
    return (await answer.json()).rows;
  }

  /** A brand-new client signs in and works once in each pool. */
  freshSignIn(account: string): Promise<{ client: Client; app: Answer; files: Answer }> {
    return this.post(`/customers/${account}/sign-in`);
  }

  /** A request of the client that the account has. */
  request(account: string): Promise<{ client: Client; app: Answer }> {
    return this.post(`/customers/${account}/request`);
  }

  /** `admin-tool` in a shell: its exit code and what it printed. */
  async shell(...words: string[]): Promise<{ code: number; out: string; err: string }> {
    try {
      const { stdout, stderr } = await promisify(execFile)(this.state.admin_tool, ['--config', this.state.config, ...words]);
      return { code: 0, out: stdout, err: stderr };
    } catch (error: any) {
      return { code: error.code, out: error.stdout, err: error.stderr };
    }
  }

  async signIn(page: Page, name: string) {
    const person = this.state.staff.find((staff) => staff.name === name)!;
    await page.goto(`${this.state.console}/sign-in`);
    await page.getByLabel('Name').fill(person.name);
    await page.getByLabel('Password').fill(person.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
  }

  /** The password of `name`. */
  password(name: string): string {
    return this.state.staff.find((staff) => staff.name === name)!.password;
  }

  /** A page of its own for `name`, signed in; with or without scripts. */
  async pageOf(browser: Browser, name: string, options: { javaScriptEnabled?: boolean } = {}): Promise<{ page: Page; context: BrowserContext }> {
    const context = await browser.newContext({ baseURL: this.state.console, ...options });
    const page = await context.newPage();
    watch(page);
    await this.signIn(page, name);
    return { page, context };
  }
}

/** Fails a test when the page's console speaks of an error or a policy that was broken. */
function watch(page: Page) {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of (4\d\d)/.test(message.text())) problems.push(message.text());
  });
  page.on('close', () => {
    if (problems.length) throw new Error(`the browser's console: ${problems.join('\n')}`);
  });
}

/** No violation of axe's rules on the page as it is. */
export async function accessible(page: Page, what: string) {
  const found = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
  expect(found.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.target).join(' ')}`), what).toEqual([]);
}

export const test = base.extend<object, { lab: Lab }>({
  lab: [async ({}, use) => use(new Lab()), { scope: 'worker' }],
});
export { expect };
