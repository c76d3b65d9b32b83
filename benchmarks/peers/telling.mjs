// What the children of the benchmarks share: words come in, one a line; what happened goes out, one JSON object a line.
// `at` is the machine's monotonic clock in seconds, the same that Python's time.monotonic() reads on Linux.

import { once } from 'node:events'
import { createInterface } from 'node:readline'

export function tell (event, fields = {}) {
  const at = Number(process.hrtime.bigint()) / 1e9
  process.stdout.write(JSON.stringify({ event, at, ...fields }) + '\n')
}

/** Runs `network COUNT` or `person ADDRESS`, as the command line says, until stdin is closed. */
export async function serve ({ network, person }) {
  const lines = createInterface({ input: process.stdin })
  lines.once('close', () => process.exit(0)) // a goodbye of a library's own may take longer than anybody waits
  const [mode, argument] = process.argv.slice(2)
  if (mode === 'network') {
    tell('listening', { address: await network(Number(argument)) })
    return
  }
  tell('ready')
  const [line] = await once(lines, 'line')
  const [word, topic] = line.split(' ')
  await person(argument, word, Buffer.from(topic, 'hex'))
}
