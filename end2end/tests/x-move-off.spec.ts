// Everybody off a server, seen to its end on two load balancers that are each other's peers, and on a map in Redis: who is on it,
// where they would go, in waves, paused and gone on with. Then the load balancers themselves say that it holds nobody, nobody was
// signed out, and the next request of each of them lands elsewhere. Another one stops by itself when a server that takes them
// gets worse, goes on, and is cancelled: who was not begun stays.
import { bulkOf, expect, test, type Client, type Lab } from './world';

/** Customers of a journey, whom no other one knows: so few that no second admin is asked. */
const FEW = 24;
const SERVERS = ['api-1', 'api-2', 'api-3'];
const FLEET = ['lb-1', 'lb-2'];

/** New customers called `name` sign in and work once on each application. */
async function customers(lab: Lab, name: string): Promise<Client[]> {
  const clients: Client[] = [];
  for (let number = 1; number <= FEW; number++) {
    const account = `${name}-${String(number).padStart(2, '0')}`;
    await lab.tell('PUT', `accounts/${account}`, { name: `Customer ${number}`, email: `${account}@example.org` });
    clients.push((await lab.freshSignIn(account)).client);
    await lab.post(`/customers/${account}/request?pool=docs`);
  }
  return clients;
}

/** New customers who all land on `server`, which is drained then, as one does before it is emptied. Nobody else is on any: load
 * balancers that start together know nothing. */
async function customersOn(lab: Lab, server: string, name: string): Promise<Client[]> {
  for (const what of ['stop', 'start']) for (const on of FLEET) await lab.post(`/haproxy/${what}?on=${on}`);
  for (const each of SERVERS) {
    await lab.post(`/servers/${each}/good`);
    await lab.post(`/servers/${each}/${each === server ? 'ready' : 'drain'}`);
  }
  const clients = await customers(lab, name);
  for (const each of SERVERS) await lab.post(`/servers/${each}/${each === server ? 'drain' : 'ready'}`);
  return clients;
}

/** How many rows of the pool `app` lead to `server`, as each load balancer itself says. */
async function held(lab: Lab, server: string): Promise<number[]> {
  const id = ` server_id=${SERVERS.indexOf(server) + 1} `;
  return Promise.all(FLEET.map(async (on) => (await lab.rows('app', undefined, on)).filter((row) => row.includes(id)).length));
}

/** How many entries of the map in Redis lead to `server`. */
async function mapped(lab: Lab, server: string): Promise<number> {
  const { entries } = await lab.get('/redis');
  return Object.values<string>(entries).filter((entry) => entry.includes(`"${server}"`)).length;
}

test('everybody is moved off a server: it holds nobody, nobody is signed out, and they land elsewhere', async ({ fleet: lab, browser }) => {
  test.setTimeout(240_000);
  const clients = await customersOn(lab, 'api-1', 'moved');
  await expect.poll(() => held(lab, 'api-1'), 'a peer knows what the other one knows').toEqual([FEW, FEW]);

  const { page, context } = await lab.pageOf(browser, 'ada');
  await page.goto('/routing/server?router=lb-1&pool=app&server=api-1');
  await page.getByRole('link', { name: 'Move everybody off it …' }).click();
  await expect(page.getByRole('heading', { name: 'Move everybody off api-1' })).toBeVisible();
  await page.getByLabel('Wave').fill('4');
  await page.getByLabel('Reason').fill('api-1 is replaced');
  await page.getByRole('button', { name: 'Read who is on it, and count' }).click();
  const will = page.getByRole('region', { name: 'What will happen' });
  await expect(will).toContainText(`${FEW} accounts`);
  await expect(will).toContainText('Nobody is signed out.');
  await expect(page.getByRole('region', { name: 'Where they would go' })).toContainText('api-3');
  const routes = page.getByRole('region', { name: 'Their routes' });
  for (const on of FLEET) await expect(routes).toContainText(new RegExp(`${on} / app\\s*api-1 · ${FEW} routes`));
  expect(await held(lab, 'api-1'), 'a preview moves nobody').toEqual([FEW, FEW]);

  await page.getByRole('button', { name: `Move ${FEW} accounts` }).click();
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('button', { name: 'Go on' })).toBeVisible();
  const id = page.url().split('?')[0].split('/').pop()!;
  await expect.poll(async () => (await bulkOf(lab, id)).counts.running).toBe(0);
  const { counts } = await bulkOf(lab, id);
  expect(counts.waiting, 'it was paused in the middle').toBeGreaterThan(0);
  expect(counts.done + counts.waiting).toBe(FEW);
  expect(await held(lab, 'api-1'), 'who had their turn is off it, and nobody else').toEqual([counts.waiting, counts.waiting]);

  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('region', { name: 'Progress' })).toContainText('100 %', { timeout: 120_000 });
  await expect(page.getByText('done', { exact: true })).toBeVisible();
  expect(await held(lab, 'api-1')).toEqual([0, 0]);
  for (const { account, session } of clients) {
    const answer = await lab.request(account);
    expect([answer.client.session, answer.app.status], `${account} is still signed in`).toEqual([session, 200]);
    expect(['api-2', 'api-3'], `${account} lands elsewhere`).toContain(answer.app.served_by);
  }
  expect((await lab.freshSignIn(clients[0].account)).app.served_by, 'a new client too').not.toBe('api-1');
  expect(await held(lab, 'api-1'), 'and nothing brought anybody back').toEqual([0, 0]);
  await expect(async () => {
    await page.goto('/routing/move-off?router=lb-1&pool=app&server=api-1');
    await expect(page.getByRole('region', { name: 'On it, as last read' })).toContainText(/lb-1\s*0 routes/, { timeout: 500 });
  }).toPass();
  await expect(page.getByRole('region', { name: 'Moves off this server' })).toContainText(`${FEW} of ${FEW}`);

  // The map in Redis is a router like the others; here all of them are pinned to a server that a person chose.
  const [before, there] = [await mapped(lab, 'api-1'), await mapped(lab, 'api-3')];
  expect(before).toBeGreaterThanOrEqual(FEW);
  const words = ['unstick-server', '--router', 'map-1', '--pool', 'docs', '--server', 'api-1', '--to', 'api-3'];
  const dry = await lab.shell(...words, '--dry-run');
  expect(dry.out + dry.err).toContain(`${before} routes to api-1 on map-1 / docs`);
  expect(await mapped(lab, 'api-1'), 'a dry run moves nobody').toBe(before);
  const moved = await lab.shell(...words, '--reason', 'api-1 is replaced', '--wait', '--json');
  expect(moved.code, moved.err + moved.out).toBe(0);
  expect([await mapped(lab, 'api-1'), await mapped(lab, 'api-3')]).toEqual([0, there + before]);
  for (const { account } of clients.slice(0, 4)) {
    expect((await lab.post(`/customers/${account}/request?pool=docs`)).docs, account).toMatchObject({ served_by: 'api-3' });
  }
  expect((await lab.shell('audit', 'verify')).code, 'the chain verifies').toBe(0);
  await context.close();
});

