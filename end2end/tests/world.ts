// What every journey shares: the lab, people who sign in, and what the load balancer itself says.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import AxeBuilder from '@axe-core/playwright';
import { test as base, expect, type Browser, type BrowserContext, type Page } from '@playwright/test';
import { startLab } from '../start-lab';

export type Client = { account: string; session: string; account_key: string; session_key: string };
export type Answer = { status: number; served_by: string };
type State = {
  console: string;
  control: string;
  token: string;
  config: string;
  admin_tool: string;
  staff: { name: string; role: string; password: string }[];
  story: { stuck: string[]; tried: number; still_bad: number };
};

/** How a page is: without scripts, or one that sees the server go away. */
type Options = { javaScriptEnabled?: boolean; outage?: boolean };

export class Lab {
  readonly state: State;

  constructor(json: string) {
    this.state = JSON.parse(readFileSync(json, 'utf8'));
  }

  async post(path: string): Promise<any> {
    const answer = await fetch(this.state.control + path, { method: 'POST' });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return answer.json();
  }

  /** The rows that HAProxy's own `show table` prints for a key. */
  async rows(table: string, key?: string, on = 'lb-1'): Promise<string[]> {
    return (await this.get(`/haproxy/table/${table}?on=${on}${key ? `&key=${key}` : ''}`)).rows;
  }

  /** Tells the console's API something, as the lab's sign-in app does. */
  async tell(method: string, path: string, body: object) {
    const headers = { authorization: `Bearer ${this.state.token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${this.state.console}/api/v1/${path}`, { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  }

  /** What the lab's controls answer. */
  async get(path: string): Promise<any> {
    const answer = await fetch(this.state.control + path);
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return answer.json();
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

  /** The first customers sign in one after another, each with a new client that works once on each load-balanced application. */
  async everybody(count = 60): Promise<Client[]> {
    const clients: Client[] = [];
    for (const account of this.customers(count)) clients.push((await this.freshSignIn(account)).client);
    return clients;
  }

  /** The first customers. */
  customers(count: number): string[] {
    return Array.from({ length: count }, (_, number) => `acc_${String(number).padStart(4, '0')}`);
  }

  /** The password of `name`. */
  password(name: string): string {
    return this.state.staff.find((staff) => staff.name === name)!.password;
  }

  /** A page of its own for `name`, signed in; with or without scripts. */
  async pageOf(browser: Browser, name: string, options: Options = {}): Promise<{ page: Page; context: BrowserContext }> {
    const { outage, ...others } = options;
    const context = await browser.newContext({ baseURL: this.state.console, ...others });
    const page = await context.newPage();
    watch(page, outage);
    await this.signIn(page, name);
    return { page, context };
  }
}

/** Fails a test when the page's console speaks of an error or a policy that was broken; in an `outage` the network may. */
function watch(page: Page, outage = false) {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    const fine = outage ? /status of (4\d\d|503)|net::ERR_/ : /status of (4\d\d)/;
    if (message.type() === 'error' && !fine.test(message.text())) problems.push(message.text());
  });
  page.on('close', () => {
    if (problems.length) throw new Error(`the browser's console: ${problems.join('\n')}`);
  });
}

/** A bulk clean-up as the database has it: asked in a shell, which works without the server. */
export async function bulkOf(lab: Lab, id: string): Promise<{ status: string; counts: { waiting: number; running: number; done: number } }> {
  const shown = await lab.shell('bulk', 'show', id, '--json');
  expect(shown.code, shown.err).toBe(0);
  const { status, counts } = JSON.parse(shown.out).bulk;
  return { status, counts: { waiting: 0, running: 0, done: 0, ...counts } };
}

/** No violation of axe's rules on the page as it is. */
export async function accessible(page: Page, what: string) {
  const found = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
  expect(found.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.target).join(' ')}`), what).toEqual([]);
}

/** Nothing on the page is wider than the window. */
export async function fits(page: Page, what: string) {
  const wide = await page.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    return [...document.querySelectorAll('body *')]
      .filter((it) => it.getBoundingClientRect().right > root.clientWidth + 1)
      .map((it) => `${it.tagName.toLowerCase()}.${it.className} to ${Math.round(it.getBoundingClientRect().right)}`);
  });
  expect(wide.slice(0, 12), `${what} is too wide`).toEqual([]);
}

export const test = base.extend<object, { lab: Lab; fleet: Lab }>({
  lab: [async ({}, use) => use(new Lab(process.env.UNSTICK_LAB_JSON!)), { scope: 'worker' }],
  // Two load balancers that are peers, and Redis: a lab of its own, for journeys that move or end everybody. Who is in it does
  // what a journey says and nothing by themselves.
  fleet: [
    async ({}, use) => {
      const { json, stop } = await startLab('e2e-fleet', '--fleet', '--redis', '--accounts', '60');
      const lab = new Lab(json);
      await lab.post('/traffic/pause');
      await use(lab);
      await stop();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
});
export { expect };
