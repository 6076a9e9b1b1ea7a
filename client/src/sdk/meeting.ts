/** Making a room. The secret is made here, in the page; the server only signs invites. */
import { PROTOCOL_VERSION } from '../protocol/messages.gen';
import { formatRoomLink, newRoomName, newSecret } from './link';
import { errorOf, Signalling } from './signalling';

/**
 * Ask the server for a new room.
 *
 * @returns the link for everybody (it carries the guest invite) and, apart from it, the host's invite.
 * @throws SottoError `room.denied` where the server does not let anybody make rooms.
 */
export async function createMeeting(server: string): Promise<{ link: string; room: string; hostInvite: string }> {
  try {
    const signalling = await Signalling.connect(server, { pushed: () => undefined, closed: () => undefined });
    try {
      const room = newRoomName();
      const created = await signalling.request({ type: 'create', version: PROTOCOL_VERSION, room }, 'created');
      const link = formatRoomLink(server, created.room, newSecret(), created.guest_invite);
      return { link, room: created.room, hostInvite: created.host_invite };
    } finally {
      signalling.close();
    }
  } catch (problem) {
    throw errorOf(problem);
  }
}
