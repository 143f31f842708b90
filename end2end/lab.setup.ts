// Starts the lab of all journeys and answers how to stop it. UNSTICK_LAB_JSON names the lab.json of one that runs already.
import { startLab } from './start-lab';

export default async function start() {
  if (process.env.UNSTICK_LAB_JSON) return;
  const lab = await startLab('e2e-lab', '--accounts', '60');
  process.env.UNSTICK_LAB_JSON = lab.json;
  return lab.stop;
}
