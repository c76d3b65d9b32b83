// A child of the benchmarks: how strangers meet with js-libp2p and its Kademlia DHT. All of it listens on loopback.
//
// `network COUNT` runs so many DHT servers in one process. `person ADDRESS` is told one of
//   wait TOPIC   provide the topic, tell `waiting` when the DHT has it
//   join TOPIC   find who provides it, and dial
//   meet TOPIC   provide and look up at the same time, again and again until somebody was found
// and tells `opened` before its first packet, `searched` when it knows a node of the DHT, `matched` when the
// application has a stream.

import { setTimeout as sleep } from 'node:timers/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { serve, tell } from './telling.mjs'

const CHAT = '/bench/chat/1'
const RAW = 0x55
const SHA2_256 = 0x12
const MANY = 1000 // everybody comes from one address here, which is not what the library's limits are for
const BEAT = 5 // ms between two looks at a routing table

async function node ({ clientMode }) {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: MANY, maxIncomingPendingConnections: MANY },
    services: {
      identify: identify(),
      ping: ping(),
      dht: kadDHT({
        protocol: '/ipfs/kad/1.0.0',
        clientMode,
        peerInfoMapper: passthroughMapper,
        allowQueryWithZeroPeers: true // else a first look-up waits for that of the own id, which starts a second late
      })
    }
  })
}

async function enter (member, address) {
  await member.dial(multiaddr(address))
  while (member.services.dht.routingTable.size === 0) await sleep(BEAT)
}

async function network (count) {
  const first = await node({ clientMode: false })
  const address = first.getMultiaddrs()[0].toString()
  for (let made = 1; made < count; made++) {
    const member = await node({ clientMode: false })
    await enter(member, address)
    await member.services.dht.refreshRoutingTable()
  }
  return address
}

async function person (address, word, topic) {
  tell('opened')
  const self = await node({ clientMode: true })
  const cid = CID.createV1(RAW, create(SHA2_256, topic))
  let met = false
  const matched = () => {
    if (!met) tell('matched')
    met = true
  }
  await self.handle(CHAT, matched)
  await enter(self, address)
  tell('searched')
  if (word === 'wait') {
    await self.contentRouting.provide(cid)
    tell('waiting')
    return
  }
  const providing = word === 'meet' ? self.contentRouting.provide(cid) : undefined
  while (!met) await look(self, cid, matched)
  await providing
}

/** Dials the first stranger that the DHT names. */
async function look (self, cid, matched) {
  for await (const { id, multiaddrs } of self.contentRouting.findProviders(cid)) {
    if (id.equals(self.peerId)) continue
    try {
      await self.dialProtocol(multiaddrs.length > 0 ? multiaddrs : id, CHAT)
      return matched()
    } catch (error) {
      tell('missed', { state: error.message }) // both dialled, or the other has left; the next look tells
    }
  }
}

await serve({ network, person })
