// An unmodified js-libp2p for tests/integration/test_libp2p_interop.py; tests/support/bare_libp2p.py is its twin.
//
// `listen` tells its address and echoes until stdin closes. `dial ADDRESS` sends BYTES bytes, tells whether they came
// back, and then whether a protocol that nobody speaks was refused.

import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const ECHO = '/test/echo/1'
const BYTES = 600_000 // more than a window each way

const tell = (fact) => process.stdout.write(JSON.stringify(fact) + '\n')

async function echo (stream) {
  for await (const chunk of stream) {
    if (!stream.send(chunk)) await stream.onDrain()
  }
  await stream.close()
}

async function listen (node) {
  await node.handle(ECHO, echo)
  tell({ address: node.getMultiaddrs()[0].toString() })
  process.stdin.resume()
  await new Promise((resolve) => process.stdin.once('end', resolve))
}

async function dial (node, address) {
  const connection = await node.dial(multiaddr(address))
  const stream = await connection.newStream(ECHO)
  const sent = new Uint8Array(BYTES).map((_, index) => index % 251)
  const received = []
  const reading = (async () => {
    for await (const chunk of stream) received.push(...chunk.subarray())
  })()
  for (let start = 0; start < BYTES; start += 50_000) {
    if (!stream.send(sent.subarray(start, start + 50_000))) await stream.onDrain()
  }
  await stream.close()
  await reading
  tell({ echoed: received.length === BYTES && received.every((byte, index) => byte === sent[index]) })
  const refused = await connection.newStream('/nobody/1').then(() => false, (error) => error.name === 'UnsupportedProtocolError')
  tell({ refused })
}

const [word, address] = process.argv.slice(2)
const node = await createLibp2p({
  addresses: { listen: word === 'listen' ? ['/ip4/127.0.0.1/tcp/0'] : [] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()]
})
await (word === 'listen' ? listen(node) : dial(node, address))
await node.stop()
