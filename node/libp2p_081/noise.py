"""Noise for the peers that we speak with: a part of row 1 of cures.py."""
# pyright: reportMissingTypeStubs=false

from libp2p.abc import IRawConnection, ISecureConn
from libp2p.peer.id import ID
from libp2p.security.exceptions import HandshakeFailure
from libp2p.security.noise.transport import Transport as NoiseTransport

from passerby.crypto.keys import PEER_ID_PREFIX


class Ed25519Noise(NoiseTransport):
    """Noise that admits no peer id but Ed25519: RSA ids are 256-byte signatures to verify, others never meet us."""

    async def secure_inbound(self, conn: IRawConnection) -> ISecureConn:
        """Shake hands with who dialled us. Raises HandshakeFailure."""
        return await _require_ed25519(await super().secure_inbound(conn))

    async def secure_outbound(self, conn: IRawConnection, peer_id: ID) -> ISecureConn:
        """Shake hands with whom we dialled. Raises HandshakeFailure."""
        return await _require_ed25519(await super().secure_outbound(conn, peer_id))


async def _require_ed25519(session: ISecureConn) -> ISecureConn:
    if not session.get_remote_peer().to_bytes().startswith(PEER_ID_PREFIX):
        await session.close()
        raise HandshakeFailure("only Ed25519 peer ids are accepted")
    return session
