// Starts a lab of this build, waits until it is ready, and answers where its lab.json is and how to stop it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** A lab in target/`name`, beside any other one. */
export async function startLab(name: string, ...words: string[]): Promise<{ json: string; stop: () => Promise<void> }> {
  const folder = `${root}/target/${name}`;
  mkdirSync(`${root}/target`, { recursive: true });
  const log = `${folder}.log`;
  const program = process.env.UNSTICK_LAB ?? `${root}/target/debug/examples/lab`;
  const out = openSync(log, 'w');
  const lab = spawn(program, ['--folder', folder, '--console-port', '0', ...words], { cwd: root, stdio: ['ignore', out, out] });
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
  await Promise.race([ready(), failed]).catch((error) => {
    lab.kill('SIGTERM');
    throw error;
  });
  const stop = async () => {
    if (lab.exitCode !== null || lab.signalCode !== null) return;
    lab.kill('SIGTERM');
    await once(lab, 'exit');
  };
  return { json: `${folder}/lab.json`, stop };
}
