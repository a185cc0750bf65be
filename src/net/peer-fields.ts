import { Fields } from '../base/fields.ts';
import { NO_MEMBER, type MemberId } from '../raft/types.ts';

/** Member ids take four bytes where they are stored. */
const MEMBER_MAX = 2 ** 32 - 1;

/** The fields of what servers tell each other. */
export class PeerFields extends Fields {
  member(): MemberId {
    const value = this.uint();
    if (value > MEMBER_MAX) this.fail('not a member');
    return value;
  }

  /** Member ids in rising order, without repeats. */
  members(): MemberId[] {
    const list = this.list();
    const fields = new PeerFields(list, this.what);
    const members: MemberId[] = [];
    let last = NO_MEMBER;
    for (let i = 0; i < list.length; i++) {
      const member = fields.member();
      if (member <= last) this.fail('members that are not sorted');
      members.push(member);
      last = member;
    }
    return members;
  }
}
