// A child of the benchmarks: how strangers meet with Hyperswarm. All of it is bound to loopback.
//
// `network COUNT` runs so many DHT nodes in one process. `person ADDRESS` is told one of
//   wait TOPIC      announce, tell `waiting` when the DHT has it
//   join TOPIC      announce and look up, as the library does it by itself
//   refresh TOPIC   the same, and look again for as long as nobody was found
// and tells `opened` before its first packet, `searched` when its node knows the DHT, `matched` at a connection.

import createTestnet from '@hyperswarm/testnet'
import DHT from 'hyperdht'
import Hyperswarm from 'hyperswarm'
import { serve, tell } from './telling.mjs'

const LOOPBACK = '127.0.0.1'

async function network (count) {
  const { bootstrap: [{ host, port }] } = await createTestnet(count, { host: LOOPBACK })
  return `${host}:${port}`
}

async function person (address, word, topic) {
  tell('opened')
  const [host, port] = address.split(':')
  const dht = new DHT({ host: LOOPBACK, bootstrap: [{ host, port: Number(port) }] })
  const swarm = new Hyperswarm({ dht })
  let met = false
  swarm.on('connection', (connection) => {
    connection.on('error', () => {}) // the other has left
    if (!met) tell('matched')
    met = true
  })
  await dht.fullyBootstrapped()
  tell('searched')
  const discovery = swarm.join(topic, { server: true, client: true })
  await discovery.flushed()
  if (word === 'wait') tell('waiting')
  while (word === 'refresh' && !met) await discovery.refresh()
}

await serve({ network, person })