test('it stops by itself when a server that takes them gets worse, goes on, and is cancelled: who was not begun stays', async ({ fleet: lab, browser }) => {
  test.setTimeout(240_000);
  await customersOn(lab, 'api-3', 'left');
  const landed = await Promise.all((await customers(lab, 'other')).map(({ account }) => lab.request(account)));
  const onApi1 = landed.filter(({ app }) => app.served_by === 'api-1').map(({ client }) => client.account);
  expect(onApi1.length, 'who signs in meanwhile is on the other servers').toBeGreaterThan(5);

  const { page, context } = await lab.pageOf(browser, 'ada', { javaScriptEnabled: false });
  await page.goto('/routing/move-off?router=lb-1&pool=app&server=api-3');
  await page.getByLabel('Wave').fill('1');
  await page.getByLabel('Reason').fill('api-3 is replaced');
  await page.getByRole('button', { name: 'Read who is on it, and count' }).click();
  await page.getByRole('button', { name: `Move ${FEW} accounts` }).click();
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  const id = page.url().split('?')[0].split('/').pop()!;
  const at = async () => (await bulkOf(lab, id)).counts;
  // The others were measured when it began.
  await expect.poll(async () => (await at()).done).toBeGreaterThan(0);

  await lab.post('/servers/api-1/bad');
  await expect.poll(async () => {
    await Promise.all(onApi1.map((account) => lab.request(account)));
    return (await bulkOf(lab, id)).status;
  }, { timeout: 60_000 }).toBe('stopped');
  // The page renews itself: going to it once more would meet its own renewal.
  await expect(page.getByText('It stopped by itself.')).toBeVisible();
  await expect(page.getByText(/api-1 on lb-[12] (fails|takes|is degraded)/)).toBeVisible();
  await expect.poll(async () => (await at()).running).toBe(0);
  const stopped = await at();
  expect(stopped.waiting).toBeGreaterThan(0);
  expect(await held(lab, 'api-3'), 'who was not begun is where they were').toEqual([stopped.waiting, stopped.waiting]);

  await lab.post('/servers/api-1/good');
  await page.getByRole('button', { name: 'Go on' }).click();
  // The page is there again.
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  await expect.poll(async () => (await at()).done).toBeGreaterThan(stopped.done);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('cancelled', { exact: true })).toBeVisible();
  await expect.poll(async () => (await at()).running).toBe(0);
  const cancelled = await at();
  expect(cancelled.waiting).toBeGreaterThan(0);
  expect(await held(lab, 'api-3'), 'a cancelled one leaves the rest alone').toEqual([cancelled.waiting, cancelled.waiting]);
  await lab.post('/servers/api-3/ready');
  await context.close();
});
