// Starts the lab and answers how to stop it. UNSTICK_LAB_JSON names the lab.json of one that runs already.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export default async function start() {
  if (process.env.UNSTICK_LAB_JSON) return;
  const root = fileURLToPath(new URL('..', import.meta.url));
  const folder = `${root}/target/e2e-lab`;
  mkdirSync(`${root}/target`, { recursive: true });
  const log = `${root}/target/e2e-lab.log`;
  const program = process.env.UNSTICK_LAB ?? `${root}/target/debug/examples/lab`;
  const out = openSync(log, 'w');
  const lab = spawn(program, ['--folder', folder, '--console-port', '0', '--accounts', '60'], { cwd: root, stdio: ['ignore', out, out] });
  const failed = new Promise<never>((_, refuse) => {
    lab.once('error', refuse);
    lab.once('exit', (code) => refuse(new Error(`the lab ended with ${code}: ${readFileSync(log, 'utf8').slice(-2000)}`)));
  });
  failed.catch(() => {});
  const deadline = Date.now() + 90_000;
  const ready = async () => {
    while (!readFileSync(log, 'utf8').includes('lab ready')) {
      if (Date.now() > deadline) throw new Error(`the lab was not ready in 90 s: ${readFileSync(log, 'utf8')}`);
      await new Promise((go) => setTimeout(go, 100));
    }
  };
  await Promise.race([ready(), failed]);
  process.env.UNSTICK_LAB_JSON = `${folder}/lab.json`;
  return async () => {
    lab.kill('SIGTERM');
    await once(lab, 'exit');
  };
}
